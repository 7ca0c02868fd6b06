"""SAM 2 as the tracker of a user's video: boxes, points and masks in any frames, with random small weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.builders import Array
from tests.unit.layouts import write
from tests.unit.mask_videos import H, W, ball, paint, rolling
from tests.unit.sam_models import NOTHING_SEEN, save_sam2, with_sam2
from tgvac.clips.archive import zip_writing
from tgvac.clips.box import Box
from tgvac.clips.images import encode_png
from tgvac.masks.runtime import HERE
from tgvac.masks.sam2_first import Sam2First
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.verdicts import LOST
from tgvac.sources.frames import open_frames
from tgvac.tracking.follower import Anchor
from tgvac.tracking.joining import FOUND, Joined
from tgvac.tracking.prompts import Prompt, Selection
from tgvac.tracking.sam2_prompts import Sam2Prompts
from tgvac.tracking.selection import Marks, select
from tgvac.tracking.stretch import StoredVideo, Stretch
from tgvac.tracking.tracker import Tracker

COUNT = 7


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = save_sam2(tmp_path_factory.mktemp("sam2") / "sam2.pt", seen=10.0)
    yield path
    load_sam2.cache_clear()
    path.unlink()


@pytest.fixture
def video(tmp_path: Path) -> Iterator[StoredVideo]:
    with opened(tmp_path, rolling(COUNT)) as opened_video:
        yield opened_video


def opened(folder: Path, masks: list[Array]) -> StoredVideo:
    with zip_writing(folder / "frames.zip") as sink:
        for i, frame_HW3 in enumerate(paint(masks)):
            sink.add(f"{i:05d}.png", encode_png(frame_HW3))
    return StoredVideo(folder / "frames.zip", len(masks), (H, W))


def follower(weights: Path) -> Sam2Prompts:
    return Sam2Prompts(with_sam2(weights), HERE)


def asked(monkeypatch: pytest.MonkeyPatch, sam2: Sam2Prompts) -> list[dict[str, Any]]:
    """What SAM 2 is given from now on: frame, points and labels as it gets them, in pixels of its input."""
    calls: list[dict[str, Any]] = []
    kind, infer = type(sam2._predictor), type(sam2._predictor)._run_single_frame_inference

    def spying(self: Any, **given: Any) -> Any:
        calls.append(given)
        return infer(self, **given)

    monkeypatch.setattr(kind, "_run_single_frame_inference", spying)
    return calls


def box_of(mask_HW: Array) -> Box:
    box = Box.of_mask(mask_HW)
    assert box is not None
    return box


def test_a_box_points_and_negative_points_reach_the_network_with_their_labels_at_its_size(
    video: StoredVideo, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam2 = follower(weights)
    calls = asked(monkeypatch, sam2)
    marks = Marks(3, Box(x=9, y=12, w=18, h=24), points=((18, 24),), not_points=((60, 6), (45, 36)))
    next(sam2.run(video, sam2.start(video, marks), [], 1))
    given = calls[0]["point_inputs"]
    across, down = 64 / W, 64 / H
    expected = [[9 * across, 12 * down], [27 * across, 36 * down], [18 * across, 24 * down]]
    expected += [[60 * across, 6 * down], [45 * across, 36 * down]]
    assert calls[0]["frame_idx"] == 3
    assert torch.allclose(given["point_coords"][0], torch.tensor(expected), atol=1e-4)
    assert given["point_labels"][0].tolist() == [2, 3, 1, 0, 0]


def test_a_box_gives_the_masks_that_the_segmenter_of_the_data_gives(video: StoredVideo, weights: Path) -> None:
    sam2, box = follower(weights), box_of(rolling(1)[0])
    ours = list(sam2.run(video, sam2.start(video, Marks(0, box)), [], 1))
    params = with_sam2(weights)
    theirs = list(Sam2First(params.sam2, HERE).segment(Stretch(video, range(COUNT), box=box), ()))
    assert len(ours) == COUNT
    assert all(np.array_equal(a.raw_HW, b.mask_HW) for a, b in zip(ours, theirs, strict=True))


def test_a_mask_is_kept_and_both_directions_are_the_same_on_the_reversed_video(
    tmp_path: Path, video: StoredVideo, weights: Path
) -> None:
    sam2, masks = follower(weights), rolling(COUNT)
    anchor = sam2.start(video, Marks(4, mask_HW=masks[4]))
    back = list(sam2.run(video, anchor, [anchor], -1))
    assert len(back) == 5
    assert np.array_equal(back[0].mask_HW, masks[4])
    (tmp_path / "reversed").mkdir()
    with zip_writing(tmp_path / "reversed" / "frames.zip") as sink:
        for i in range(COUNT):
            sink.add(f"{i:05d}.png", encode_png(video.frame(COUNT - 1 - i)))
    with StoredVideo(tmp_path / "reversed" / "frames.zip", COUNT, (H, W)) as reverse:
        turned = sam2.start(reverse, Marks(COUNT - 1 - 4, mask_HW=masks[4]))
        forth = list(sam2.run(reverse, turned, [turned], 1))
    assert all(np.array_equal(a.raw_HW, b.raw_HW) for a, b in zip(back, forth, strict=True))


def test_a_prompt_that_is_ahead_changes_what_is_seen_before_it(video: StoredVideo, weights: Path) -> None:
    sam2, masks = follower(weights), rolling(COUNT)
    first, last = (sam2.start(video, Marks(i, box_of(masks[i]))) for i in (0, COUNT - 1))
    alone, both = (list(sam2.run(video, first, given, 1)) for given in ([first], [first, last]))
    assert np.array_equal(alone[0].raw_HW, both[0].raw_HW)
    assert any(not np.array_equal(a.raw_HW, b.raw_HW) for a, b in zip(alone[1:4], both[1:4], strict=True))


def test_points_correct_the_mask_that_was_tracked_to_their_frame(
    video: StoredVideo, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam2, prior = follower(weights), ball(30, 24)
    calls = asked(monkeypatch, sam2)
    sam2.correct(video, Marks(2, not_points=((40, 24),)), prior)
    assert calls[-1]["point_inputs"]["point_labels"].tolist() == [[0]]
    logits = calls[-1]["prev_sam_mask_logits"]
    seen = torch.nn.functional.interpolate(logits, (H, W), mode="bilinear")[0, 0].numpy() > 0
    overlap = (seen & (prior > 0)).sum() / (seen | (prior > 0)).sum()
    assert overlap > 0.7, "at a quarter of 64 pixels"


def test_an_object_that_sam2_does_not_see_is_lost_in_every_frame(tmp_path: Path) -> None:
    path = save_sam2(tmp_path / "blind.pt", seen=NOTHING_SEEN)
    with opened(tmp_path, rolling(3)) as video:
        joined = Joined(follower(path), video)
        joined.settle([Marks(0, mask_HW=rolling(1)[0])])
        found = [joined.at(i) for i in range(3)]
    load_sam2.cache_clear()
    assert [each.verdict for each in found] == [FOUND, LOST, LOST]
    assert not any(each.mask_HW.any() for each in found[1:])


def test_a_user_s_video_is_tracked_by_sam2_from_prompts_in_several_frames(tmp_path: Path, weights: Path) -> None:
    for i, frame_HW3 in enumerate(paint(rolling(COUNT))):
        write(tmp_path / "frames" / f"{i}.png", encode_png(frame_HW3))
    prompts = [
        Prompt(frame=1, box=box_of(rolling(2)[1]), not_points=((60, 6),)),
        Prompt(frame=3, not_points=((40, 24),)),
        Prompt(frame=5, box=box_of(rolling(6)[5])),
    ]
    frames = open_frames(tmp_path / "frames")

    def track(count: int, work: str) -> list[Array]:
        selected = select(frames, COUNT, Selection(prompts=tuple(prompts[:count])))
        return list(Tracker(with_sam2(weights), W, tmp_path / work).track(frames, COUNT, selected))

    all_of_them, again, without_the_last = track(3, "a"), track(3, "b"), track(2, "c")
    assert all(np.array_equal(a, b) for a, b in zip(all_of_them, again, strict=True))
    assert all(mask_HW.any() for mask_HW in all_of_them)
    assert any(not np.array_equal(a, b) for a, b in zip(all_of_them, without_the_last, strict=True))


def test_memory_does_not_grow_with_the_video_and_prompts_are_kept(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sam2, most = follower(weights), {}
    held: list[int] = []
    make = sam2._session

    def counting(track: Any) -> Any:
        session = make(track)
        drop = session._drop

        def dropping(i: int, backwards: bool) -> None:
            drop(i, backwards)
            held.append(len(session.held))

        session._drop = dropping
        return session

    monkeypatch.setattr(sam2, "_session", counting)
    for count in (45, 55):
        masks = [ball(16 + 2 * abs(20 - i % 40), 24) for i in range(count)]
        (tmp_path / str(count)).mkdir()
        with opened(tmp_path / str(count), masks) as video:
            given = [sam2.start(video, Marks(i, box_of(masks[i]))) for i in (0, 10, 25)]
            held.clear()
            assert sum(1 for _ in sam2.run(video, given[0], given, 1)) == count
        most[count] = max(held)
    assert most[45] == most[55] <= 16 + 3 + 1


def test_prompts_are_forgotten_to_no_effect(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = [ball(16 + 2 * abs(20 - i % 40), 24) for i in range(30)]
    sam2 = follower(weights)

    def found() -> list[Array]:
        given = [Anchor(Marks(i, box_of(masks[i]))) for i in (0, 5, 10, 20, 28)]
        return [each.raw_HW for each in sam2.run(video, given[1], given, 1)]

    with opened(tmp_path, masks) as video:
        forgetful = found()
        monkeypatch.setattr("tgvac.tracking.sam2_prompts._Session._drop", lambda self, i, backwards: None)
        mindful = found()
    assert all(np.array_equal(a, b) for a, b in zip(forgetful, mindful, strict=True))
