"""Random holes for inpainting models, which learn to fill what is missing of a whole picture.

As in LaMa (Suvorov et al. 2022) and Stable Diffusion's inpainting model, holes are boxes, ellipses and thick strokes.
A frame's holes are drawn by its clip's name, once or several times (``latents.holes``).
"""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.seeds import rng

LEAST, SHAPES = 0.1, 5
"""A hole has at least this share of the picture, of at most so many shapes."""

SIDES = (0.15, 0.6)
"""Least and greatest extent of a shape, in sides of the picture."""


def hole(size: int, sample: str, frame: int, draw: int = 0) -> np.ndarray:
    """A hole in a picture, ``uint8 [S,S]`` in {0, 255}; 255 is missing. It is never empty and never the whole picture.

    Args:
        size: the picture's side.
        sample, frame, draw: the names that it is drawn by.
    """
    drawn = rng("hole", sample, frame, draw)
    mask_SS = np.zeros((size, size), np.uint8)
    for _ in range(SHAPES):
        _paint(mask_SS, drawn)
        if (mask_SS > 0).mean() >= LEAST:
            break
    # A shape has at most 0.6 of a side, but five may cover everything.
    if mask_SS.all():
        mask_SS[0] = 0
    return mask_SS


def _paint(mask_SS: np.ndarray, drawn: np.random.Generator) -> None:
    """Add one shape, in place."""
    size = len(mask_SS)
    x, y = (drawn.uniform(0, size, 2)).round().astype(int).tolist()
    w, h = np.maximum((drawn.uniform(*SIDES, 2) * size / 2).round().astype(int), 1).tolist()
    angle = float(drawn.uniform(0, 360))
    which = drawn.integers(3)
    if which == 0:
        cv2.rectangle(mask_SS, (x - w, y - h), (x + w, y + h), 255, -1)
    elif which == 1:
        cv2.ellipse(mask_SS, (x, y), (w, h), angle, 0, 360, 255, -1)
    else:
        corners = np.cumsum(np.vstack([[x, y], drawn.uniform(-0.4, 0.4, (3, 2)) * size]), axis=0)
        stroke = np.clip(corners, 0, size - 1).round().astype(np.int32)
        cv2.polylines(mask_SS, [stroke], False, 255, max(min(w, h), 1))
