"""The data contracts and their files: track, recipe, clip, completion, rows, captions; images, archives, framing."""
