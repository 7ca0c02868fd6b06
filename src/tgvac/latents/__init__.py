"""Phase `latents`: clips, pairs and sentences encoded once, and what trainings read of them."""
