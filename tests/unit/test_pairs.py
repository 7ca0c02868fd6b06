"""Pairs are joined by id in any order, others are listed with the reason, and buckets are never partial."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.builders import png
from tests.unit.layouts import PAIR_FILES, pair_files, pair_images, tar_of, write
from tests.unit.test_tracks_stage import SOURCES
from tgvac.clips.pair_clips import PARTS, PairClips, bucket_of
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.sources import pair_spool, pairs, sources_stage
from tgvac.stage import Context

IDS = tuple(f"sa_{i}" for i in (3, 14, 15, 92, 65, 358, 979, 32, 38, 4))
PARAMS = SOURCES.model_copy(
    update={"pair_buckets": 4, "pair_outside_max": 0.3, "pair_max_bytes": 10_000, "pair_captions_max_bytes": 10_000}
)
REGISTRY = "name,layout,location,bytes,sha256,licence\nmine,davis,given,,,my own\nduo,pix2gestalt,given,,,research\n"


def made(root: Path, path: Path, **changes: Any) -> dict[str, Any]:
    ctx = Context(root, "t", "sources", "d")
    source = pairs.Source("duo", "pix2gestalt", "given", None, None, "research")
    return pairs.make_pairs(ctx, PARAMS.model_copy(update=changes), source, path, FETCH)


def folder_of(root: Path) -> Path:
    return root / "results/t/sources/duo/pairs"


def members_of(root: Path) -> dict[str, bytes]:
    """All members of all buckets, captions joined."""
    out: dict[str, bytes] = {}
    captions: dict[str, str] = {}
    for path in sorted(folder_of(root).glob("*.zip")):
        with zipfile.ZipFile(path) as bucket:
            for name in bucket.namelist():
                if name == "captions.json":
                    captions |= json.loads(bucket.read(name))
                else:
                    out[name] = bucket.read(name)
    return {**out, "captions.json": json.dumps(captions, sort_keys=True).encode()} if captions else out


def rejected(root: Path) -> dict[str, str]:
    with (root / "results/t/sources/duo/rejected.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["pair", "reason"]
    return dict(rows[1:])  # type: ignore[arg-type]


def expected(*ids: str) -> dict[str, bytes]:
    files = pair_files(*ids)
    return {f"{pair}/{part}.png": files[name.format(pair)] for pair in ids for part, name in PAIR_FILES.items()}


@given(order=st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_members_are_joined_by_id_in_any_order(tmp_path_factory: pytest.TempPathFactory, order: random.Random) -> None:
    root = tmp_path_factory.mktemp("any")
    files = [*pair_files(*IDS).items(), ("captions.json", json.dumps({"sa_3": "a dog"}).encode())]
    order.shuffle(files)
    entry = made(root, tar_of(root / "p.tar", dict(files), "w"))
    assert members_of(root) == {**expected(*IDS), "captions.json": b'{"sa_3": "a dog"}'}
    assert sum(bucket["pairs"] for bucket in entry["buckets"].values()) == len(IDS)
    assert rejected(root) == {}


def test_the_order_of_members_does_not_change_any_byte(tmp_path: Path) -> None:
    files = list(pair_files(*IDS).items())
    one = made(tmp_path / "a", tar_of(tmp_path / "a.tar", dict(files)))
    two = made(tmp_path / "b", tar_of(tmp_path / "b.tar", dict(files[::-1])))
    assert one["buckets"] == two["buckets"]
    assert one["archive"] == sha256(tmp_path / "a.tar") != two["archive"]


def test_a_folder_gives_the_same_bytes_as_its_tar(tmp_path: Path) -> None:
    for name, data in pair_files(*IDS).items():
        write(tmp_path / "folder" / name, data)
    one = made(tmp_path / "a", tar_of(tmp_path / "a.tar", pair_files(*IDS)))
    two = made(tmp_path / "b", tmp_path / "folder")
    assert one["buckets"] == two["buckets"]
    assert two["archive"] is None


def test_each_pair_is_in_the_bucket_of_its_id_and_the_manifest_lists_each_bucket(tmp_path: Path) -> None:
    entry = made(tmp_path, tar_of(tmp_path / "p.tar", pair_files(*IDS)))
    assert list(entry["buckets"]) == [f"bucket-{i:03d}.zip" for i in range(4)]
    for number, (file, facts) in enumerate(entry["buckets"].items()):
        path = folder_of(tmp_path) / file
        assert (facts["sha256"], facts["bytes"]) == (sha256(path), path.stat().st_size)
        with zipfile.ZipFile(path) as bucket:
            assert {i.compress_type for i in bucket.infolist()} <= {zipfile.ZIP_STORED}
            found = {name.partition("/")[0] for name in bucket.namelist()}
        assert found == {pair for pair in IDS if bucket_of(pair, 4) == number}
        assert facts["pairs"] == len(found)


def test_buckets_may_be_empty(tmp_path: Path) -> None:
    entry = made(tmp_path, tar_of(tmp_path / "p.tar", pair_files("1")), pair_buckets=8)
    assert sorted(b["pairs"] for b in entry["buckets"].values()) == [0] * 7 + [1]
    assert PairClips(folder_of(tmp_path)).samples() == ("duo/1",)


# ---------------------------------------------------------------- rejected pairs


def without(part: str) -> Mapping[str, bytes]:
    return {n: d for n, d in pair_files("7").items() if n != PAIR_FILES[part].format("7")}


def changed(part: str, image: Any) -> Mapping[str, bytes]:
    return {**pair_files("7"), PAIR_FILES[part].format("7"): image if isinstance(image, bytes) else png(image)}


GREY = np.full((8, 8), 7, np.uint8)
TWO = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((4, 4), np.uint8))
COLOURS = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
EMPTY = np.zeros((8, 8), np.uint8)
BESIDE = pair_images("7")["whole_mask"][:, ::-1].copy()  # columns 1 to 6, like the whole mask
BESIDE[2:6, 0] = 255
FAR = EMPTY.copy()
FAR[0] = 255


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        *((without(part), f"lacks {part}") for part in PARTS),
        ({"whole/7_whole.png": png(GREY)}, "lacks occlusion, whole_mask, visible_mask"),
        ({**pair_files("7"), "whole/7_again.png": png(GREY)}, "has more than one file of whole"),
        (changed("visible_mask", EMPTY), "visible_mask is empty"),
        (changed("visible_mask", FAR), "1.000 of the area of visible_mask is outside whole_mask"),
        (changed("whole_mask", EMPTY), "1.000 of the area of visible_mask is outside whole_mask"),
        (changed("whole_mask", TWO), "whole_mask has the ids 1, 2, but is the mask of one object"),
        (
            changed("visible_mask", np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)),
            "visible_mask has 64 colours",
        ),
        (changed("whole", np.zeros((8, 9, 3), np.uint8)), "sizes differ: occlusion 8x8, whole 9x8"),
        (changed("occlusion", b"no image"), "occlusion is not a readable image"),
        (changed("whole_mask", pair_files("7")["whole_mask/7_whole_mask.png"][:-20]), "whole_mask is not a readable"),
    ],
)
def test_an_invalid_pair_is_left_out_and_listed_with_the_reason(
    tmp_path: Path, files: Mapping[str, bytes], reason: str
) -> None:
    entry = made(tmp_path, tar_of(tmp_path / "p.tar", {**pair_files("1", "2"), **files}))
    assert members_of(tmp_path) == expected("1", "2")
    assert list(rejected(tmp_path)) == ["7"]
    assert rejected(tmp_path)["7"].startswith(reason)
    assert entry["rejected"] == 1


@pytest.mark.parametrize(("tolerance", "kept"), [(4 / 28, True), (4 / 28 - 1e-6, False)])
def test_a_visible_mask_may_exceed_the_whole_mask_by_the_tolerance(
    tmp_path: Path, tolerance: float, kept: bool
) -> None:
    # 4 of 28 visible pixels are outside the whole mask.
    path = tar_of(tmp_path / "p.tar", {**pair_files("1"), **changed("visible_mask", BESIDE)})
    made(tmp_path, path, pair_outside_max=tolerance)
    assert ("7" not in rejected(tmp_path)) == kept


def test_a_source_without_any_pair_is_refused_and_the_error_names_the_list_of_reasons(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", without("whole"))
    with pytest.raises(BadInput, match=r"p\.tar has no complete pair \(1 rejected, see .*rejected\.csv\); give the"):
        made(tmp_path, path)
    assert rejected(tmp_path) == {"7": "lacks whole"}


def test_captions_with_another_structure_are_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", {**pair_files("7"), "captions.json": b'{"7": 1}'})
    with pytest.raises(BadInput, match=r"captions\.json does not map ids to sentences .*; write"):
        made(tmp_path, path)


# ---------------------------------------------------------------- resuming


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*arguments: Any) -> None:
        raise AssertionError("the archive was read again")

    monkeypatch.setattr(pair_spool.Spool, "fill", fill)


def test_finished_buckets_are_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    first = made(tmp_path, path)
    times = {p.name: p.stat().st_mtime_ns for p in folder_of(tmp_path).glob("*.zip")}
    forbid_reading(monkeypatch)
    assert made(tmp_path, path) == first
    assert {p.name: p.stat().st_mtime_ns for p in folder_of(tmp_path).glob("*.zip")} == times


def test_only_a_lost_bucket_is_made_again(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    first = made(tmp_path, path)
    times = {p.name: p.stat().st_mtime_ns for p in folder_of(tmp_path).glob("*.zip")}
    (folder_of(tmp_path) / "bucket-002.zip").unlink()
    assert made(tmp_path, path) == first
    again = {p.name: p.stat().st_mtime_ns for p in folder_of(tmp_path).glob("*.zip")}
    assert {name for name in times if times[name] != again[name]} == {"bucket-002.zip"}


def test_a_run_interrupted_between_buckets_resumes_without_reading_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    whole = made(tmp_path / "uninterrupted", path)
    make = pairs._make_bucket
    with monkeypatch.context() as broken:

        def stop(spool: Any, number: int, *rest: Any) -> Any:
            if number == 2:
                raise KeyboardInterrupt
            return make(spool, number, *rest)

        broken.setattr(pairs, "_make_bucket", stop)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path, path)
    assert sorted(p.name for p in folder_of(tmp_path).iterdir()) == ["bucket-000.zip", "bucket-001.zip"]
    forbid_reading(monkeypatch)
    assert made(tmp_path, path) == whole


_KILLED = """
import os, sys
from pathlib import Path
from tests.unit.test_pairs import made
from tgvac.clips import archive
from tgvac.sources import pair_spool
count, add, part_of = int(sys.argv[3]), archive.ZipSink.add, pair_spool.part_of
def dying(kind):
    left = iter(range(count))
    def die(*arguments):
        if next(left, None) is None:
            os._exit(9)
        return kind(*arguments)
    return die
if sys.argv[4] == "reading":
    pair_spool.part_of = dying(part_of)
else:
    archive.ZipSink.add = dying(add)
made(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("count", "during"), [(17, "reading"), (2, "writing"), (25, "writing")])
def test_a_killed_run_leaves_no_partial_bucket_under_a_final_name(tmp_path: Path, count: int, during: str) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    whole = made(tmp_path / "uninterrupted", path)
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "killed"), str(path), str(count), during]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    root = tmp_path / "killed"
    assert not (folder_of(root) / "index.json").exists()
    for bucket in folder_of(root).glob("bucket-*.zip"):
        assert whole["buckets"][bucket.name]["sha256"] == sha256(bucket)
    assert made(root, path) == whole
    assert members_of(root) == expected(*IDS)
    assert not list((root / "scratch").rglob("*.part"))
    assert not list(folder_of(root).glob(".*"))


def test_another_archive_or_tolerance_makes_every_bucket_again(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    made(tmp_path, path)
    tar_of(path, pair_files(*IDS[:3]))
    made(tmp_path, path)
    assert members_of(tmp_path) == expected(*IDS[:3])
    tar_of(path, {**pair_files(*IDS[:3]), **changed("visible_mask", BESIDE)})
    made(tmp_path, path)
    assert rejected(tmp_path) == {}
    made(tmp_path, path, pair_outside_max=0.0)
    assert list(rejected(tmp_path)) == ["7"]


def test_buckets_of_an_earlier_number_are_removed(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "p.tar", pair_files(*IDS))
    made(tmp_path, path)
    made(tmp_path, path, pair_buckets=2)
    assert sorted(p.name for p in folder_of(tmp_path).glob("*.zip")) == ["bucket-000.zip", "bucket-001.zip"]
    assert members_of(tmp_path) == expected(*IDS)


# ---------------------------------------------------------------- the phase


def staged(root: Path, **changes: Any) -> dict[str, Any]:
    write(root / "reference/registry.csv", REGISTRY)
    for name, data in pair_files(*IDS).items():
        write(root / "given" / name, data)
    for i in range(2):
        write(root / f"davis/JPEGImages/480p/v/{i:05d}.png", png(GREY))
        write(root / f"davis/Annotations/480p/v/{i:05d}.png", png(np.ones((8, 8), np.uint8)))
    locations = {"duo": str(root / "given"), "mine": str(root / "davis")}
    params = PARAMS.model_copy(update={"use": ("mine",), "pairs": ("duo",), **changes})
    sources_stage.run(Context(root, "t", "sources", "d", locations=locations), sources=params, fetch=FETCH)
    manifest: dict[str, Any] = json.loads((root / "results/t/sources/manifest.json").read_text())
    return manifest


def test_the_manifest_lists_videos_and_pairs_without_paths(tmp_path: Path) -> None:
    manifest = staged(tmp_path)
    assert list(manifest["sources"]) == ["mine"]
    duo = manifest["pairs"]["duo"]
    assert (duo["layout"], duo["licence"], duo["rejected"], len(duo["buckets"])) == ("pix2gestalt", "research", 0, 4)
    assert str(tmp_path) not in json.dumps(manifest)
    assert len(PairClips(folder_of(tmp_path)).samples()) == len(IDS)


def test_a_source_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'duo' has pairs of images; list it in sources\.pairs, not in sources\.use"):
        staged(tmp_path, use=("duo",))
    with pytest.raises(BadInput, match=r"'mine' has videos; list it in sources\.use, not in sources\.pairs"):
        staged(tmp_path, pairs=("mine",))
