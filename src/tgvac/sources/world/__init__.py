"""The world: a procedural source of video in DAVIS layout, with its truth beside it."""
