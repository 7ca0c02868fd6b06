"""Published weights of other methods, converted to the layouts of diffusers and transformers."""
