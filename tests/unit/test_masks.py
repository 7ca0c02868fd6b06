"""Phase `masks`: the given annotations of every frame, with a verdict a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.builders import box, meta_of, noise
from tgvac.clip.track import Track, read_masks_meta, write_track
from tgvac.errors import BadInput
from tgvac.masks import masks_stage
from tgvac.masks.params import MasksParams
from tgvac.masks.segmenter import Given
from tgvac.shards import Made, read_index, write_index
from tgvac.stage import Context

MASKS = [box(8, 10, 1, 1, 4, 4), np.zeros((8, 10), np.uint8)]


def tracks(root: Path, masks: list[np.ndarray | None]) -> Context:
    """A scale with one track; the context of its masks."""
    out = root / "results" / "t" / "tracks"
    path = out / "files" / "s--v--1.zip"
    frames = noise(0, len(masks), 8, 10, 3)
    meta = meta_of("s/v/1", frames, masks, frame_numbers=tuple(range(0, 5 * len(masks), 5)))
    write_track(path, meta, zip(frames, masks, strict=True), "png")
    ledger = Context(root, "t", "tracks", "d").ledger()
    write_index(out / "index.json", ledger.record("s/v/1", "k", [Made("s/v/1", path)]))
    return Context(root, "t", "masks", "d", shard=0, shards=1)


def test_given_masks_are_kept_to_the_bit_with_their_measurements_and_verdicts(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, list(MASKS))
    masks_stage.run(ctx, masks=MasksParams(segmenter="given"))
    entry = read_index(ctx.shard_index())["s/v/1"]
    assert entry.facts == {"verdicts": {"empty": 1, "given": 1}}
    with Track(tmp_path / "results/t/tracks/files/s--v--1.zip", ctx.out / entry.file) as track:
        assert np.array_equal(track.masks([0, 1]), np.stack(MASKS))
        meta = read_masks_meta(ctx.out / entry.file)
        assert meta.verdicts == ("given", "empty")
        assert meta.geometry == track.meta.geometry
        assert (meta.track, meta.segmenter) == ("s/v/1", "given")


def test_a_frame_without_annotation_is_refused_naming_track_and_frame(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, [MASKS[0], None])
    with pytest.raises(BadInput, match=r"s/v/1 has no mask for frame 5; the segmenter 'given' needs one in every"):
        masks_stage.run(ctx, masks=MasksParams(segmenter="given"))
    assert list((ctx.out / "files").iterdir()) == []


def test_the_segmenter_is_the_one_of_the_params() -> None:
    assert isinstance(masks_stage.segmenter_of(MasksParams(segmenter="given")), Given)


def test_a_shard_makes_its_own_tracks_only(tmp_path: Path) -> None:
    ctx = tracks(tmp_path, list(MASKS))
    made = []
    for shard in range(5):
        one = Context(tmp_path, "t", "masks", "d", shard=shard, shards=5)
        masks_stage.run(one, masks=MasksParams(segmenter="given"))
        made.append(list(read_index(one.shard_index())))
    assert sorted(made) == [[], [], [], [], ["s/v/1"]]
    assert ctx.out == tmp_path / "results" / "t" / "masks"
