"""SAM 2 as a segmenter: from boxes, between annotations, and from the first frame."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.unit.builders import Array
from tests.unit.mask_videos import ROOT, H, W, ball, boxed, open_track, paint, params, rolling, save, sparse
from tests.unit.sam_models import NOTHING_SEEN, save_sam2, with_sam2
from tests.unit.tiny_models import COMPUTE
from tgvac.clips.box import Box
from tgvac.errors import BadInput
from tgvac.masks import masks_stage
from tgvac.masks.beliefs import belief, quantised
from tgvac.masks.masks_stage import make_masks
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import MasksParams
from tgvac.masks.registry import carries, segmenter_of
from tgvac.masks.runtime import HERE, Runtime
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask
from tgvac.shards import Made, read_index, write_index
from tgvac.stage import Context

EMPTY = np.zeros((H, W), np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = save_sam2(tmp_path_factory.mktemp("sam2") / "sam2.pt")
    yield path
    load_sam2.cache_clear()
    path.unlink()


@pytest.fixture
def blind(tmp_path: Path) -> Iterator[Path]:
    """Weights that only see the object in prompted frames."""
    path = save_sam2(tmp_path / "blind.pt", seen=NOTHING_SEEN)
    yield path
    load_sam2.cache_clear()
    path.unlink()


def segment(known: MasksParams, path: Path, *others: Path) -> list[RawMask]:
    with open_track(path) as track:
        beside = [open_track(other) for other in others]
        found = list(segmenter_of(known, track.meta, HERE).segment(track, beside))
        for other in beside:
            other.__exit__(None, None, None)
        return found


def alone(known: MasksParams, path: Path, start: int, last: int, prompt: Array | Box) -> dict[int, Array]:
    """The belief in each frame of a separate session with one prompt."""
    with open_track(path) as track:
        session = Session(*load_sam2(known.sam2, HERE), track, known.sam2)
        if isinstance(prompt, Box):
            session.prompt_box(start, prompt)
        else:
            session.prompt_mask(start, prompt)
        return {i: belief(logits_NHW[0]) for i, logits_NHW in session.follow(start, last)}


# From boxes


def test_boxes_give_each_frame_a_mask_of_its_size_and_absent_frames_stay_absent(tmp_path: Path, weights: Path) -> None:
    masks = rolling(9)
    masks[0] = masks[5] = EMPTY
    found = segment(with_sam2(weights), boxed(tmp_path, masks))
    assert [f.verdict for f in found] == ["absent", *["made"] * 4, "absent", *["made"] * 3]
    for raw, mask in zip(found, masks, strict=True):
        assert raw.support_HW.shape == (H, W)
        assert raw.support_HW.dtype == np.uint8
        assert raw.mask_HW.any() == mask.any()
        assert raw.box == Box.of_mask(mask)
        assert raw.outlined == (raw.verdict == "made")


def test_prompted_frames_only_depend_on_their_box(tmp_path: Path, weights: Path) -> None:
    masks, known = rolling(7), with_sam2(weights, prompt_every=3)
    path = boxed(tmp_path, masks)
    found = segment(known, path)
    for i in range(7):
        box = Box.of_mask(masks[i])
        assert box is not None
        same = np.array_equal(found[i].support_HW, quantised(alone(known, path, i, i, box)[i]))
        assert same == (i in (0, 3, 6)), i


def test_a_stretch_starts_again_after_an_absence(tmp_path: Path, weights: Path) -> None:
    masks = rolling(8)
    masks[3] = EMPTY
    known, frames = with_sam2(weights), paint(masks)
    whole = segment(known, boxed(tmp_path, masks, frames))
    later = segment(known, boxed(tmp_path, [EMPTY] * 4 + masks[4:], frames, track="s/v/2"))
    assert all(np.array_equal(a.support_HW, b.support_HW) for a, b in zip(whole[4:], later[4:], strict=True))


def test_a_track_of_one_frame_is_its_prompt(tmp_path: Path, weights: Path) -> None:
    (raw,) = segment(with_sam2(weights), boxed(tmp_path, rolling(1)))
    assert (raw.verdict, raw.support_HW.shape) == ("made", (H, W))


@pytest.mark.parametrize("i", [1, 4])
def test_a_box_outside_of_the_image_is_refused(tmp_path: Path, weights: Path, i: int) -> None:
    masks = rolling(6)
    boxes = [Box.of_mask(mask) for mask in masks]
    boxes[i] = Box(x=3, y=H + 1, w=5, h=5)
    with pytest.raises(BadInput, match=rf"s/v/1: the box of frame {i} is outside of the image \(72x48\); correct the"):
        segment(with_sam2(weights), boxed(tmp_path, masks, boxes=tuple(boxes)))


def test_a_frame_is_lost_if_nothing_is_found_in_its_box(tmp_path: Path, blind: Path) -> None:
    found = segment(with_sam2(blind), boxed(tmp_path, rolling(3)))
    assert [(f.verdict, bool(f.mask_HW.any())) for f in found] == [("lost", False)] * 3


# Between annotations


def test_annotated_frames_keep_their_mask_and_the_others_have_one_within_reach(tmp_path: Path, weights: Path) -> None:
    masks = rolling(9)
    found = segment(with_sam2(weights, reach=2), sparse(tmp_path, masks, [1, 4]))
    assert [f.verdict for f in found] == ["absent", "given", "made", "made", "given", "made", "made", *["unknown"] * 2]
    assert all(np.array_equal(found[i].mask_HW, masks[i]) for i in (1, 4))
    assert all(f.outlined == (f.verdict == "made") for f in found)


@pytest.mark.parametrize("join", ["weighted", "nearest"])
def test_both_sides_are_propagated_and_joined_by_distance(tmp_path: Path, weights: Path, join: str) -> None:
    masks, known = rolling(5), with_sam2(weights, join=join)
    path = sparse(tmp_path, masks, [0, 4])
    found = segment(known, path)
    before, after = alone(known, path, 0, 3, masks[0]), alone(known, path, 4, 1, masks[4])
    expected = {
        "weighted": {
            1: (before[1] / 1 + after[1] / 3) / (1 + 1 / 3),
            2: (before[2] + after[2]) / 2,
            3: (before[3] / 3 + after[3] / 1) / (1 / 3 + 1),
        },
        "nearest": {1: before[1], 2: before[2], 3: after[3]},
    }[join]
    for i, belief_HW in expected.items():
        assert np.abs(found[i].support_HW - belief_HW * 255).max() <= 0.51
    assert not np.array_equal(before[2], after[2])


def test_an_annotation_without_the_object_is_not_propagated(tmp_path: Path, weights: Path) -> None:
    masks, known = [*rolling(1), EMPTY, EMPTY, EMPTY], with_sam2(weights)
    path = sparse(tmp_path, masks, [0, 3])
    found = segment(known, path)
    before = alone(known, path, 0, 2, masks[0])
    assert [f.verdict for f in found] == ["given", "made", "made", "empty"]
    assert all(np.array_equal(found[i].support_HW, quantised(before[i])) for i in (1, 2))


def test_an_invisible_object_is_absent_after_it_left_and_else_lost(tmp_path: Path, blind: Path) -> None:
    masks = [*rolling(1), EMPTY, EMPTY, *rolling(1), EMPTY, *rolling(1)]
    found = segment(with_sam2(blind), sparse(tmp_path, masks, [0, 2, 3, 5]))
    assert [f.verdict for f in found] == ["given", "absent", "empty", "given", "lost", "given"]


def test_a_pixel_belongs_to_one_object(tmp_path: Path, weights: Path) -> None:
    left, right = [ball(24, 24)] * 3, [ball(44, 24)] * 3
    frames = np.where(np.stack(right)[..., None] > 0, paint(right, (40, 60, 210)), paint(left))
    one = save(tmp_path, [left[0], None, left[2]], frames, "s/v/1")
    two = save(tmp_path, [right[0], None, right[2]], frames, "s/v/2")
    known = with_sam2(weights)
    (_, first, _), (_, second, _) = segment(known, one, two), segment(known, two, one)
    assert first.mask_HW.any()
    assert not ((first.mask_HW > 0) & (second.mask_HW > 0)).any()
    assert first.others_HW is not None
    assert np.array_equal(first.others_HW, second.mask_HW)


# From the first frame


def test_a_mask_in_the_first_frame_is_kept_and_tracked(tmp_path: Path, weights: Path) -> None:
    masks, known = rolling(4), with_sam2(weights)
    path = sparse(tmp_path, masks, [0])
    found = segment(known, path)
    expected = alone(known, path, 0, 3, masks[0])
    assert [f.verdict for f in found] == ["given", "made", "made", "made"]
    assert np.array_equal(found[0].mask_HW, masks[0])
    assert all(np.array_equal(found[i].support_HW, quantised(expected[i])) for i in (1, 2, 3))


def test_a_box_only_in_the_first_frame_is_tracked(tmp_path: Path, weights: Path) -> None:
    masks, known = rolling(4), with_sam2(weights)
    box = Box.of_mask(masks[0])
    assert box is not None
    path = boxed(tmp_path, masks, boxes=(box, None, None, None))
    found = segment(known, path)
    expected = alone(known, path, 0, 3, box)
    assert [(f.verdict, f.box) for f in found] == [("made", box), *[("made", None)] * 3]
    assert all(np.array_equal(found[i].support_HW, quantised(expected[i])) for i in range(4))


def test_a_first_frame_without_the_object_leaves_nothing_to_track(tmp_path: Path, weights: Path) -> None:
    found = segment(with_sam2(weights), sparse(tmp_path, [EMPTY, *rolling(2)], [0]))
    assert [(f.verdict, bool(f.mask_HW.any())) for f in found] == [("empty", False), *[("unknown", False)] * 2]


def test_objects_of_a_first_frame_share_no_pixel_however_each_was_selected(tmp_path: Path, weights: Path) -> None:
    left, right = [ball(20, 24)] * 3, [ball(50, 24)] * 3
    one = sparse(tmp_path, left, [0])
    two = boxed(tmp_path, right, paint(left), boxes=(Box.of_mask(right[0]), None, None), track="s/v/2")
    known = with_sam2(weights)
    for a, b in list(zip(segment(known, one, two), segment(known, two, one), strict=True))[1:]:
        assert a.others_HW is not None
        assert np.array_equal(a.others_HW, b.mask_HW)
        assert not ((a.mask_HW > 0) & (b.mask_HW > 0)).any()


def test_an_object_that_is_never_seen_again_is_lost(tmp_path: Path, blind: Path) -> None:
    found = segment(with_sam2(blind), sparse(tmp_path, rolling(3), [0]))
    assert [f.verdict for f in found] == ["given", "lost", "lost"]


def test_annotations_in_the_first_frame_only_differ_from_those_in_some(tmp_path: Path) -> None:
    masks = rolling(3)
    box = Box.of_mask(masks[0])
    files = {
        sparse(tmp_path, masks, [0], track="s/v/1"): "first",
        sparse(tmp_path, masks, [1], track="s/v/2"): "sparse",
        sparse(tmp_path, masks, [0, 2], track="s/v/3"): "sparse",
        sparse(tmp_path, masks[:1], [0], track="s/v/4"): "full",
        boxed(tmp_path, masks, boxes=(box, None, None), track="s/v/5"): "first",
        boxed(tmp_path, masks, boxes=(None, box, None), track="s/v/6"): "boxes",
        boxed(tmp_path, masks[:1], track="s/v/7"): "boxes",
    }
    for path, carried in files.items():
        with open_track(path) as track:
            assert carries(track.meta) == carried, path.name


@pytest.mark.parametrize("name", ["flow", "given"])
def test_one_box_cannot_be_tracked_without_sam_2(tmp_path: Path, name: str) -> None:
    masks = rolling(2)
    path = boxed(tmp_path, masks, boxes=(Box.of_mask(masks[0]), None))
    with pytest.raises(BadInput, match=rf"s/v/1 only has a box in its first frame, which masks\.first '{name}' cannot"):
        segment(params(first=name), path)


# The whole phase


def kinds(folder: Path) -> list[Path]:
    """A track of each kind that SAM 2 segments."""
    masks = rolling(5)
    return [
        boxed(folder, masks),
        sparse(folder, masks, [0, 4], track="s/v/2"),
        sparse(folder, masks, [0], track="s/v/3"),
    ]


def test_masks_pass_refinement_and_gates_and_another_process_makes_the_same_bytes(
    tmp_path: Path, weights: Path
) -> None:
    files = kinds(tmp_path)
    code = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(2)\n"
        "from tests.unit.sam_models import with_sam2; from tgvac.masks.masks_stage import make_masks\n"
        "from tgvac.masks.opencv import one_thread\n"
        "with one_thread():\n"
        "    for path in map(Path, sys.argv[3:]):\n"
        "        make_masks(with_sam2(sys.argv[1]), path, [], None, Path(sys.argv[2]) / path.name)\n"
    )
    out = tmp_path / "there"
    command = [sys.executable, "-c", code, str(weights), str(out), *map(str, files)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ.copy())
    with one_thread():
        for path in files:
            facts = make_masks(with_sam2(weights), path, [], None, tmp_path / "here.zip")
            assert facts["segmenter"] == "sam2"
            assert sum(facts["verdicts"].values()) == 5
            # With random weights the masks do not fit the boxes, and fail at the gates.
            assert path != files[0] or set(facts["verdicts"]) <= {"outside", "box", "jump", "lost"}
            assert (tmp_path / "here.zip").read_bytes() == (out / path.name).read_bytes()


def test_the_registry_imports_no_network() -> None:
    code = "import sys, tgvac.masks.masks_stage; sys.exit(bool({'torch', 'transformers', 'sam2'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ.copy())


def test_the_phase_finds_weights_in_the_project_and_makes_masks_again_when_they_change(
    tmp_path: Path, weights: Path
) -> None:
    file = boxed(tmp_path / "results" / "t" / "tracks" / "files", rolling(2))
    entries = Context(tmp_path, "t", "tracks", "d").ledger().record("s/v/1", "k", [Made("s/v/1", file)])
    write_index(tmp_path / "results" / "t" / "tracks" / "index.json", entries)
    ctx, known = Context(tmp_path, "t", "masks", "d", shard=0, shards=1), with_sam2("own.pt")
    made = []
    for seed in (0, 0, 5):
        if seed:
            save_sam2(tmp_path / "own.pt", seed)
        else:
            shutil.copy(weights, tmp_path / "own.pt")
        load_sam2.cache_clear()
        masks_stage.run(ctx, masks=known, compute=COMPUTE)
        (entry,) = read_index(ctx.shard_index()).values()
        made.append((entry.sha256, (ctx.out / entry.file).stat().st_mtime_ns))
    (tmp_path / "own.pt").unlink()
    assert made[0] == made[1]
    assert made[1][0] != made[2][0]


def test_changed_weights_under_the_same_name_have_another_digest(tmp_path: Path) -> None:
    place = Runtime(tmp_path)
    assert place.digest("w.pt") == ""
    (tmp_path / "w.pt").write_bytes(b"one")
    first = place.digest("w.pt")
    (tmp_path / "w.pt").write_bytes(b"two")
    assert "" != place.digest("w.pt") != first
    folder = tmp_path / "sam"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    second = place.digest("sam")
    (folder / "model.safetensors").write_bytes(b"x")
    assert "" != place.digest("sam") != second


def test_mixed_precision_gives_nearly_the_same_masks(tmp_path: Path, weights: Path) -> None:
    path = boxed(tmp_path, rolling(4))
    full, mixed = (segment(with_sam2(weights, precision=p), path) for p in ("float32", "bfloat16"))
    assert np.mean([(a.mask_HW == b.mask_HW).mean() for a, b in zip(full, mixed, strict=True)]) > 0.9
