"""What a scale costs before it is run: counts, FLOPs, GPU-hours, memory, storage and jobs."""
