"""Data sets that come with the truth, TABE-51 and MOVi-MC-AC, as clips, and their export for methods to complete."""
