"""Phase `tracks`: one file per object, at working resolution, from complete sources."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.builders import Array, davis_tree, noise
from tests.unit.layouts import frame_of, ids_image, lasot_sequence, youtube_vos_tree
from tests.unit.world_samples import world
from tgvac.clips.box import Box
from tgvac.clips.images import resize_mask, resize_rgb
from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.sources import sources_stage, tracks_stage
from tgvac.sources.lasot import Lasot
from tgvac.sources.params import SourcesParams, TracksParams
from tgvac.stage import Context

SOURCES = SourcesParams(
    use=("mine",),
    parts=(),
    instead=(),
    same_footage="refuse",
    faulty="skip",
    max_faulty=0.5,
    pairs=(),
    pair_buckets=1,
    pair_outside_max=0.0,
    pair_max_bytes=1,
    pair_captions_max_bytes=1,
    world=world(1),
)
PARAMS = TracksParams(long_side=16, codec="png", max_frames=0)


def pair(seed: int, *ids: int) -> tuple[Array, Array]:
    """A frame of 32 x 24 and its annotation: object 1 in rows 0 to 8, 2 in rows 8 to 16, and so on."""
    annotation = np.zeros((24, 32), np.uint8)
    for k in ids:
        annotation[(k % 3) * 8 : (k % 3) * 8 + 8, 4:20] = k
    return noise(seed, 24, 32, 3), annotation


def made(tmp_path: Path, videos: dict[str, list[tuple[Array, Array]]], params: TracksParams = PARAMS) -> Context:
    """The context after making tracks from a folder."""
    davis_tree(tmp_path / "given", videos)
    return remade(tmp_path, params)


def remade(tmp_path: Path, params: TracksParams = PARAMS, shards: int = 1, layout: str = "davis") -> Context:
    reference = tmp_path / "reference"
    reference.mkdir(exist_ok=True)
    (reference / "registry.csv").write_text(
        f"name,layout,location,bytes,sha256,licence\nmine,{layout},given,,,my own\n", encoding="utf-8"
    )
    locations = {"mine": str(tmp_path / "given")}
    sources_stage.run(Context(tmp_path, "t", "sources", "d", locations=locations), sources=SOURCES, fetch=FETCH)
    for shard in range(shards):
        ctx = Context(tmp_path, "t", "tracks", "d", shard=shard, shards=shards)
        tracks_stage.run(ctx, tracks=params)
    return ctx


def test_every_object_gets_a_track_and_void_belongs_to_none(tmp_path: Path) -> None:
    ctx = made(tmp_path, {"v": [pair(0, 1, 2, 255), pair(1, 1, 2)]})
    index = read_index(ctx.shard_index())
    assert list(index) == ["mine/v/1", "mine/v/2"]
    assert index["mine/v/2"].facts == {"video": "mine/v", "frames": 2, "category": "v"}
    with Track(ctx.out / index["mine/v/2"].file) as track:
        assert (track.meta.height, track.meta.width) == (12, 16)
        assert track.meta.licence == "my own"
        frame, ids = pair(1, 1, 2)
        assert np.array_equal(track.frame(1), resize_rgb(frame, 12, 16))
        assert np.array_equal(track.mask(1), resize_mask(np.where(ids == 2, 255, 0).astype(np.uint8), 12, 16))
        # Measured before downscaling: 8 x 16 of 24 x 32.
        geometry = track.meta.geometry[1]
        assert geometry is not None
        assert geometry.area == round(8 * 16 / (24 * 32), 8)


def test_void_beside_an_object_counts_as_touching_it(tmp_path: Path) -> None:
    ctx = made(tmp_path, {"v": [pair(0, 1, 2), pair(0, 1, 255)]})
    with Track(ctx.out / read_index(ctx.shard_index())["mine/v/1"].file) as track:
        first, second = track.meta.geometry
        assert first is not None
        assert second is not None
        assert first.touch > 0
        assert second.touch > 0


def test_an_object_that_appears_late_or_leaves_is_absent_but_annotated(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1), pair(1, 1, 2), pair(2, 1)]}, None, {"v": {"2": {}}})
    ctx = remade(tmp_path)
    with Track(ctx.out / read_index(ctx.shard_index())["mine/v/2"].file) as track:
        assert track.meta.annotated == (True, True, True)
        assert [g.area > 0 for g in track.meta.geometry if g] == [False, True, False]
        assert not track.mask(0).any()


def test_an_object_between_annotations_has_no_mask_and_is_not_absent(tmp_path: Path) -> None:
    # Object 2 appears late: it is absent in annotated frames without it, and unknown in between.
    youtube_vos_tree(tmp_path / "given", {"v": {5: [1], 8: [1, 2]}}, {"v": range(4, 10)})
    ctx = remade(tmp_path, layout="youtube_vos")
    with Track(ctx.out / read_index(ctx.shard_index())["mine/v/2"].file) as track:
        assert track.meta.frame_numbers == (4, 5, 6, 7, 8, 9)
        assert track.meta.annotated == (False, True, False, False, True, False)
        assert [track.has_mask(i) for i in range(6)] == list(track.meta.annotated)
        assert [g and g.area > 0 for g in track.meta.geometry] == [None, False, None, None, True, None]
        assert (track.meta.fps, track.meta.category, track.meta.boxes) == (30, "animal2", ())
        assert not track.mask(1).any()
        mask_HW = np.where(ids_image(1, 2) == 2, 255, 0).astype(np.uint8)
        assert np.array_equal(track.mask(4), resize_mask(mask_HW, 12, 16))


def test_boxes_are_kept_at_working_resolution_and_there_is_no_mask(tmp_path: Path) -> None:
    lasot_sequence(tmp_path / "given/cat/cat-1", ["2,2,4,6", "0,0,0,0", "12,10,9,9"], sentence="a cat")
    ctx = remade(tmp_path, PARAMS.model_copy(update={"long_side": 8}), layout="lasot")
    index = read_index(ctx.shard_index())
    assert list(index) == ["mine/cat-1/1"]
    with Track(ctx.out / index["mine/cat-1/1"].file) as track:
        meta = track.meta
        assert (meta.height, meta.width, meta.fps, meta.category, meta.captions) == (6, 8, 30, "cat", ("a cat",))
        # From 16 x 12 to 8 x 6, and clipped to the frame.
        assert meta.boxes == (Box(x=1, y=1, w=2, h=3), None, Box(x=6, y=5, w=2, h=1))
        assert (meta.annotated, meta.geometry) == ((False,) * 3, (None,) * 3)
        assert not any(track.has_mask(i) for i in range(3))
        assert np.array_equal(track.frame(2), resize_rgb(frame_of("cat-1", 3), 6, 8))


def test_boxes_at_working_resolution_are_inside_the_frame_whatever_its_size(tmp_path: Path) -> None:
    lasot_sequence(tmp_path / "given/cat/cat-1", ["-1,-1,99,99", "15.9,11.9,0.1,0.1"])
    for side in (7, 23, 456):
        ctx = remade(tmp_path, PARAMS.model_copy(update={"long_side": side}), layout="lasot")
        with Track(ctx.out / "files/mine--cat-1--1.zip") as track:
            whole, _ = track.meta.boxes
            assert whole == Box(x=0, y=0, w=track.meta.width, h=track.meta.height)
        (tmp_path / "scratch/t/tracks/done/mine--cat-1.json").unlink()


def test_each_frame_with_only_boxes_is_decoded_once_after_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasot_sequence(tmp_path / "given/cat/cat-1", ["2,2,4,6"] * 5)
    asked: list[int] = []
    frame = Lasot.frame
    monkeypatch.setattr(Lasot, "frame", lambda self, video, i: asked.append(i) or frame(self, video, i))  # type: ignore[func-returns-value]
    remade(tmp_path, layout="lasot")
    assert asked == [0, 0, 1, 2, 3, 4]


def test_no_more_frames_are_used_than_requested(tmp_path: Path) -> None:
    ctx = made(tmp_path, {"v": [pair(i, 1) for i in range(5)]}, PARAMS.model_copy(update={"max_frames": 3}))
    assert read_index(ctx.shard_index())["mine/v/1"].facts["frames"] == 3


def test_shards_make_each_track_once(tmp_path: Path) -> None:
    made(tmp_path, {f"v{i}": [pair(i, 1), pair(i + 9, 1)] for i in range(6)})
    ctx = remade(tmp_path, shards=3)
    found = [track for k in range(3) for track in read_index(ctx.shard_index(k))]
    assert sorted(found) == [f"mine/v{i}/1" for i in range(6)]


def test_a_source_without_videos_is_refused(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1)]}, {"train": ["nothing"]})
    with pytest.raises(BadInput, match="nothing has no frames"):
        remade(tmp_path)


def test_an_unknown_layout_is_refused_naming_the_known_ones(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1)]})
    with pytest.raises(BadInput, match="'mine' has the unknown layout 'davos'; use one of davis, youtube_vos, lasot"):
        remade(tmp_path, layout="davos")


def test_the_manifest_has_no_paths(tmp_path: Path) -> None:
    made(tmp_path, {"v": [pair(0, 1), pair(1, 1)]})
    text = (tmp_path / "results/t/sources/manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text)["sources"]["mine"]["videos"]["v"]["frames"] == [0, 1]


def test_the_error_for_a_missing_manifest_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.json does not exist; run `tgvac stage sources --scale t`"):
        tracks_stage.run(Context(tmp_path, "t", "tracks", "d", shard=0), tracks=PARAMS)
