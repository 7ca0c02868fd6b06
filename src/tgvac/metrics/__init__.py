"""Metrics: what a completion is worth, frame by frame, and what a set of frames says, with intervals."""
