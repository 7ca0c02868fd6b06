"""Phase `backbones`: the frozen networks, pretrained, shipped, or small ones trained by the run."""
