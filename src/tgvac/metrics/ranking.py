"""How well a scoring CLIP ranks: does it find the true object more like itself than a wrong one?

A frame of a whole object is compared with a later frame of the same object, which has another pose, and with two wrong
completions in its own pose: the same object in wrong colours, and the hull of the object in its mean colour. A scorer
that looks at shapes alone prefers the wrong ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tgvac.backbones.objectives import ORDERS
from tgvac.clips.images import on_white
from tgvac.methods.mean_colour import convex_hull
from tgvac.metrics.clip_score import ImageEncoder, embed
from tgvac.seeds import rng

if TYPE_CHECKING:
    from tgvac.clips.framed import ClipSource
    from tgvac.clips.framing import FramingParams

# Shapes: P pairs of frames, S the model's square.

LATER = 4
"""Frames from the first to the later one: the object has moved, but is no less visible."""

DIFFERENT = 24.0
"""Grey levels that the mean pixel of an object has to change by, to be in wrong colours; a grey one stays as it is."""


def wrong_colours(whole_SS3: np.ndarray, *names: str | int) -> np.ndarray | None:
    """An object on white with its colours in another order, ``uint8 [S,S,3]``; None where all orders look alike.

    Args:
        whole_SS3: the object on white, ``uint8``.
        names: what the order is drawn by.
    """
    on_SS = whole_SS3.min(axis=2) < 255
    if not on_SS.any():
        return None
    for k in rng("wrong colours", *names).permutation(len(ORDERS)):
        order = ORDERS[k]
        changed = whole_SS3[..., list(order)]
        if np.abs(changed[on_SS].astype(float) - whole_SS3[on_SS]).mean() >= DIFFERENT:
            return changed
    return None


def mean_colour_hull(whole_SS3: np.ndarray) -> np.ndarray:
    """The convex hull of an object on white, filled with its mean colour, ``uint8 [S,S,3]``."""
    on_SS = whole_SS3.min(axis=2) < 255
    if not on_SS.any():
        return np.full_like(whole_SS3, 255)
    mean_3 = np.rint(whole_SS3[on_SS].mean(axis=0)).astype(np.uint8)
    hull_SS = convex_hull(np.where(on_SS, 255, 0).astype(np.uint8))
    return on_white(np.broadcast_to(mean_3, whole_SS3.shape), hull_SS)


def ranking(encoder: ImageEncoder, source: ClipSource, framing: FramingParams, batch: int) -> dict[str, float]:
    """The share of clips in which the later frame of the object is nearer to its first frame than a wrong completion.

    Returns:
        ``pairs``, how many were compared, and the shares ``wrong_colours`` and ``hull``; NaN where there is no pair.
    """
    true, later, recoloured, hulls = [], [], [], []
    for sample in source.samples():
        if source.length(sample) <= LATER:
            continue
        first_SS3, later_SS3 = source.framed(sample, framing, [0, LATER]).whole_FSS3
        wrong = wrong_colours(first_SS3, sample)
        if wrong is None:
            continue
        true.append(first_SS3)
        later.append(later_SS3)
        recoloured.append(wrong)
        hulls.append(mean_colour_hull(first_SS3))
    if not true:
        return {"pairs": 0, "wrong_colours": float("nan"), "hull": float("nan")}
    true_PD, later_PD, recoloured_PD, hulls_PD = (
        embed(encoder, np.stack(x), batch) for x in (true, later, recoloured, hulls)
    )
    right_P = (true_PD * later_PD).sum(axis=1)
    return {
        "pairs": len(true),
        "wrong_colours": float((right_P > (true_PD * recoloured_PD).sum(axis=1)).mean()),
        "hull": float((right_P > (true_PD * hulls_PD).sum(axis=1)).mean()),
    }
