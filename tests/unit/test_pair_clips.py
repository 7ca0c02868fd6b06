"""Pairs as clips of one frame: they satisfy the contract of clips and are found by id and by bucket."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.builders import png
from tests.unit.layouts import pair_files, pair_images, tar_of
from tests.unit.test_pairs import IDS, folder_of, made
from tgvac.clips.clip import Clip
from tgvac.clips.framed import ClipSource
from tgvac.clips.pair_clips import PairClips
from tgvac.errors import BadInput

CAPTIONS = {"sa_3_whole": "a red fish", "sa_14": "ein großer Hund"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {**pair_files(*IDS), "captions.json": json.dumps(CAPTIONS).encode()}
    made(tmp_path, tar_of(tmp_path / "p.tar", files))
    return folder_of(tmp_path)


def test_a_pair_is_a_clip_of_one_frame(folder: Path) -> None:
    clips: ClipSource = PairClips(folder)
    assert clips.samples() == tuple(sorted(f"duo/{pair}" for pair in IDS))
    for sample in clips.samples():
        clip = clips.render(sample)
        clip.check()
        pair = sample.removeprefix("duo/")
        images = pair_images(pair)
        assert (clips.length(sample), clip.sample, clip.video, clip.track) == (
            1,
            sample,
            f"duo/{pair}",
            f"duo/{pair}/1",
        )
        assert np.array_equal(clip.frames_FHW3, images["occlusion"][None])
        assert np.array_equal(clip.whole_FHW3, images["whole"][None])
        assert np.array_equal(clip.amodal_FHW, images["whole_mask"][None])
        assert np.array_equal(clip.visible_FHW, images["visible_mask"][None])
        hidden = (images["whole_mask"] > 0) & (images["visible_mask"] == 0)
        assert np.array_equal(clip.occluder_FHW, np.where(hidden, 255, 0)[None])
        rate = 1 - (images["visible_mask"] > 0).sum() / (images["whole_mask"] > 0).sum()
        assert clip.occlusion_F == pytest.approx([rate])


def test_visible_pixels_outside_the_whole_mask_are_ignored(tmp_path: Path) -> None:
    images = pair_images("7")
    images["visible_mask"][2:6, 0] = 255
    images["whole"][0] = 9  # outside of its mask, and not white
    files = {**pair_files("7"), "visible_object_mask/7_visible_mask.png": png(images["visible_mask"])}
    files["whole/7_whole.png"] = png(images["whole"])
    made(tmp_path, tar_of(tmp_path / "p.tar", files), pair_outside_max=0.9)
    clip = PairClips(folder_of(tmp_path)).render("duo/7")
    clip.check()
    assert np.array_equal(clip.visible_FHW[0], images["visible_mask"] & images["whole_mask"])
    assert (clip.whole_FHW3[0][images["whole_mask"] == 0] == 255).all()


def test_only_the_requested_frames_are_rendered_and_there_is_only_one(folder: Path) -> None:
    clips = PairClips(folder)
    assert clips.render("duo/sa_3", [0, 0]).frames_FHW3.shape == (2, 8, 8, 3)
    with pytest.raises(ValueError, match="frame 1 of duo/sa_3 was requested, but it only has frame 0"):
        clips.render("duo/sa_3", [0, 1])


def test_captions_are_found_by_id(folder: Path) -> None:
    clips = PairClips(folder)
    assert clips.caption("duo/sa_3") == "a red fish"
    assert clips.caption("duo/sa_14") == "ein großer Hund"
    assert clips.caption("duo/sa_15") == ""


def test_each_clip_is_in_exactly_one_bucket(folder: Path) -> None:
    clips = PairClips(folder)
    found = [sample for number in range(clips.buckets) for sample in clips.in_bucket(number)]
    assert sorted(found) == list(clips.samples())
    assert all(list(clips.in_bucket(n)) == sorted(clips.in_bucket(n)) for n in range(clips.buckets))


def test_the_same_pair_renders_to_the_same_bits_with_one_bucket_open(folder: Path) -> None:
    many, one = PairClips(folder), PairClips(folder, open_buckets=1)
    for sample in reversed(many.samples()):
        first, second = many.render(sample), one.render(sample)
        assert all(np.array_equal(getattr(first, k), getattr(second, k)) for k in _arrays(first))


def _arrays(clip: Clip) -> list[str]:
    return [name for name, value in vars(clip).items() if isinstance(value, np.ndarray)]


def test_an_unknown_pair_is_refused(folder: Path) -> None:
    clips = PairClips(folder)
    for wrong in ("other/sa_3", "duo", "duo/"):
        with pytest.raises(ValueError, match="is not a pair of the source 'duo'"):
            clips.length(wrong)
    with pytest.raises(BadInput, match=r"sa_999/occlusion\.png is missing"):
        clips.render("duo/sa_999")


def test_a_truncated_bucket_is_refused_naming_it(folder: Path) -> None:
    clips = PairClips(folder)
    for path in sorted(folder.glob("*.zip")):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"bucket-\d+\.zip is missing or incomplete; run `tgvac stage sources`"):
        clips.samples()


def test_a_folder_without_an_index_of_pairs_is_refused(folder: Path) -> None:
    (folder / "index.json").write_text('{"format": "tgvac-index-1", "entries": []}')
    with pytest.raises(BadInput, match=r"index\.json is not an index of pairs; run `tgvac stage sources`"):
        PairClips(folder)
    (folder / "index.json").unlink()
    with pytest.raises(BadInput, match=r"index\.json does not exist"):
        PairClips(folder)
