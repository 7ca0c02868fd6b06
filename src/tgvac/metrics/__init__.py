"""Metrics: scores of completions, frame by frame, and their means over frames, with intervals."""
