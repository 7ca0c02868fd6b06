"""Tensors only: backbones, the 12-channel UNet, motion modules, windows, sampling."""
