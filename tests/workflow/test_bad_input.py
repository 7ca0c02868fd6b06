"""Bad input: one sentence with file and remedy, a non-zero exit code, and no finished file is lost.

A damaged video is left out and listed instead.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.conftest import Command
from tests.unit.world_samples import world
from tgvac.clips.images import encode_png
from tgvac.sources.rejected import read_rejected
from tgvac.world.publish import publish

SMALL = world(6, seed=3, frames=16, width=96)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small, sound DAVIS archive."""
    return publish(SMALL, "davis", tmp_path_factory.mktemp("archive"))


@pytest.fixture
def tree(archive: Path, tmp_path: Path) -> Path:
    """The same, unpacked, to be damaged."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "tree")
    return tmp_path / "tree" / "DAVIS"


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with exit code 2 and one sentence, which holds the words and no traceback."""
    said = [line for line in done.stderr.splitlines() if line.startswith("tgvac: ")]
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(said) == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in said[0], said[0]


def sources(tgvac: Command, project: Path, at: Path) -> subprocess.CompletedProcess[str]:
    return tgvac(project, "stage", "sources", "--scale", "smoke-davis", "--at", f"davis={at}")


def test_a_missing_archive(tgvac: Command, project: Path, tmp_path: Path) -> None:
    refused(sources(tgvac, project, tmp_path / "nowhere.zip"), "nowhere.zip", "does not exist")


def test_an_archive_with_a_wrong_checksum(tgvac: Command, project: Path, archive: Path) -> None:
    registry = project / "reference" / "registry.csv"
    size = archive.stat().st_size
    registry.write_text(f"name,layout,location,bytes,sha256,licence\ndavis,davis,{archive},{size},{'0' * 64},none\n")
    refused(tgvac(project, "stage", "sources", "--scale", "smoke-davis"), str(archive), "checksum", "fetch it again")


def test_an_archive_of_a_wrong_size(tgvac: Command, project: Path, archive: Path) -> None:
    registry = project / "reference" / "registry.csv"
    registry.write_text(f"name,layout,location,bytes,sha256,licence\ndavis,davis,{archive},17,,none\n")
    refused(tgvac(project, "stage", "sources", "--scale", "smoke-davis"), str(archive), "bytes", "not complete")


def test_a_truncated_zip(tgvac: Command, project: Path, archive: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive.read_bytes()[:-5000])
    refused(sources(tgvac, project, cut), "cut.zip", "truncated", "fetch it again")


def test_a_batch_that_processes_cannot_share_is_refused_once(tgvac: Command, project: Path) -> None:
    done = tgvac(project, "stage", "frame", "--scale", "smoke", "--processes", "3")
    refused(done, "frame.batch 8 cannot be divided among --processes 3")


def damage_frame(tree: Path) -> Path:
    frame = sorted((tree / "JPEGImages" / "480p").rglob("00003.jpg"))[0]
    frame.write_bytes(frame.read_bytes()[:200])
    return frame


def resize_mask_file(tree: Path) -> Path:
    mask = sorted((tree / "Annotations" / "480p").rglob("00003.png"))[0]
    mask.write_bytes(encode_png(np.ones((40, 40), np.uint8)))
    return mask


def empty_masks(tree: Path) -> Path:
    first = sorted((tree / "Annotations" / "480p").iterdir())[0]
    for mask in first.iterdir():
        mask.write_bytes(encode_png(np.zeros((SMALL.height, SMALL.width), np.uint8)))
    return first


def lose_mask(tree: Path) -> Path:
    mask = sorted((tree / "Annotations" / "480p").rglob("00005.png"))[0]
    mask.unlink()
    return mask.parent


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_frame, ("00003.jpg", "not a readable image", "intact copy")),
        (resize_mask_file, ("00003", "40x40", "same size")),
        (empty_masks, ("shows no object in its first",)),
        (lose_mask, ("00005", "restore")),
    ],
)
def test_a_damaged_video_is_left_out_and_listed_and_costs_no_other(
    tgvac: Command, project: Path, tree: Path, damage: Callable[[Path], Path], words: tuple[str, ...]
) -> None:
    where = damage(tree)
    assert sources(tgvac, project, tree).returncode == 0
    done = tgvac(project, "stage", "tracks", "--scale", "smoke-davis")
    assert done.returncode == 0, done.stderr
    results = project / "results" / "smoke-davis"
    (left_out,) = [each for phase in ("sources", "tracks") for each in read_rejected(results / phase / "rejected.csv")]
    assert left_out.video == f"davis/{where.name if where.is_dir() else where.parent.name}"
    for word in words:
        assert word in left_out.reason
    assert (results / "tracks" / "rejected.csv.prov.json").is_file()
    finished = {p: p.stat().st_mtime_ns for p in (results / "tracks" / "files").glob("*.zip")}
    assert len({p.name.split("--")[1] for p in finished}) == SMALL.videos.davis - 1
    assert not list(project.rglob("*.part"))
    # After the repair, the same commands resume and make no finished file again.
    shutil.rmtree(tree)
    again = publish(SMALL, "davis", tree.with_name("again"))
    with zipfile.ZipFile(again) as packed:
        packed.extractall(tree.parent)
    assert sources(tgvac, project, tree).returncode == 0
    assert tgvac(project, "stage", "tracks", "--scale", "smoke-davis").returncode == 0
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    assert read_rejected(results / "tracks" / "rejected.csv") == []


def test_footage_of_which_most_is_damaged_ends_the_stage(tgvac: Command, project: Path, tree: Path) -> None:
    for folder in sorted((tree / "Annotations" / "480p").iterdir())[:4]:
        (folder / "00005.png").unlink()
    refused(sources(tgvac, project, tree), "4 of 6 videos of source 'davis'", "sources.max_faulty", "00005", "restore")


@pytest.mark.parametrize(
    ("block", "key", "value", "words"),
    [
        ("sampler", "guidence", 2.0, ("sampler.guidence", "did you mean 'guidance'")),
        ("frame", "steps", "many", ("frame.steps", "'many'")),
        ("frame", "lr", "5e-4", ("frame.lr", "write it with a point")),
        ("frame", "steps", 0, ("frame.steps", "greater than or equal to 1")),
        ("sources", "use", ["davos"], ("davos", "did you mean 'davis'")),
    ],
)
def test_a_wrong_key_or_value_of_params(
    tgvac: Command, project: Path, block: str, key: str, value: object, words: tuple[str, ...]
) -> None:
    path = project / "params.yaml"
    tree = yaml.safe_load(path.read_text())
    tree[block][key] = value
    path.write_text(yaml.safe_dump(tree))
    refused(tgvac(project, "stage", "sources", "--scale", "paper"), *words)


def test_an_unknown_scale_phase_shard_and_option(tgvac: Command, project: Path) -> None:
    refused(tgvac(project, "stage", "sources", "--scale", "smok"), "smok", "did you mean 'smoke'")
    refused(tgvac(project, "run", "--scale", "smok"), "smok", "did you mean 'smoke'")
    refused(tgvac(project, "stage", "trakcs", "--scale", "smoke"), "trakcs", "did you mean 'tracks'")
    refused(tgvac(project, "stage", "tracks", "--scale", "smoke", "--shard", "7"), "no shard 7")
    refused(tgvac(project, "run", "--scale", "smoke", "--at", "davis"), "NAME=PATH")
    refused(tgvac(project, "run", "--scale", "smoke", "--at", "davos=/x"), "davos", "did you mean 'davis'")
    refused(tgvac(project, "run", "--scale", "smoke", "--at", "davis=/x"), "'smoke' does not use the source 'davis'")
    refused(tgvac(project, "stage", "sources", "--scale", "smoke", "--at", "davis=/x"), "does not use the source")
    refused(tgvac(project, "run", "--scale", "smoke-davis", "--at", "davis=/x"), "/x", "does not exist")
    refused(tgvac(project, "run", "--scale", "smoke", "--target", "banana"), "no target 'banana'")
    assert tgvac(project, "run", "--scale", "smoke", "--cores", "0").returncode == 2
    refused(tgvac(project, "stage", "metrics", "--scale", "smoke"), "needs a method")


def test_a_phase_before_its_time_names_what_is_missing(tgvac: Command, project: Path) -> None:
    refused(tgvac(project, "stage", "tracks", "--scale", "smoke"), "manifest.json", "tgvac stage sources")
    refused(tgvac(project, "stage", "select", "--scale", "smoke"), "tracks/index.json", "run the phase")
    refused(tgvac(project, "stage", "frame", "--scale", "smoke"), "backbones")


def test_outside_a_project_the_folder_is_named(tgvac: Command, tmp_path: Path) -> None:
    refused(tgvac(tmp_path, "stage", "sources", "--scale", "smoke"), "params.yaml", "project")
