"""Training: cached latents, objectives, one loop, checkpoints."""
