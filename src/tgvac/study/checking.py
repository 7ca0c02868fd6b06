"""Attention checks: videos whose right answer is plain, because the other answers are visibly spoilt truths."""

from __future__ import annotations

import numpy as np

from tgvac.seeds import rng
from tgvac.study.plan import TRUTH

_TILES = 6


def answers(whole_FHW3: np.ndarray, count: int, *names: str | int) -> dict[str, np.ndarray]:
    """The truth, and ``count - 1`` copies whose tiles are out of place, others in each frame.

    Args:
        whole_FHW3: the truth, ``uint8``.
        names: of the check, for its draws.

    Returns:
        by name: ``truth``, ``spoilt-1``, ``spoilt-2``, …
    """
    spoilt = {f"spoilt-{i}": _shuffled(whole_FHW3, rng("study check", *names, i)) for i in range(1, count)}
    return {TRUTH: whole_FHW3, **spoilt}


def _shuffled(video_FHW3: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    frames, height, width = video_FHW3.shape[:3]
    tile_h, tile_w = max(1, height // _TILES), max(1, width // _TILES)
    rows, columns = height // tile_h, width // tile_w
    out_FHW3 = video_FHW3.copy()
    for f in range(frames):
        for place, source in enumerate(draw.permutation(rows * columns)):
            y, x = place // columns * tile_h, place % columns * tile_w
            v, u = source // columns * tile_h, source % columns * tile_w
            out_FHW3[f, y : y + tile_h, x : x + tile_w] = video_FHW3[f, v : v + tile_h, u : u + tile_w]
    return out_FHW3
