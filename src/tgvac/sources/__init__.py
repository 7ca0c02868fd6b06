"""Where footage comes from: the registry, the adapters of each layout, and the procedural world."""
