"""A small video for the tests of masks: a ball of two colours on a plain background, and its track in three forms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.builders import Array, meta_of
from tgvac.clips.box import Box
from tgvac.clips.track import Track, file_stem, write_track
from tgvac.config import merge, parse
from tgvac.masks.params import MasksParams
from tgvac.params import load_params

ROOT = Path(__file__).resolve().parents[2]
H, W = 48, 72


def params(**changes: Any) -> MasksParams:
    """The params of the scale smoke, with changes."""
    tree = load_params(ROOT, "smoke").masks.model_dump(mode="json")
    return parse(MasksParams, merge(tree, changes), "test")


def ball(x: float, y: float, radius: float = 10.0) -> Array:
    """A disc as a mask, ``uint8 [H,W]``."""
    rows, columns = np.mgrid[:H, :W] + 0.5
    return np.where((columns - x) ** 2 + (rows - y) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def paint(masks: Sequence[Array], colour: tuple[int, int, int] = (200, 60, 40)) -> Array:
    """Frames ``uint8 [F,H,W,3]``: each mask in a colour, with a texture that moves with it, on a noisy background."""
    ground_HW3 = np.random.default_rng(1).integers(0, 30, (H, W, 3)) + np.array([60, 120, 90])
    grain_HW1 = np.random.default_rng(2).integers(-25, 25, (2 * H, 2 * W, 1))
    frames = []
    for mask_HW in masks:
        box = Box.of_mask(mask_HW)
        top, left = (0, 0) if box is None else (int(box.y), int(box.x))
        # A part that leaves the frame at the left or the top would shift its texture, but no test has one.
        own_HW3 = np.roll(grain_HW1, (top, left), (0, 1))[:H, :W] + np.array(colour)
        frames.append(np.where(mask_HW[..., None] > 0, own_HW3, ground_HW3))
    return np.stack(frames).clip(0, 255).astype(np.uint8)


def rolling(count: int) -> list[Array]:
    """The masks of a ball that rolls to the right by two pixels per frame."""
    return [ball(16 + 2 * i, 24) for i in range(count)]


def save(folder: Path, masks: Sequence[Array | None], frames_FHW3: Array, track: str = "s/v/1", **changes: Any) -> Path:
    """Write a track; returns its file."""
    path = folder / f"{file_stem(track)}.zip"
    write_track(path, meta_of(track, frames_FHW3, masks, **changes), zip(frames_FHW3, masks, strict=True), "png")
    return path


def boxed(folder: Path, masks: Sequence[Array], frames_FHW3: Array | None = None, **changes: Any) -> Path:
    """A track with the boxes of the masks, and without masks."""
    frames_FHW3 = paint(masks) if frames_FHW3 is None else frames_FHW3
    boxes = tuple(Box.of_mask(mask_HW) for mask_HW in masks)
    return save(folder, [None] * len(masks), frames_FHW3, **{"boxes": boxes, **changes})


def sparse(folder: Path, masks: Sequence[Array], known: Sequence[int], **changes: Any) -> Path:
    """A track with masks in some frames only."""
    return save(folder, [m if i in known else None for i, m in enumerate(masks)], paint(masks), **changes)


def overlap(a: Array, b: Array) -> float:
    """IoU of two masks that are not both empty."""
    return float(((a > 0) & (b > 0)).sum() / ((a > 0) | (b > 0)).sum())


def open_track(path: Path) -> Track:
    return Track(path)
