"""Where the object is in what a model painted on white."""

from __future__ import annotations

import numpy as np

from tgvac.clips.images import grey

# Shapes: S the model's square.


def darker(square_SS3: np.ndarray, threshold: int) -> np.ndarray:
    """Where a picture's grey is below a threshold, ``uint8 [S,S]`` in {0, 255}: how pix2gestalt finds the object."""
    return np.where(grey(square_SS3) < threshold, 255, 0).astype(np.uint8)
