"""Sources of footage: an adapter for each layout, and the phases `sources` and `tracks`."""
