"""Occlusion synthesis: selection of whole objects, splits, placement, compositing."""
