"""Methods that complete objects, behind one registry: ours, trivial baselines, and the ceiling."""
