"""Completing an object in a user's own video: select it, track it, complete it, write layers."""
