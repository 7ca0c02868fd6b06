"""Visible masks of every frame: segmenters behind one protocol, and their refinement."""
