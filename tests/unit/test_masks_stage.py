"""Phase `masks`: the segmenter by kind of annotation, verdicts, refusals, quality, and the same bytes everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import Array, box, meta_of, noise, png
from tests.unit.mask_videos import ROOT, H, W, ball, boxed, open_track, paint, params, rolling, save, sparse
from tests.unit.tiny_models import COMPUTE
from tgvac.clips.tables import read_table
from tgvac.clips.track import MasksMeta, Track, read_masks_meta, write_track
from tgvac.errors import BadInput
from tgvac.masks import masks_stage
from tgvac.masks.join_quality import QUALITY_FORMAT, join
from tgvac.masks.masks_stage import make_masks, quality
from tgvac.masks.opencv import one_thread
from tgvac.masks.registry import carries, segmenter_of
from tgvac.masks.runtime import HERE
from tgvac.masks.truth import iou
from tgvac.shards import Made, read_index, write_index
from tgvac.stage import Context

MASKS = [box(8, 10, 1, 1, 4, 4), np.zeros((8, 10), np.uint8)]


def tracks(root: Path, masks: list[Array | None]) -> Context:
    """A scale with one track; the context of its masks."""
    out = root / "results" / "t" / "tracks"
    path = out / "files" / "s--v--1.zip"
    frames = noise(0, len(masks), 8, 10, 3)
    meta = meta_of("s/v/1", frames, masks, frame_numbers=tuple(range(0, 5 * len(masks), 5)))
    write_track(path, meta, zip(frames, masks, strict=True), "png")
    return indexed(root, {"s/v/1": path})


def indexed(root: Path, files: dict[str, Path]) -> Context:
    """An index of tracks; the context of their masks."""
    out = root / "results" / "t" / "tracks"
    ledger = Context(root, "t", "tracks", "d").ledger()
    entries = [e for track, path in files.items() for e in ledger.record(track, "k", [Made(track, path)])]
    write_index(out / "index.json", entries)
    return Context(root, "t", "masks", "d", shard=0, shards=1)


def joined(ctx: Context) -> list[dict[str, Any]]:
    """The rows of quality after a run of one shard."""
    join(Context(ctx.root, ctx.scale, ctx.phase, ctx.digest))
    return read_table(ctx.out / "quality.parquet", QUALITY_FORMAT)


def write_truth(path: Path, video: str, number: str, masks: list[Array]) -> Path:
    """Ground truth as the world publishes it, twice as large as the track, so that it is resized."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as out:
        for i, mask_HW in enumerate(masks):
            out.writestr(f"{video}/{number}/visible/{i:05d}.png", png(mask_HW.repeat(2, 0).repeat(2, 1)))
    return path


def test_given_masks_are_kept_exactly_with_their_measurements_and_verdicts(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, list(MASKS))
    masks_stage.run(ctx, masks=params(), compute=COMPUTE)
    entry = read_index(ctx.shard_index())["s/v/1"]
    assert entry.facts == {
        "source": "s",
        "segmenter": "given",
        "verdicts": {"empty": 1, "given": 1},
        "refused": False,
        "quality": {},
    }
    with Track(tmp_path / "results/t/tracks/files/s--v--1.zip", ctx.out / entry.file) as track:
        assert np.array_equal(track.masks([0, 1]), np.stack(MASKS))
        meta = read_masks_meta(ctx.out / entry.file)
        assert meta.verdicts == ("given", "empty")
        assert meta.geometry == track.meta.geometry
        assert (meta.track, meta.segmenter, meta.iou_raw) == ("s/v/1", "given", ())
    assert joined(ctx) == []


def test_a_frame_without_annotation_is_refused_by_the_segmenter_given(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, [MASKS[0], None])
    with pytest.raises(BadInput, match=r"s/v/1 has no mask for frame 5; the segmenter 'given' needs a mask in every"):
        masks_stage.run(ctx, masks=params(first="given"), compute=COMPUTE)
    assert list((ctx.out / "files").iterdir()) == []


def test_a_track_without_masks_and_boxes_is_refused(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, [None, None])
    with pytest.raises(BadInput, match=r"s/v/1 has neither a mask nor a box in any frame; annotate at least one"):
        masks_stage.run(ctx, masks=params(), compute=COMPUTE)


def test_the_segmenter_is_chosen_by_kind_of_annotation(tmp_path: Path) -> None:
    masks = rolling(2)
    files = {
        "full": save(tmp_path, masks, paint(masks), "s/v/1"),
        "sparse": sparse(tmp_path, masks, [1], track="s/v/2"),
        "boxes": boxed(tmp_path, masks, track="s/v/3"),
    }
    found = {}
    for name, path in files.items():
        with open_track(path) as track:
            found[name] = carries(track.meta), segmenter_of(params(), track.meta, HERE).name
            assert name != "sparse" or segmenter_of(params(sparse="given"), track.meta, HERE).name == "given"
    assert found == {"full": ("full", "given"), "sparse": ("sparse", "flow"), "boxes": ("boxes", "grabcut")}


def test_a_shard_makes_its_own_tracks_only(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, list(MASKS))
    made = []
    for shard in range(5):
        one = Context(tmp_path, "t", "masks", "d", shard=shard, shards=5)
        masks_stage.run(one, masks=params(), compute=COMPUTE)
        made.append(list(read_index(one.shard_index())))
    assert sorted(made) == [[], [], [], [], ["s/v/1"]]
    assert ctx.out == tmp_path / "results" / "t" / "masks"


def test_masks_are_measured_against_the_truth_and_the_join_makes_a_row(tmp_path: Path) -> None:
    masks = rolling(7)
    folder = tmp_path / "results" / "t" / "tracks" / "files"
    ctx = indexed(tmp_path, {"s/v/1": sparse(folder, masks, [0, 5])})
    write_truth(tmp_path / "results/t/sources/s/truth.zip", "v", "1", masks)
    masks_stage.run(ctx, masks=params(), compute=COMPUTE)
    meta = read_masks_meta(ctx.out / "files" / "s--v--1.zip")
    assert (meta.iou_refined[0], meta.iou_refined[5]) == (1.0, 1.0)
    (row,) = joined(ctx)
    assert (row["source"], row["segmenter"], row["track"], row["frames"]) == ("s", "flow", "s/v/1", 5)
    assert json.loads(row["verdicts"]) == {"given": 2, "made": 5}
    with Track(folder / "s--v--1.zip", ctx.out / "files" / "s--v--1.zip") as track:
        by_hand = [
            ((track.mask(i) > 0) & (masks[i] > 0)).sum() / ((track.mask(i) > 0) | (masks[i] > 0)).sum()
            for i in (1, 2, 3, 4, 6)
        ]
    assert row["iou_refined"] == pytest.approx(np.mean(by_hand))
    assert 0.85 < row["iou_raw"] < 1


def test_a_changed_truth_is_measured_again(tmp_path: Path) -> None:
    masks = rolling(2)
    ctx = indexed(tmp_path, {"s/v/1": save(tmp_path / "results" / "t" / "tracks", masks, paint(masks))})
    truth = tmp_path / "results/t/sources/s/truth.zip"
    values = []
    for shown in (masks, masks[::-1]):
        write_truth(truth, "v", "1", shown)
        masks_stage.run(ctx, masks=params(), compute=COMPUTE)
        values.append(joined(ctx)[0]["iou_refined"])
    assert values[0] == 1.0
    assert values[1] < 0.9


def test_a_truth_that_lacks_a_frame_is_refused(tmp_path: Path) -> None:
    masks = rolling(2)
    ctx = indexed(tmp_path, {"s/v/1": save(tmp_path / "results" / "t" / "tracks", masks, paint(masks))})
    write_truth(tmp_path / "results/t/sources/s/truth.zip", "v", "1", masks[:1])
    with pytest.raises(BadInput, match=r"truth\.zip: v/1/visible/00001\.png is missing; restore it"):
        masks_stage.run(ctx, masks=params(), compute=COMPUTE)


def test_iou_is_none_for_two_empty_masks() -> None:
    empty = np.zeros((4, 4), np.uint8)
    assert iou(empty, empty) is None
    assert iou(empty, box(4, 4, 0, 0, 2, 2)) == 0.0
    assert iou(box(4, 4, 0, 0, 2, 2), box(4, 4, 0, 0, 2, 4)) == 0.5


def test_quality_counts_generated_frames_and_correctly_empty_masks() -> None:
    def meta(verdicts: list[str], raw: list[float | None], refined: list[float | None]) -> MasksMeta:
        return MasksMeta(track="t", segmenter="x", verdicts=verdicts, geometry=(), iou_raw=raw, iou_refined=refined)

    made = meta(["given", "made", "made", "absent"], [1.0, 0.5, 0.7, None], [1.0, 0.6, 0.8, None])
    assert quality(made) == {"frames": 2, "iou_raw": pytest.approx(0.6), "iou_refined": pytest.approx(0.7)}
    assert quality(meta(["given", "empty"], [1.0, None], [1.0, None]))["frames"] == 1
    assert quality(meta(["made", "made"], [None, 1.0], [0.0, 1.0]))["iou_raw"] == 1.0
    assert quality(meta(["made"], [], [])) == {}


def test_a_track_whose_masks_fail_too_often_is_refused(tmp_path: Path) -> None:
    sizes = [6, 12, 6, 12, 6, 12]
    masks = [ball(36, 24, r) for r in sizes]
    path = boxed(tmp_path, masks)
    with one_thread():
        facts = make_masks(params(refine={"radius": 0}), path, [], None, tmp_path / "m.zip")
        # The frame after a failed one is not compared with it, so every second frame fails.
        assert facts["verdicts"] == {"jump": 3, "made": 3}
        assert facts["refused"] is True
        kept = make_masks(params(refine={"radius": 0}, gates={"max_failed": 0.5}), path, [], None, tmp_path / "m.zip")
        assert kept["refused"] is False


def test_another_object_of_the_video_touches(tmp_path: Path) -> None:
    left = [box(H, W, 10, 10, 30, 30)] * 3
    right = [box(H, W, 10, 30, 30, 50)] * 3
    frames = np.where(np.stack(right)[..., None] > 0, paint(right, (40, 60, 210)), paint(left))
    folder = tmp_path / "results" / "t" / "tracks"
    files = {
        "s/v/1": save(folder, [left[0], None, left[2]], frames, "s/v/1"),
        "s/v/2": save(folder, [right[0], None, right[2]], frames, "s/v/2"),
        "s/w/1": save(folder, [left[0], None, left[2]], frames, "s/w/1"),
    }
    ctx = indexed(tmp_path, files)
    masks_stage.run(ctx, masks=params(), compute=COMPUTE)
    # About one of four sides.
    assert read_masks_meta(ctx.out / "files" / "s--v--1.zip").geometry[1].touch > 0.15
    assert read_masks_meta(ctx.out / "files" / "s--w--1.zip").geometry[1].touch == 0


def test_another_process_makes_the_same_bytes(tmp_path: Path) -> None:
    masks = rolling(4)
    files = [boxed(tmp_path, masks), sparse(tmp_path, masks, [0, 3], track="s/v/2")]
    code = (
        "import sys; from pathlib import Path; import cv2; cv2.setNumThreads(int(sys.argv[1]))\n"
        "from tests.unit.mask_videos import params; from tgvac.masks.masks_stage import make_masks\n"
        "from tgvac.masks.opencv import one_thread\n"
        "with one_thread():\n"
        "    for path in map(Path, sys.argv[3:]):\n"
        "        make_masks(params(), path, [], None, Path(sys.argv[2]) / path.name)\n"
    )
    made = []
    for threads in ("1", "2"):
        out = tmp_path / threads
        subprocess.run(
            [sys.executable, "-c", code, threads, str(out), *map(str, files)],
            check=True,
            cwd=ROOT,
            env=os.environ.copy(),
        )
        made.append([(out / path.name).read_bytes() for path in files])
    assert made[0] == made[1]
    with one_thread():
        for path, data in zip(files, made[0], strict=True):
            make_masks(params(), path, [], None, tmp_path / "here.zip")
            assert (tmp_path / "here.zip").read_bytes() == data
