"""`make bench-workflow`: what the machinery costs, beside the work itself.

* a dry run of the paper's graph at about 300 and 1,500 jobs, beside a bare graph of as many jobs
* `snakemake all`, `dvc repro` and `tgvac status` where nothing is to be done, in the finished run of a scale
* the start of a rule's command: what it does before the phase's own code is imported

Seconds are those of the wall, the least of some rounds, since other processes only add time. Ratios are of those of the
processor.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.figures import ROOT, Figure, tell
from tgvac.bridge.dvc_stages import file_of
from tgvac.bridge.workflow import SETTINGS
from tgvac.errors import BadInput

PARTS = ("Snakefile", "workflow", "params.yaml", "reference", "slurm")
JOBS = (300, 1500)
ROUNDS = 3

_BARE = """
NAMES = [f"out/{{k:04d}}.txt" for k in range({jobs})]

rule all:
    input: NAMES

rule one:
    output: "out/{{name}}.txt"
    shell: "touch {{output}}"
"""

_START = """
import sys
from pathlib import Path
import tgvac.cli
from tgvac.bridge import runner
from tgvac.bridge.graph import Graph
from tgvac.params import load_params
job = Graph(sys.argv[1], load_params(Path("."), sys.argv[1]), {}).job(
    "completion", {"method": "ours", "variant": "full", "seed": "0"}, 0
)
assert job.digest
"""


def spent(folder: Path, *command: str) -> tuple[float, float, str]:
    """Seconds of the wall and of the processor that a command took, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise BadInput(f"`{' '.join(command)}` failed in {folder}: {done.stdout[-1000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def least(folder: Path, *command: str) -> tuple[float, float, str]:
    """The least of each over some rounds, and what the last one printed."""
    rounds = [spent(folder, *command) for _ in range(ROUNDS)]
    return min(wall for wall, _, _ in rounds), min(work for _, work, _ in rounds), rounds[-1][2]


def dry_runs(folder: Path) -> Iterator[Figure]:
    """The graph of scale `paper` with more or fewer shards, beside a graph of as many jobs without inputs or params."""
    for wanted in JOBS:
        project = folder / f"jobs-{wanted}"
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir(parents=True)
        for name in PARTS:
            source = ROOT / name
            if source.is_dir() and not source.is_symlink():
                shutil.copytree(source, project / name)
            else:
                shutil.copy(source, project / name, follow_symlinks=False)
        # Two jobs a method and shard, and five phases of data.
        overlay = {"extends": "paper", "shards": {"data": wanted // 25, "evaluation": max(1, wanted // 60)}}
        (project / "workflow" / "scales" / "many.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
        _, work, said = least(
            project, "-m", "snakemake", "-n", "-c2", "--quiet", "reason", "all", "--config", "scale=many"
        )
        jobs = int(re.findall(r"(?m)^total +(\d+)", said)[-1])
        bare = folder / f"bare-{wanted}"
        shutil.rmtree(bare, ignore_errors=True)
        bare.mkdir(parents=True)
        (bare / "Snakefile").write_text(_BARE.format(jobs=jobs), encoding="utf-8")
        _, alone, _ = least(bare, "-m", "snakemake", "-n", "-c2", "--quiet", "reason")
        yield Figure(f"dry run of {jobs} jobs", work, "s of processor time")
        yield Figure(f"a bare graph of {jobs} jobs", alone, "s of processor time")
        yield Figure(f"dry run of {jobs} jobs, over a bare graph", work / alone, "ratio", at_most=1.5)


def nothing_to_do(scale: str) -> Iterator[Figure]:
    """What it takes to find that all is done."""
    if not (ROOT / "results" / scale / "report" / "index.json").is_file():
        raise BadInput(f"Scale '{scale}' has no finished run here; `tgvac run --scale {scale}` makes it.")
    if not (ROOT / file_of(scale)).with_name("dvc.lock").is_file():
        raise BadInput(f"Scale '{scale}' is not under DVC here; run `tgvac commit --scale {scale}` first.")
    commands = {
        "snakemake all": ("-m", "snakemake", "all", "-c2", "--nolock", *SETTINGS, "--config", f"scale={scale}"),
        "dvc repro": ("-m", "dvc", "repro", file_of(scale)),
        "tgvac status": ("-m", "tgvac", "status", "--scale", scale),
    }
    for name, command in commands.items():
        wall, work, said = least(ROOT, *command)
        if name == "tgvac status" and "everything is fresh" not in said:
            raise BadInput(f"Scale '{scale}' is not fresh: {said[-500:]}")
        yield Figure(f"nothing to do at {scale}: {name}", wall, "s", at_most=3.0)
        yield Figure(f"nothing to do at {scale}: {name}", work, "s of processor time")


def start(scale: str) -> Iterator[Figure]:
    """A rule's command, up to the imports of its phase; Python's own start is in it."""
    wall, work, _ = least(ROOT, "-c", _START, scale)
    alone, own, _ = least(ROOT, "-c", "pass")
    yield Figure("start of a rule's command", wall - alone, "s, beyond Python's own", at_most=0.5)
    yield Figure("start of a rule's command", work - own, "s of processor time, likewise")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="tiny", help="whose finished run is asked; it must be committed to DVC")
    given = parser.parse_args()

    def figures() -> Iterator[Figure]:
        yield from start(given.scale)
        yield from dry_runs(ROOT / "scratch" / "bench" / "workflow")
        yield from nothing_to_do(given.scale)

    return tell("workflow", figures())


if __name__ == "__main__":
    sys.exit(main())
