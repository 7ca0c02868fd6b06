"""Phase `backbones`: the frozen networks, either pretrained, shipped, or small ones trained by the run."""
