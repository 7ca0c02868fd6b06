"""Phase `tracks`: one file an object, at working resolution, from sources that must be whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.builders import Array, davis_tree, noise, png
from tests.unit.world_samples import world
from tgvac.clip.images import resize_mask, resize_rgb
from tgvac.clip.track import Track
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.sources import sources_stage, tracks_stage
from tgvac.sources.params import SourcesParams, TracksParams
from tgvac.stage import Context

SOURCES = SourcesParams(use=("mine",), world=world(1))
PARAMS = TracksParams(long_side=16, codec="png", max_frames=0)


def pair(seed: int, *ids: int) -> tuple[Array, Array]:
    """A frame of 32 x 24 and its annotation: object 1 in rows 0 to 8, 2 in rows 8 to 16, and so on."""
    annotation = np.zeros((24, 32), np.uint8)
    for k in ids:
        annotation[(k % 3) * 8 : (k % 3) * 8 + 8, 4:20] = k
    return noise(seed, 24, 32, 3), annotation


def made(tmp_path: Path, videos: dict[str, list[tuple[Array, Array]]], params: TracksParams = PARAMS) -> Context:
    """The context of tracks that were made from a folder."""
    davis_tree(tmp_path / "given", videos)
    return remade(tmp_path, params)


def remade(tmp_path: Path, params: TracksParams = PARAMS, shards: int = 1) -> Context:
    reference = tmp_path / "reference"
    reference.mkdir(exist_ok=True)
    (reference / "registry.csv").write_text(
        "name,layout,location,bytes,sha256,licence\nmine,davis,given,,,my own\n", encoding="utf-8"
    )
    locations = {"mine": str(tmp_path / "given")}
    sources_stage.run(Context(tmp_path, "t", "sources", "d", locations=locations), sources=SOURCES)
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
        # Measured before anything is made smaller: 8 x 16 of 24 x 32.
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


def test_an_object_that_comes_late_or_leaves_is_absent_there_but_annotated(tmp_path: Path) -> None:
    ctx = made(tmp_path, {"v": [pair(0, 1), pair(1, 1, 2), pair(2, 1)]})
    with Track(ctx.out / read_index(ctx.shard_index())["mine/v/2"].file) as track:
        assert track.meta.annotated == (True, True, True)
        assert [g.area > 0 for g in track.meta.geometry if g] == [False, True, False]
        assert not track.mask(0).any()


def test_no_more_frames_are_taken_than_asked_for(tmp_path: Path) -> None:
    ctx = made(tmp_path, {"v": [pair(i, 1) for i in range(5)]}, PARAMS.model_copy(update={"max_frames": 3}))
    assert read_index(ctx.shard_index())["mine/v/1"].facts["frames"] == 3


def test_shards_make_each_track_once(tmp_path: Path) -> None:
    made(tmp_path, {f"v{i}": [pair(i, 1)] for i in range(6)})
    ctx = remade(tmp_path, shards=3)
    found = [track for k in range(3) for track in read_index(ctx.shard_index(k))]
    assert sorted(found) == [f"mine/v{i}/1" for i in range(6)]


def test_an_empty_mask_in_every_frame_is_refused_naming_the_video(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mine: video 'v' has an empty mask in every frame .*255 is void.*; mend"):
        made(tmp_path, {"v": [pair(0), pair(1, 255)]})


def test_a_mask_of_another_size_than_its_frame_is_refused_naming_both(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1), pair(1, 1)]})
    (tmp_path / "given/Annotations/480p/v/00001.png").write_bytes(png(np.ones((24, 31), np.uint8)))
    with pytest.raises(BadInput, match="annotation of frame 00001 of 'v' is 31x24, its frame 32x24; both must"):
        remade(tmp_path)


def test_a_corrupt_frame_is_refused_and_leaves_no_track_of_its_video(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1), pair(1, 1)]})
    (tmp_path / "given/JPEGImages/480p/v/00001.png").write_bytes(b"no image")
    with pytest.raises(BadInput, match=r"v/00001\.png is not a readable image"):
        remade(tmp_path)
    assert [p for p in (tmp_path / "results/t/tracks").rglob("*") if p.is_file()] == []


def test_a_source_without_videos_is_refused(tmp_path: Path) -> None:
    davis_tree(tmp_path / "given", {"v": [pair(0, 1)]}, {"train": ["nothing"]})
    with pytest.raises(BadInput, match="nothing has no frames"):
        remade(tmp_path)


def test_the_manifest_names_content_and_no_path(tmp_path: Path) -> None:
    made(tmp_path, {"v": [pair(0, 1), pair(1, 1)]})
    text = (tmp_path / "results/t/sources/manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text)["sources"]["mine"]["videos"]["v"]["frames"] == [0, 1]


def test_tracks_without_a_manifest_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.json does not exist; run `tgvac stage sources --scale t`"):
        tracks_stage.run(Context(tmp_path, "t", "tracks", "d", shard=0), tracks=PARAMS)
