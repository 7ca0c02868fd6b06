"""A session of SAM 2: the state and frames of the package, bounded memory, and forgetting that changes no bit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.builders import Array
from tests.unit.mask_videos import H, W, ball, open_track, paint, rolling, save
from tests.unit.sam_models import sam2_params, save_sam2
from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.masks.params import Sam2Params
from tgvac.masks.runtime import HERE
from tgvac.masks.sam2_session import Session, fresh_state
from tgvac.masks.sam2_weights import load_sam2

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = save_sam2(tmp_path_factory.mktemp("sam2") / "sam2.pt")
    yield path
    load_sam2.cache_clear()
    path.unlink()


def there_and_back(count: int) -> list[Array]:
    """A ball that rolls back and forth."""
    return [ball(16 + 2 * abs(20 - i % 40), 24) for i in range(count)]


def video(folder: Path, masks: list[Array]) -> Path:
    return save(folder, [None] * len(masks), paint(masks))


def box_of(mask_HW: Array) -> Box:
    box = Box.of_mask(mask_HW)
    assert box is not None
    return box


def session_of(known: Sam2Params, track: Track, forget: bool = True) -> Session:
    return Session(*load_sam2(known, HERE), track, known, forget)


def followed(session: Session, masks: list[Array], every: int, held: list[int] | None = None) -> list[Array]:
    """The logits of all frames, with a box prompt every ``every`` frames, each given one stretch ahead."""
    prompts = [*range(0, len(masks), every), len(masks)]
    session.prompt_box(0, box_of(masks[0]))
    found = []
    for start, end in pairwise(prompts):
        if end < len(masks):
            session.prompt_box(end, box_of(masks[end]))
        for _, logits_NHW in session.follow(start, end - 1):
            found.append(logits_NHW[0])
            if held is not None:
                held.append(len(session.held))
    return found


def test_state_and_frames_are_those_of_the_package(tmp_path: Path, weights: Path) -> None:
    known = sam2_params(weights)
    predictor, device = load_sam2(known, HERE)
    frames_FHW3, folder = paint(rolling(2)), tmp_path / "jpeg"
    folder.mkdir()
    for i, frame_HW3 in enumerate(frames_FHW3):
        Image.fromarray(frame_HW3).save(folder / f"{i:05d}.jpg", quality=95)
    decoded_FHW3 = np.stack([np.asarray(Image.open(folder / f"{i:05d}.jpg")) for i in range(2)])
    theirs = predictor.init_state(str(folder), offload_video_to_cpu=True, offload_state_to_cpu=True)
    with open_track(save(tmp_path, [None, None], decoded_FHW3)) as track:
        ours = fresh_state(track, known, device)
        assert set(ours) == set(theirs)
        for name in set(ours) - {"images", "cached_features", "constants"}:
            assert ours[name] == theirs[name], name
        assert len(ours["images"]) == 2
        for i in range(2):
            assert torch.equal(ours["images"][i], theirs["images"][i])


@pytest.mark.parametrize(("every", "prompts"), [(3, 2), (7, 3), (40, 4)])
def test_forgetting_changes_no_bit(tmp_path: Path, weights: Path, every: int, prompts: int) -> None:
    masks = there_and_back(40)
    known = sam2_params(weights, prompts=prompts)
    with open_track(video(tmp_path, masks)) as track:
        held: dict[bool, list[int]] = {True: [], False: []}
        forgetful, mindful = (
            followed(session_of(known, track, forget), masks, every, held[forget]) for forget in (True, False)
        )
    for a, b in zip(forgetful, mindful, strict=True):
        assert np.array_equal(a, b)
    assert held[False][-1] == 40
    assert held[True][-1] < 25


def test_memory_does_not_grow_with_the_video(tmp_path: Path, weights: Path) -> None:
    known, most = sam2_params(weights), {}
    for count in (30, 60):
        masks = there_and_back(count)
        held: list[int] = []
        with open_track(video(tmp_path, masks)) as track:
            followed(session_of(known, track), masks, 4, held)
        most[count] = max(held)
    # The last 16 frames, earlier prompts that are still attended to, the next prompt, and the current frame.
    assert most[30] == most[60] <= 16 + known.prompts + 2


def test_each_frame_is_decoded_and_encoded_once(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = rolling(12)
    asked: list[int] = []
    decode = Track.frame

    def frame(self: Track, i: int) -> Array:
        asked.append(i)
        return decode(self, i)

    monkeypatch.setattr(Track, "frame", frame)
    with open_track(video(tmp_path, masks)) as track:
        followed(session_of(sam2_params(weights), track), masks, 4)
    assert sorted(asked) == list(range(12))


def test_offloading_changes_no_bit(tmp_path: Path, weights: Path) -> None:
    masks = rolling(6)
    with open_track(video(tmp_path, masks)) as track:
        waiting, staying = (
            followed(session_of(sam2_params(weights, offload=offload), track), masks, 4) for offload in (True, False)
        )
    assert all(np.array_equal(a, b) for a, b in zip(waiting, staying, strict=True))


def test_a_prompted_frame_does_not_depend_on_earlier_frames(tmp_path: Path, weights: Path) -> None:
    masks, known = rolling(9), sam2_params(weights)
    with open_track(video(tmp_path, masks)) as track:
        along = followed(session_of(known, track), masks, 4)
        for i in (0, 4, 8):
            alone = session_of(known, track)
            alone.prompt_box(i, box_of(masks[i]))
            ((at, logits_NHW),) = alone.follow(i, i)
            assert at == i
            assert np.array_equal(logits_NHW[0], along[i])
        # But a frame in between does, because it attends to memories.
        alone = session_of(known, track)
        alone.prompt_box(5, box_of(masks[5]))
        assert not np.array_equal(next(alone.follow(5, 5))[1][0], along[5])


def test_a_mask_prompt_is_returned_unchanged(tmp_path: Path, weights: Path) -> None:
    masks = rolling(2)
    with open_track(video(tmp_path, masks)) as track:
        session = session_of(sam2_params(weights, image_size=256), track)
        session.prompt_mask(0, masks[0])
        _, logits_NHW = next(session.follow(0, 1))
    overlap = ((logits_NHW[0] > 0) & (masks[0] > 0)).sum() / ((logits_NHW[0] > 0) | (masks[0] > 0)).sum()
    assert overlap > 0.95


def test_backwards_is_forwards_on_the_reversed_video(tmp_path: Path, weights: Path) -> None:
    masks, known = rolling(8), sam2_params(weights)
    frames_FHW3 = paint(masks)
    with open_track(save(tmp_path, [None] * 8, frames_FHW3)) as track:
        session = session_of(known, track)
        session.prompt_mask(7, masks[7])
        back = dict(session.follow(7, 0))
    with open_track(save(tmp_path, [None] * 8, frames_FHW3[::-1].copy(), "s/w/1")) as track:
        session = session_of(known, track)
        session.prompt_mask(0, masks[7])
        forth = dict(session.follow(0, 7))
    assert list(back) == list(range(7, -1, -1))
    assert all(np.array_equal(back[7 - i], forth[i]) for i in range(8))


def test_objects_do_not_see_each_other(tmp_path: Path, weights: Path) -> None:
    left, right = ball(20, 24), ball(50, 24)
    known = sam2_params(weights)
    with open_track(video(tmp_path, [left, left, left])) as track:
        both, one = session_of(known, track), session_of(known, track)
        for number, mask_HW in enumerate((left, right)):
            both.prompt_mask(0, mask_HW, number)
        one.prompt_mask(0, left)
        for (i, two_NHW), (k, one_NHW) in zip(both.follow(0, 2), one.follow(0, 2), strict=True):
            assert (i, two_NHW.shape, one_NHW.shape) == (k, (2, H, W), (1, H, W))
            assert np.array_equal(two_NHW[0], one_NHW[0])
            assert not np.array_equal(two_NHW[0], two_NHW[1])


def test_no_progress_bars_are_printed(tmp_path: Path, weights: Path, capfd: pytest.CaptureFixture[str]) -> None:
    masks = rolling(3)
    with open_track(video(tmp_path, masks)) as track:
        followed(session_of(sam2_params(weights), track), masks, 4)
    assert capfd.readouterr().err == ""
