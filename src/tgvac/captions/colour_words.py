"""Names the colours of an object's pixels, for a sentence where no model describes it."""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.world.colours import PALETTE

NAMED = {**PALETTE, "grey": (140, 140, 140)}
"""The basic colour terms of English, and turquoise."""
LEAST = 0.2
"""The share of the pixels from which a second colour is named: smaller parts are spots, shade and edges."""


def colour_shares(rgb_N3: np.ndarray) -> dict[str, float]:
    """The share of the pixels that are nearest to each named colour in CIELAB, largest first; none have share 0.

    Args:
        rgb_N3: ``uint8``, at least one pixel.

    Raises:
        ValueError: when there are no pixels.
    """
    if not len(rgb_N3):
        raise ValueError("there are no pixels, so they have no colour")
    names = sorted(NAMED)
    lab_C3 = _lab(np.array([NAMED[name] for name in names], np.uint8))
    # Equal pixels are compared once: a clip has millions of pixels, and fewer colours.
    rgb_U3, count_U = np.unique(rgb_N3, axis=0, return_counts=True)
    nearest_U = _nearest(_lab(rgb_U3), lab_C3)
    count_C = np.bincount(nearest_U, count_U, len(names))
    order = sorted(range(len(names)), key=lambda c: (-count_C[c], names[c]))
    return {names[c]: float(count_C[c] / count_C.sum()) for c in order if count_C[c]}


def describe_colours(rgb_N3: np.ndarray) -> str:
    """``a green object``, or ``a green and white object`` if a second colour covers enough of it."""
    (main, _), *others = colour_shares(rgb_N3).items()
    named = [main, *(name for name, share in others[:1] if share >= LEAST)]
    return f"{'an' if main[0] in 'aeiou' else 'a'} {' and '.join(named)} object"


def _lab(rgb_N3: np.ndarray) -> np.ndarray:
    """CIELAB, ``float32 [N,3]``."""
    scaled_1N3 = rgb_N3[None].astype(np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(scaled_1N3, cv2.COLOR_RGB2LAB)[0])


def _nearest(lab_N3: np.ndarray, lab_C3: np.ndarray) -> np.ndarray:
    """The index of the nearest of a few colours, ``int64 [N]``."""
    best_N, index_N = np.full(len(lab_N3), np.inf, np.float32), np.zeros(len(lab_N3), np.int64)
    for c, lab_3 in enumerate(lab_C3):
        away_N = ((lab_N3 - lab_3) ** 2).sum(axis=1)
        closer_N = away_N < best_N
        best_N[closer_N], index_N[closer_N] = away_N[closer_N], c
    return index_N
