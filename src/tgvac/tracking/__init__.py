"""From what a user selects an object by to its visible mask in every frame."""
