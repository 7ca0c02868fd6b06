"""A sentence for every object."""
