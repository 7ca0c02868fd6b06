"""Frames in, layers out: completing videos of any length."""
