"""Drawing recipes: which occluder, from where, for which target.

Candidates are ranked for every recipe by a hash of (target, number, candidate), so that a new video
changes only those recipes in which it ranks before the one that was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tgvac.clip.clip import occlusion_rate
from tgvac.clip.recipe import Placement, Recipe, Split
from tgvac.clip.track import Track
from tgvac.seeds import rng, seed_of, unit
from tgvac.synthesis.compositing import place
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.selection import Stretch


def draw_recipes(
    params: SynthesisParams,
    stretches: Sequence[Stretch],
    candidates: Sequence[Stretch],
    split: Split,
    open_track: Callable[[str], Track],
) -> list[tuple[Recipe, np.ndarray]]:
    """The recipes of one target track, with their occlusion rates ``float64 [F]``.

    Args:
        stretches: the target's own, at least one.
        candidates: stretches of other videos in the same split, the occluders to choose from.

    Returns:
        up to ``per_object`` recipes, all different; fewer where no acceptable occlusion was found.
    """
    ordered = sorted(stretches, key=lambda s: (-s.frames, s.start))
    others = [c for c in candidates if c.video != ordered[0].video]
    drawn: list[tuple[Recipe, np.ndarray]] = []
    taken: set[tuple[int, Placement]] = set()
    for number in range(params.per_object if others else 0):
        stretch = ordered[number % len(ordered)]
        found = _draw_one(params, stretch, others, split, number, open_track, taken)
        if found is not None:
            drawn.append(found)
    return drawn


def _draw_one(
    params: SynthesisParams,
    stretch: Stretch,
    others: Sequence[Stretch],
    split: Split,
    number: int,
    open_track: Callable[[str], Track],
    taken: set[tuple[int, Placement]],
) -> tuple[Recipe, np.ndarray] | None:
    """One recipe, or None when no attempt was acceptable."""
    name = f"{stretch.track}/r{number}"
    ranked = sorted(others, key=lambda c: unit("occluder", params.seed, name, c.track, c.start))
    start, frames = _window(params, stretch, name)
    target = open_track(stretch.track)
    amodal_FHW = target.masks([start + params.stride * i for i in range(frames)])
    for attempt in range(params.attempts):
        turn, place_in_rank = divmod(attempt, len(ranked))
        occluder = ranked[place_in_rank]
        # Named by the turn, not the attempt: a newcomer that is tried and refused moves no other's start.
        first = rng("occluder start", params.seed, name, occluder.track, occluder.start, turn)
        begin = occluder.start + int(first.integers(occluder.frames))
        placement = Placement(track=occluder.track, start=begin, first=occluder.start, frames=occluder.frames)
        if (start, placement) in taken:
            continue
        rates_F = occlusion_rates(amodal_FHW, placement, open_track(occluder.track))
        if not acceptable(params, rates_F):
            continue
        taken.add((start, placement))
        recipe = Recipe(
            recipe=name,
            target=stretch.track,
            video=stretch.video,
            source=stretch.source,
            split=split,
            start=start,
            stride=params.stride,
            frames=frames,
            occluders=(placement,),
            seed=seed_of("recipe", params.seed, name),
            mean_rate=round(float(np.nanmean(rates_F)), 6),
            max_rate=round(float(np.nanmax(rates_F)), 6),
        )
        return recipe, rates_F
    return None


def _window(params: SynthesisParams, stretch: Stretch, name: str) -> tuple[int, int]:
    """Where in its stretch a recipe starts, and how many frames it takes."""
    available = (stretch.frames - 1) // params.stride + 1
    frames = min(available, params.max_frames)
    room = stretch.frames - ((frames - 1) * params.stride + 1)
    return stretch.start + int(rng("start", params.seed, name).integers(room + 1)), frames


def occlusion_rates(amodal_FHW: np.ndarray, placement: Placement, occluder: Track) -> np.ndarray:
    """The occlusion rate of each frame that a placement gives, ``float64 [F]``, from masks alone."""
    frames, height, width = amodal_FHW.shape
    shown = placement.shown(occluder.meta.frames, frames)
    occluder_FHW = np.stack([place(occluder.mask(i), placement, height, width) for i in shown])
    return occlusion_rate(amodal_FHW & ~occluder_FHW, amodal_FHW)


def acceptable(params: SynthesisParams, rates_F: np.ndarray) -> bool:
    """Visible in the first frame (the task starts there), occluded somewhere, within bounds on the mean."""
    if np.isnan(rates_F).all() or np.isnan(rates_F[0]) or rates_F[0] > params.first_rate_max:
        return False
    return bool(np.nanmax(rates_F) > 0 and params.rate_min <= np.nanmean(rates_F) <= params.rate_max)
