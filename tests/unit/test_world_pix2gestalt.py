"""The world in the layout of the pix2gestalt data set: four images per pair, joined by an id."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.unit.world_samples import decoded, world
from tgvac.world.pairs import pair
from tgvac.world.publish import publish

PAIRS, SIZE = 14, 72
FOLDERS = {
    "occlusion": "occlusion",
    "whole": "whole",
    "whole_mask": "whole_mask",
    "visible_object_mask": "visible_mask",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pix2gestalt")
    path = publish(world(pairs=PAIRS, pair_size=SIZE), "pix2gestalt", folder)
    assert path == folder / "pix2gestalt_occlusions_release.tar.gz"
    return folder


@pytest.fixture(scope="module")
def members(folder: Path) -> dict[str, bytes]:
    out = {}
    with tarfile.open(folder / "pix2gestalt_occlusions_release.tar.gz", "r:gz") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            assert stream is not None
            out[member.name] = stream.read()
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
    return out


def test_each_pair_has_four_images_with_one_number_and_a_caption(members: dict[str, bytes]) -> None:
    captions = json.loads(members["captions.json"])
    assert len(captions) == PAIRS
    assert all(number.isdigit() for number in captions)
    expected = {f"{where}/{number}_{suffix}.png" for where, suffix in FOLDERS.items() for number in captions}
    assert set(members) == expected | {"captions.json"}


def test_neither_gzip_nor_tar_contain_the_time(folder: Path) -> None:
    raw = (folder / "pix2gestalt_occlusions_release.tar.gz").read_bytes()
    assert raw[4:8] == bytes(4)
    assert not raw[3] & 0x08, "no file name in the header"
    assert len(gzip.decompress(raw)) % 512 == 0


def test_masks_are_binary_and_the_visible_part_equals_the_whole_object_there(members: dict[str, bytes]) -> None:
    for number in json.loads(members["captions.json"]):
        occlusion_HW3, whole_HW3, whole_HW, seen_HW = (
            decoded(members[f"{where}/{number}_{suffix}.png"]) for where, suffix in FOLDERS.items()
        )
        assert occlusion_HW3.shape == whole_HW3.shape == (SIZE, SIZE, 3)
        assert whole_HW.shape == seen_HW.shape == (SIZE, SIZE)
        for mask_HW in (whole_HW, seen_HW):
            assert set(np.unique(mask_HW).tolist()) == {0, 255}
        assert not ((seen_HW > 0) & (whole_HW == 0)).any()
        assert (whole_HW3[whole_HW == 0] == 255).all()
        # The occluder's edge also changes pixels of which it covers less than half.
        inner_HW = seen_HW > 0
        same_N = np.abs(occlusion_HW3[inner_HW].astype(int) - whole_HW3[inner_HW]).max(axis=1) == 0
        assert same_N.mean() > 0.8
        hidden_HW = (whole_HW > 0) & ~inner_HW
        assert (np.abs(occlusion_HW3[hidden_HW].astype(int) - whole_HW3[hidden_HW]).max(axis=1) > 0).mean() > 0.8


def test_the_truth_has_the_rate_of_each_pair(folder: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "truth.zip") as truth:
        facts = json.loads(truth.read("truth.json"))
    captions = json.loads(members["captions.json"])
    for number, caption in captions.items():
        whole, seen = (
            int((decoded(members[name]) > 0).sum())
            for name in (f"whole_mask/{number}_whole_mask.png", f"visible_object_mask/{number}_visible_mask.png")
        )
        assert facts[number]["caption"] == caption
        assert facts[number]["rate"] == pytest.approx(1 - seen / whole, abs=1e-6)


def test_rates_are_spread_over_the_range_and_a_part_is_always_visible() -> None:
    params = world(pairs=48, pair_size=64)
    rates = np.array([pair(params, index).rate for index in range(48)])
    assert rates.min() > 0.0
    assert rates.max() < 0.95
    counts, _ = np.histogram(rates, bins=[0.0, 0.2, 0.35, 0.5, 0.65, 0.95])
    assert counts.min() >= 5, counts


def test_a_pair_does_not_depend_on_the_number_of_pairs(members: dict[str, bytes], tmp_path: Path) -> None:
    path = publish(world(pairs=2, pair_size=SIZE), "pix2gestalt", tmp_path)
    with tarfile.open(path) as archive:
        for name in archive.getnames():
            stream = archive.extractfile(name)
            assert stream is not None
            assert name == "captions.json" or stream.read() == members[name]


def test_objects_of_all_sizes_are_anywhere_and_fully_inside_the_image() -> None:
    as_large, of_all = (world(pairs=40, pair_size=SIZE, pair_scale_min=smallest) for smallest in (1.0, 0.3))
    one, other = ([pair(params, i) for i in range(40)] for params in (as_large, of_all))
    areas = np.array([[p.whole_HW.sum() for p in pairs] for pairs in (one, other)], float)
    shrink = np.sqrt(areas[1] / areas[0])
    assert (shrink < 1.02).all()
    assert shrink.min() < 0.45
    assert 0.55 < shrink.mean() < 0.75
    assert all(p.actor.poses[0].scale >= 0.3 * q.actor.poses[0].scale for p, q in zip(other, one, strict=True))
    for p in other:
        assert not p.whole_HW[[0, -1]].any()
        assert not p.whole_HW[:, [0, -1]].any()
    middles = np.array([np.argwhere(p.whole_HW).mean(0) / SIZE for p in other])
    assert (middles.min(0) < 0.35).all()
    assert (middles.max(0) > 0.65).all()
