"""Archives: the registry of sources, downloads, and verification."""
