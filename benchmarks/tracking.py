"""`make bench-tracking`: masks of `tgvac complete` beside the truth, by what the object is selected by.

A dozen clips of the procedural world, and real sequences where ``TGVAC_REAL_DATA`` names their folder. Of each, the
largest object is selected in the first frame by its box, its mask or three points that lie deep inside of it, and once
more with the same kind of prompt in the middle frame. Frames in which nothing of it is seen do not count; one in which
it is lost counts as 0.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.figures import ROOT, Figure, tell
from tgvac.clips.box import Box
from tgvac.clips.container import Facts
from tgvac.masks.truth import iou
from tgvac.params import load_params
from tgvac.tracking.selection import Marks, Selected
from tgvac.tracking.tracker import Tracker
from tgvac.world import scenes
from tgvac.world.film import film

SEED = 41
"""A world of its own."""
FRAMES, HEIGHT, WIDTH = 24, 192, 256
POINTS = 3
KINDS = ("box", "mask", "points")


@dataclass(frozen=True)
class Clip:
    """Frames ``uint8 [H,W,3]`` in memory, and the object's true masks ``uint8 [H,W]`` in {0, 255}."""

    name: str
    frames: Sequence[np.ndarray]
    masks: Sequence[np.ndarray]
    fps: float = 0.0

    def examine(self) -> Facts:
        return Facts(len(self.frames), ())

    def frame(self, i: int) -> np.ndarray:
        return self.frames[i]


def world_clips(count: int) -> Iterator[Clip]:
    """Clips of the world whose first object is seen in the first and in the middle frame."""
    world = load_params(ROOT, "paper").sources.world.model_copy(
        update={"seed": SEED, "frames": FRAMES, "height": HEIGHT, "width": WIDTH}
    )
    made, index = 0, 0
    while made < count:
        shots = list(film(world, scenes.stage(world, "davis", index)))
        masks = [np.where(shot.visible[0], 255, 0).astype(np.uint8) for shot in shots]
        index += 1
        if masks[0].any() and masks[FRAMES // 2].any():
            made += 1
            yield Clip(f"world {index - 1}", [shot.frame_HW3 for shot in shots], masks)


def real_clips(folder: Path, count: int) -> Iterator[Clip]:
    """DAVIS sequences, and folders of frames and masks: their first ``count`` frames, or all if it is 0."""
    davis = folder / "DAVIS"
    for frames in sorted((davis / "JPEGImages" / "480p").iterdir()):
        yield _read(frames, davis / "Annotations" / "480p" / frames.name, count or None)
    for each in sorted((folder / "natural").iterdir()):
        yield _read(each / "frames", each / "masks", count or None)


def _read(frames: Path, masks: Path, count: int | None) -> Clip:
    name = frames.name if frames.name != "frames" else frames.parent.name
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(frames.glob("*.jpg"))[:count]]
    truth = [np.asarray(Image.open(path)) for path in sorted(masks.glob("*.png"))[:count]]
    return Clip(name, pictures, [np.where(mask > 0, 255, 0).astype(np.uint8) for mask in truth])


def inner_points(mask_HW: np.ndarray, count: int) -> tuple[tuple[float, float], ...]:
    """Points deep inside of a mask and far from each other, as a person would click."""
    depth_HW = cv2.distanceTransform(np.pad(mask_HW, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rows, columns = np.indices(mask_HW.shape)
    found: list[tuple[float, float]] = []
    for _ in range(count):
        y, x = np.unravel_index(int(depth_HW.argmax()), mask_HW.shape)
        found.append((float(x) + 0.5, float(y) + 0.5))
        depth_HW = np.minimum(depth_HW, 0.35 * np.hypot(rows - y, columns - x))
    return tuple(found)


def marks(clip: Clip, i: int, kind: str) -> Marks:
    mask_HW = clip.masks[i]
    if kind == "box":
        return Marks(i, box=Box.of_mask(mask_HW))
    return Marks(i, mask_HW=mask_HW) if kind == "mask" else Marks(i, points=inner_points(mask_HW, POINTS))


def score(clip: Clip, kind: str, again: bool) -> tuple[float, float, float]:
    """The mean IoU over the frames that show the object, that of the first frame, and the share of lost frames."""
    params = load_params(ROOT, "paper")
    masks = params.masks.model_copy(update={"first": "follow"})
    middle = len(clip.frames) // 2
    at = [0, middle] if again and clip.masks[middle].any() else [0]
    with tempfile.TemporaryDirectory() as work:
        tracker = Tracker(masks, params.tracks.long_side, Path(work))
        visible = tracker.track(clip, len(clip.frames), Selected(tuple(marks(clip, i, kind) for i in at)))
        shown = [i for i, mask_HW in enumerate(clip.masks) if mask_HW.any()]
        found = [iou(visible[i], clip.masks[i]) or 0.0 for i in shown]
        lost = set(visible.lost())
    return float(np.mean(found)), found[0], float(np.mean([i in lost for i in shown]))


def scores(name: str, clips: Sequence[Clip]) -> Iterator[Figure]:
    for kind in KINDS:
        for again in (False, True):
            found = []
            what = f"{name}, {kind}{' and again' if again else ''}"
            for clip in clips:
                found.append(score(clip, kind, again))
                yield Figure(f"{what}: {clip.name}", found[-1][0], "mean IoU")
            means = np.mean(found, axis=0)
            yield Figure(what, float(means[0]), "mean IoU")
            yield Figure(f"{what}, lost", float(means[2]), "share of frames")
            if kind == "points" and not again:
                yield Figure(f"{name}, points, the first frame alone", float(means[1]), "mean IoU")


def figures(count: int, real: str, frames: int) -> Iterator[Figure]:
    yield from scores("world", list(world_clips(count)))
    if real:
        yield from scores("real", list(real_clips(Path(real), frames)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=12, help="of the procedural world")
    parser.add_argument("--frames", type=int, default=24, help="of each real sequence, from the first; 0: all")
    args = parser.parse_args()
    return tell("tracking", figures(args.clips, os.environ.get("TGVAC_REAL_DATA", ""), args.frames))


if __name__ == "__main__":
    sys.exit(main())
