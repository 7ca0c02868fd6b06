"""Where occluders go: at their own coordinates, as in the paper, or drawn from ranges.

Every draw is named by the recipe, the occluder and how often its turn came, never by the number of the attempt: a
newcomer that is tried and refused moves no other's draws.
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
"""Decimals of what is drawn: a ten-thousandth of a frame is below a pixel."""


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
        amodal_FHW: the target's masks, at which a rich placement may aim.
    """
    turn, at = divmod(attempt, len(ranked))
    if params.placement == "paper":
        return (_begun(params, name, ranked[at], turn),)
    first = ranked[at]
    least, most = params.rich.occluders
    drawn = rng("occluders", params.seed, name, first.track, first.start, turn)
    count = min(int(drawn.integers(least, most + 1)), len(ranked))
    # Those beside the first are the next in rank, and never the first again.
    chosen = [ranked[(at + k) % len(ranked)] for k in range(count)]
    return tuple(
        _enriched(params, name, each, turn, k, amodal_FHW, open_track)
        for k, each in reversed(list(enumerate(chosen)))  # the first, which ranks best, on top
    )


def _begun(params: SynthesisParams, name: str, occluder: Stretch, turn: int) -> Placement:
    """The paper's placement of an occluder, from a frame drawn by name."""
    drawn = rng("occluder start", params.seed, name, occluder.track, occluder.start, turn)
    begin = occluder.start + int(drawn.integers(occluder.frames))
    return Placement(track=occluder.track, start=begin, first=occluder.start, frames=occluder.frames)


def _enriched(
    params: SynthesisParams,
    name: str,
    occluder: Stretch,
    turn: int,
    beside: int,
    amodal_FHW: np.ndarray,
    open_track: Callable[[str], Track],
) -> Placement:
    rich = params.rich
    drawn = rng("placement", params.seed, name, occluder.track, occluder.start, turn, beside)
    # As many numbers are drawn whatever the ranges are, so that one range moves nothing but its own.
    scale, shift_x, shift_y, drift, angle, flip, aim = drawn.random(7).tolist()
    across = math.cos(2 * math.pi * angle)
    length = _within(rich.drift, drift)
    placement = _begun(params, name, occluder, turn).model_copy(
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
    rich: RichParams, drawn: float, placement: Placement, amodal_FHW: np.ndarray, occluder: Track
) -> tuple[float, float]:
    """The shift that brings the occluder's centre onto the target's half way through; 0 where it is not to aim."""
    if drawn >= rich.aim:
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
    """Row and column of a mask's centre of mass; None where it is empty."""
    rows, columns = np.nonzero(mask_HW)
    return (float(rows.mean()), float(columns.mean())) if len(rows) else None
