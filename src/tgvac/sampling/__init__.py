"""Inference: windows, guidance, samplers. The result of a training does not depend on it."""
