"""Text-guided video amodal completion: the whole object, in every frame, from a video and a sentence."""

__version__ = "0.1.0"
