"""Archives: which sources offer them, how they get here, and whether they are what they should be."""
