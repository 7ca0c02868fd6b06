"""ProgressiveAmodal (Xu et al. 2024), a baseline: frame by frame, an inpainting model paints what is hidden."""
