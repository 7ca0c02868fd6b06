"""Captions every object with one sentence."""
