"""A killed run that is run again gives the same bytes, and so does a run in another folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Command, make_project
from tgvac.files import sha256

pytestmark = pytest.mark.workflow

# All that may differ between two folders: where the sources are, the speed of a run, what its jobs cost, and what is
# measured again after a kill before a step was saved.
MAY_DIFFER = {"locations.json", "speed.jsonl", "validation.jsonl", "watched.jsonl"}
MAY_DIFFER |= {f"cost.{suffix}" for suffix in ("csv", "md", "html", "tex")}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): sha256(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in MAY_DIFFER
    }


def so_far(folder: Path, pattern: str) -> list[Path]:
    """Files somewhere below a folder, which a running process writes to, whose last names match a pattern.

    ``Path.rglob`` fails where a folder is renamed while it looks; ``os.walk`` goes past whatever is gone. Hidden
    folders are what is being written, and not looked into.
    """
    found = []
    for inside, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [path for path in (Path(inside, name) for name in files) if path.match(pattern)]
    return found


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``tgvac`` as the leader of a process group of its own, so that all of it can be killed at once."""
    command = [sys.executable, "-m", "tgvac", *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def kill_when(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """``kill -9`` a whole process group as soon as a condition holds; it must not have ended by itself."""
    deadline = time.monotonic() + 300
    while not ready():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def upto(smoke: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the finished run without the results of the named phases."""

    def make(*without: str) -> Path:
        folder = make_project(tmp_path / "upto")
        shutil.copytree(smoke / "results", folder / "results")
        for phase in without:
            shutil.rmtree(folder / "results" / "smoke" / phase)
        return folder

    return make


@pytest.mark.parametrize(("phase", "options"), [("tracks", ()), ("latents", ()), ("completion", ("ours", "no_motion"))])
def test_a_sharded_stage_killed_and_run_again_gives_the_same_bytes(
    smoke: Path, upto: Callable[..., Path], tgvac: Command, phase: str, options: tuple[str, ...]
) -> None:
    folder = upto(phase)
    extra = ("--method", options[0], "--variant", options[1]) if options else ()
    done_items = folder / "scratch" / "smoke" / phase
    process = start(folder, "stage", phase, "--scale", "smoke", *extra)
    kill_when(process, lambda: len(so_far(done_items, "done/*.json")) >= 2)
    before = {p: p.stat().st_mtime_ns for p in done_items.rglob("*.json")}
    done = tgvac(folder, "stage", phase, "--scale", "smoke", *extra)
    assert done.returncode == 0, done.stderr
    assert {p: p.stat().st_mtime_ns for p in before} == before, "finished items were made again"
    ours, theirs = digests(folder / "results" / "smoke" / phase), digests(smoke / "results" / "smoke" / phase)
    assert ours == {name: theirs[name] for name in ours}
    assert ours


def test_a_whole_run_killed_three_times_in_another_folder_gives_the_same_bytes(
    smoke: Path, tmp_path: Path, tgvac: Command
) -> None:
    folder = make_project(tmp_path / "another" / "folder with a space")
    results, scratch = folder / "results" / "smoke", folder / "scratch" / "smoke"
    for ready in (
        (results / "tracks" / "files").is_dir,
        lambda: bool(so_far(scratch / "backbones" / "vae", "step-*/state.json")),
        (scratch / "completion").is_dir,
    ):
        kill_when(start(folder, "run", "--scale", "smoke"), ready)
        # The jobs of the killed Snakemake are killed, too; what they left must not be taken for complete.
    done = tgvac(folder, "run", "--scale", "smoke")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert digests(results) == digests(smoke / "results" / "smoke")
