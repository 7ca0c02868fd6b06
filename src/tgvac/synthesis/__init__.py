"""Occlusion synthesis: selects whole objects, splits videos, places occluders and composites clips."""
