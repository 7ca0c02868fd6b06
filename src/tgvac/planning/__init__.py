"""What a scale costs, before anyone submits it: counts, FLOPs, GPU-hours, memory, storage and jobs."""
