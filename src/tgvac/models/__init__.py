"""The networks: backbones, the 12-channel UNet, motion modules, and the noise schedule."""
