"""Placements of occluders: in their own coordinates, as in the paper, or drawn from ranges.

Every draw is named by the recipe, the occluder and how often it was tried before, never by the number of the attempt.
A new candidate that is tried and refused therefore does not change the draws of the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tgvac.clips.recipe import Placement
from tgvac.clips.track import Track
from tgvac.seeds import rng
from tgvac.synthesis.compositing import place
from tgvac.synthesis.params import RichParams, SynthesisParams
from tgvac.synthesis.selection import Stretch

_DIGITS = 4
"""Decimals of drawn values: 1/10,000 of a frame is less than a pixel."""


def draw_placements(
    params: SynthesisParams,
    name: str,
    ranked: Sequence[Stretch],
    attempt: int,
    amodal_FHW: np.ndarray,
    open_track: Callable[[str], Track],
) -> tuple[Placement, ...]:
    """The occluders of one attempt at a recipe, the last one on top.

    Args:
        name: the recipe's id.
        ranked: stretches of other videos, in the order in which they are tried.
        amodal_FHW: the target's masks; a rich placement may move its occluder onto them.
    """
    turn, at = divmod(attempt, len(ranked))
    if params.placement == "paper":
        return (_paper_placement(params, name, ranked[at], turn),)
    first = ranked[at]
    low, high = params.rich.occluders
    draws = rng("occluders", params.seed, name, first.track, first.start, turn)
    count = min(int(draws.integers(low, high + 1)), len(ranked))
    # The others are the next in rank, and never the first again.
    chosen = [ranked[(at + k) % len(ranked)] for k in range(count)]
    return tuple(
        _rich_placement(params, name, each, turn, k, amodal_FHW, open_track)
        for k, each in reversed(list(enumerate(chosen)))  # the first, which ranks best, is on top
    )


def _paper_placement(params: SynthesisParams, name: str, occluder: Stretch, turn: int) -> Placement:
    """The paper's placement of an occluder, which starts at a random frame."""
    draws = rng("occluder start", params.seed, name, occluder.track, occluder.start, turn)
    start = occluder.start + int(draws.integers(occluder.frames))
    return Placement(track=occluder.track, start=start, first=occluder.start, frames=occluder.frames)


def _rich_placement(
    params: SynthesisParams,
    name: str,
    occluder: Stretch,
    turn: int,
    number: int,
    amodal_FHW: np.ndarray,
    open_track: Callable[[str], Track],
) -> Placement:
    rich = params.rich
    draws = rng("placement", params.seed, name, occluder.track, occluder.start, turn, number)
    # The count of draws does not depend on the ranges, so that changing one range only changes its own value.
    scale, shift_x, shift_y, drift, angle, flip, aim = draws.random(7).tolist()
    across = math.cos(2 * math.pi * angle)
    length = _within(rich.drift, drift)
    placement = _paper_placement(params, name, occluder, turn).model_copy(
        update={
            "scale": round(math.exp(_within((math.log(rich.scale[0]), math.log(rich.scale[1])), scale)), _DIGITS),
            "flip": flip < rich.flip,
            "drift_x": round(length * across, _DIGITS),
            "drift_y": round(length * math.sin(2 * math.pi * angle), _DIGITS),
        }
    )
    dx, dy = _aim(rich, aim, placement, amodal_FHW, open_track(occluder.track))
    return placement.model_copy(
        update={
            "dx": round(dx + _within(rich.shift_x, shift_x), _DIGITS),
            "dy": round(dy + _within(rich.shift_y, shift_y), _DIGITS),
        }
    )


def _within(ends: tuple[float, float], unit: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * unit


def _aim(
    rich: RichParams, draw: float, placement: Placement, amodal_FHW: np.ndarray, occluder: Track
) -> tuple[float, float]:
    """The shift that moves the occluder's centre onto the target's in the middle frame, with probability ``aim``.

    Otherwise, or if a mask is empty, it is 0.
    """
    if draw >= rich.aim:
        return 0.0, 0.0
    frames, height, width = amodal_FHW.shape
    middle = frames // 2
    shown = placement.shown(occluder.meta.frames, frames)[middle]
    here = _centre(place(occluder.mask(shown), placement, height, width))
    there = _centre(amodal_FHW[middle])
    if here is None or there is None:
        return 0.0, 0.0
    return (there[1] - here[1]) / width, (there[0] - here[0]) / height


def _centre(mask_HW: np.ndarray) -> tuple[float, float] | None:
    """Row and column of a mask's centre of mass; None if the mask is empty."""
    rows, columns = np.nonzero(mask_HW)
    return (float(rows.mean()), float(columns.mean())) if len(rows) else None
