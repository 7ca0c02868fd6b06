"""Selects stretches with a whole object (paper, section 3.2: "videos featuring objects without occlusion").

The paper gives no rule. Each of our rules compares the measurements of one frame's mask, taken at the resolution of the
annotation, to a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.geometry import FrameGeometry
from tgvac.masks.verdicts import FAILED
from tgvac.synthesis.params import SelectParams


@dataclass(frozen=True)
class Stretch:
    """A run of frames of one track in which the object is whole."""

    track: str
    video: str
    source: str
    start: int
    frames: int


@dataclass(frozen=True)
class Verdict:
    """The result of selection for one track: its stretches, and why frames or the whole track were refused."""

    stretches: tuple[Stretch, ...]
    whole: int
    frames: int
    reasons: dict[str, int]
    refused: str


def frame_faults(
    params: SelectParams, geometry: Sequence[FrameGeometry | None], verdicts: Sequence[str] = ()
) -> list[str]:
    """For each frame the first rule that it breaks, or ""; given a verdict per frame, a failed mask breaks "mask"."""
    if verdicts and len(verdicts) != len(geometry):
        raise ValueError(f"{len(verdicts)} verdicts for {len(geometry)} frames")
    areas = np.array([g.area if g else 0.0 for g in geometry])
    faults = []
    for i, g in enumerate(geometry):
        if g is None or g.area == 0:
            faults.append("absent")
        elif verdicts and verdicts[i] in FAILED:
            faults.append("mask")
        elif g.area < params.min_area:
            faults.append("small")
        elif g.border > params.max_border:
            faults.append("border")
        elif sum(g.parts[1:]) > params.max_other_parts * g.area:
            faults.append("parts")
        elif g.touch > params.max_touch:
            faults.append("touch")
        elif (
            i and areas[i - 1] > 0 and not 1 / params.max_area_change <= g.area / areas[i - 1] <= params.max_area_change
        ):
            faults.append("jump")
        else:
            faults.append("")
    return faults


def runs(good: Sequence[bool], min_length: int) -> list[tuple[int, int]]:
    """Maximal runs ``(start, length)`` of True with at least ``min_length`` frames.

    >>> runs([True, True, False, True], 2)
    [(0, 2)]
    """
    out, start = [], None
    for i, ok in enumerate([*good, False]):
        if ok and start is None:
            start = i
        elif not ok and start is not None:
            if i - start >= min_length:
                out.append((start, i - start))
            start = None
    return out


def select_track(
    params: SelectParams,
    track: str,
    video: str,
    source: str,
    geometry: Sequence[FrameGeometry | None],
    verdicts: Sequence[str] = (),
    refused_masks: bool = False,
) -> Verdict:
    """Select the stretches of one track.

    A track whose object is whole in too few of its frames is refused entirely: if most frames show something in front
    of the object, the others are not reliable either.

    Args:
        verdicts: one verdict per frame's mask (`tgvac.masks.verdicts`).
        refused_masks: whether the phase `masks` refused the track because too many of its masks failed.
    """
    faults = frame_faults(params, geometry, verdicts)
    whole = faults.count("")
    reasons = {name: faults.count(name) for name in sorted(set(faults) - {""})}
    found = runs([f == "" for f in faults], params.min_frames)
    refused = ""
    if refused_masks:
        refused, found = "mask", []
    elif whole < params.min_whole_share * len(faults):
        refused, found = "share", []
    elif not found:
        refused = "length"
    return Verdict(
        tuple(Stretch(track, video, source, start, length) for start, length in found),
        whole,
        len(faults),
        reasons,
        refused,
    )
