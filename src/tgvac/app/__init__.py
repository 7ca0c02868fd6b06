"""A page in the browser for completing an object in one's own video, on top of ``tgvac complete``."""
