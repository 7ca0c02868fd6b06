"""Following an object from its first frame without weights: to the end, or until it is lost, which is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.params_project import ROOT
from tgvac.clips.box import Box
from tgvac.clips.geometry import measure
from tgvac.clips.track import Track, TrackMeta, write_track
from tgvac.masks.follow import Follow
from tgvac.masks.opencv import one_thread
from tgvac.masks.registry import segmenter_of
from tgvac.masks.runtime import HERE
from tgvac.masks.verdicts import GIVEN, LOST, MADE, UNKNOWN
from tgvac.params import load_params

PARAMS = load_params(ROOT, "smoke").masks
SIZE, FRAMES = (48, 72), 24


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def texture(seed: int, cell: int) -> np.ndarray:
    """Squares of random colours, ``uint8 [H,W,3]``."""
    drawn = np.random.default_rng(seed).integers(20, 200, (SIZE[0] // cell + 1, SIZE[1] // cell + 1, 3), np.uint8)
    return np.kron(drawn, np.ones((cell, cell, 1), np.uint8))[: SIZE[0], : SIZE[1]]


def scene(gone: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """A plain ellipse that moves over texture, and its masks; from frame ``gone`` on it is not there."""
    frames, masks = [], []
    for i in range(FRAMES):
        frame, mask = texture(1, 4).copy(), np.zeros(SIZE, np.uint8)
        if i < gone:
            centre = (16 + round(1.5 * i), 24 + round(6 * np.sin(i / 4)))
            cv2.ellipse(mask, centre, (9, 7), 0, 0, 360, 255, -1)
            frame[mask > 0] = (40, 220, 60)
        frames.append(cv2.GaussianBlur(frame, (0, 0), 0.5))
        masks.append(mask)
    return np.stack(frames), np.stack(masks)


def track(path: Path, frames: np.ndarray, masks: np.ndarray, box: bool = False) -> Track:
    """A track that is annotated in its first frame alone, by its mask or its box."""
    count = len(frames)
    first = None if box else measure(masks[0] > 0, np.zeros(SIZE, bool))
    meta = TrackMeta(
        track="mine/a/1",
        source="mine",
        video="a",
        object="1",
        category="thing",
        captions=(),
        licence="free",
        fps=10.0,
        height=SIZE[0],
        width=SIZE[1],
        frame_numbers=tuple(range(count)),
        annotated=(not box,) + (False,) * (count - 1),
        geometry=(first,) + (None,) * (count - 1),
        boxes=(Box.of_mask(masks[0]),) + (None,) * (count - 1) if box else (),
    )
    pixels = ((frame, masks[i] if i == 0 and not box else None) for i, frame in enumerate(frames))
    write_track(path, meta, pixels, "png")
    return Track(path)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a >= 128) & (b > 0)).sum() / ((a >= 128) | (b > 0)).sum())


@pytest.mark.parametrize("box", [False, True], ids=["mask", "box"])
def test_an_object_is_followed_to_the_last_frame(tmp_path: Path, box: bool) -> None:
    frames, masks = scene()
    with track(tmp_path / "a.zip", frames, masks, box) as mine:
        segmenter = segmenter_of(PARAMS, mine.meta, HERE)
        assert isinstance(segmenter, Follow)
        found = list(segmenter.segment(mine, []))
    assert [raw.verdict for raw in found] == [MADE if box else GIVEN] + [MADE] * (FRAMES - 1)
    overlaps = [iou(raw.support_HW, mask) for raw, mask in zip(found, masks, strict=True)]
    assert min(overlaps) > 0.6
    assert np.mean(overlaps) > 0.8


@pytest.mark.parametrize("gone", [5, 12])
def test_an_object_that_vanishes_is_lost_and_never_guessed(tmp_path: Path, gone: int) -> None:
    with track(tmp_path / "a.zip", *scene(gone)) as mine:
        found = list(segmenter_of(PARAMS, mine.meta, HERE).segment(mine, []))
    verdicts = [raw.verdict for raw in found]
    assert verdicts.index(LOST) in (gone, gone + 1)
    after = found[verdicts.index(LOST) :]
    assert {raw.verdict for raw in after[1:]} == {UNKNOWN}
    assert not any(raw.support_HW.any() for raw in after)


def test_the_same_video_gives_the_same_bits(tmp_path: Path) -> None:
    frames, masks = scene()
    with track(tmp_path / "a.zip", frames, masks, box=True) as mine:
        first, second = (
            [raw.support_HW for raw in segmenter_of(PARAMS, mine.meta, HERE).segment(mine, [])] for _ in "ab"
        )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_box_around_something_of_many_colours_gives_a_mask_within_it(tmp_path: Path) -> None:
    frames, masks = scene()
    frames[:] = texture(2, 3)
    with track(tmp_path / "a.zip", frames, masks, box=True) as mine:
        raw = next(iter(segmenter_of(PARAMS, mine.meta, HERE).segment(mine, [])))
    own, given = Box.of_mask(raw.support_HW), Box.of_mask(masks[0])
    assert own is not None
    assert given is not None
    assert own.iou(given) > 0.5
