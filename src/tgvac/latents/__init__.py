"""Phase `latents`: encodes clips, pairs and sentences once; trainings read them from here."""
