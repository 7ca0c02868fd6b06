"""Draws recipes: chooses occluders and their placements for each target.

Candidates are ranked for every recipe by a hash of (target, number, candidate). A new video therefore only changes the
recipes in which it ranks before the chosen candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from tgvac.clips.clip import occlusion_rate
from tgvac.clips.recipe import Placement, Recipe, Split, progress_of
from tgvac.clips.track import Track
from tgvac.seeds import rng, seed_of, unit
from tgvac.synthesis.compositing import alpha_of
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.placements import draw_placements
from tgvac.synthesis.quotas import wanted_bin
from tgvac.synthesis.selection import Stretch


def draw_recipes(
    params: SynthesisParams,
    stretches: Sequence[Stretch],
    candidates: Sequence[Stretch],
    split_of: Callable[[str], Split],
    open_track: Callable[[str], Track],
) -> list[tuple[Recipe, np.ndarray]]:
    """Draw the recipes of one target track, with their occlusion rates ``float64 [F]``.

    Args:
        stretches: the target's stretches, at least one.
        candidates: stretches of the same split, to choose occluders from; those of the target's video are skipped.
        split_of: the split of a recipe, by its id.

    Returns:
        Up to ``per_object`` different recipes; fewer if no acceptable occlusion was found.
    """
    ordered = sorted(stretches, key=lambda s: (-s.frames, s.start))
    others = [c for c in candidates if c.video != ordered[0].video]
    drawn: list[tuple[Recipe, np.ndarray]] = []
    taken: set[tuple[int, tuple[Placement, ...]]] = set()
    for number in range(params.per_object if others else 0):
        stretch = ordered[number % len(ordered)]
        recipe = _draw_one(params, stretch, others, split_of, number, open_track, taken)
        if recipe is not None:
            drawn.append(recipe)
    return drawn


def _draw_one(
    params: SynthesisParams,
    stretch: Stretch,
    others: Sequence[Stretch],
    split_of: Callable[[str], Split],
    number: int,
    open_track: Callable[[str], Track],
    taken: set[tuple[int, tuple[Placement, ...]]],
) -> tuple[Recipe, np.ndarray] | None:
    """One recipe, or None if no attempt was acceptable.

    Without a histogram, the first acceptable attempt is taken. With one, it is the first acceptable attempt in the
    recipe's bin, or the nearest to the bin if none is in it.
    """
    name = f"{stretch.track}/r{number}"
    ranked = sorted(others, key=lambda c: unit("occluder", params.seed, name, c.track, c.start))
    start, frames = _window(params, stretch, name)
    target = open_track(stretch.track)
    amodal_FHW = target.masks([start + params.frame_step * i for i in range(frames)])
    aim = wanted_bin(params, stretch.track, number)
    best: tuple[float, tuple[Placement, ...], np.ndarray] | None = None
    for attempt in range(params.attempts):
        placements = draw_placements(params, name, ranked, attempt, amodal_FHW, open_track)
        if (start, placements) in taken:
            continue
        rates_F = occlusion_rates(amodal_FHW, placements, open_track, params.feather_of_edge)
        if not acceptable(params, rates_F):
            continue
        distance = aim.distance(_mean(rates_F)) if aim else 0.0
        if best is None or distance < best[0]:
            best = distance, placements, rates_F
        if best[0] == 0:
            break
    if best is None:
        return None
    _, placements, rates_F = best
    taken.add((start, placements))
    recipe = Recipe(
        recipe=name,
        target=stretch.track,
        video=stretch.video,
        source=stretch.source,
        split=split_of(name),
        start=start,
        frame_step=params.frame_step,
        frames=frames,
        occluders=placements,
        feather=params.feather_of_edge,
        seed=seed_of("recipe", params.seed, name),
        mean_rate=_mean(rates_F),
        max_rate=round(float(np.nanmax(rates_F)), 6),
    )
    return recipe, rates_F


def _mean(rates_F: np.ndarray) -> float:
    """The mean rate as it is saved in the recipe, so that the bin can be computed again from the file."""
    return round(float(np.nanmean(rates_F)), 6)


def _window(params: SynthesisParams, stretch: Stretch, name: str) -> tuple[int, int]:
    """The first frame and the number of frames of a recipe within its stretch."""
    available = (stretch.frames - 1) // params.frame_step + 1
    frames = min(available, params.max_frames)
    latest = stretch.frames - ((frames - 1) * params.frame_step + 1)
    return stretch.start + int(rng("start", params.seed, name).integers(latest + 1)), frames


def occlusion_rates(
    amodal_FHW: np.ndarray, placements: Sequence[Placement], open_track: Callable[[str], Track], feather: int = 0
) -> np.ndarray:
    """The occlusion rate of each frame under all placements together, ``float64 [F]``; only masks are read."""
    frames, height, width = amodal_FHW.shape
    occluder_FHW = np.zeros(amodal_FHW.shape, bool)
    for placement in placements:
        occluder = open_track(placement.track)
        # A short occluder is played back and forth many times, so its masks are cached.
        mask_of = cache(occluder.mask)
        for i, shown in enumerate(placement.shown(occluder.meta.frames, frames)):
            alpha_HW = alpha_of(mask_of(shown), placement, height, width, progress_of(i, frames), feather)
            occluder_FHW[i] |= alpha_HW > 0
    return occlusion_rate(np.where(occluder_FHW, np.uint8(0), amodal_FHW), amodal_FHW)


def acceptable(params: SynthesisParams, rates_F: np.ndarray) -> bool:
    """Whether the object is visible in the first frame (where the task starts), occluded, and in the rate bounds."""
    if np.isnan(rates_F).all() or np.isnan(rates_F[0]) or rates_F[0] > params.first_rate_max:
        return False
    return bool(np.nanmax(rates_F) > 0 and params.rate_min <= np.nanmean(rates_F) <= params.rate_max)
