"""`make bench-joins`: time and memory of the steps that see all of the data at once, by the number of objects.

Each step runs in a process of its own, on as many objects as the paper has and on a quarter of them: four times as many
may take four times as long and need four times the memory, and no more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.paper_data import PAPER_OBJECTS, PAPER_VIDEOS, PaperData, Sizes
from tgvac.captions import captions_stage
from tgvac.params import load_params
from tgvac.synthesis import select_stage, synthesis_stage

STEPS = ("select", "synthesis", "captions")
SLACK = 1.25
"""What four times as much may cost beyond four times: timers, and memory that comes in pieces."""


@dataclass(frozen=True)
class Cost:
    """Of one step: seconds of processor time, and MiB beyond what its process needed before, at least one."""

    seconds: float
    mebibytes: float


def sizes(quarters: int, frames: int) -> Sizes:
    """So many quarters of the paper's data."""
    share = {name: count * quarters // 4 for name, count in PAPER_OBJECTS.items()}
    videos = {name: count * quarters // 4 for name, count in PAPER_VIDEOS.items()}
    return Sizes(share, videos, frames, buckets=8 * quarters, pairs=400, shards=8)


def joined(data: PaperData, step: str) -> Cost:
    """Run one step on data that is there."""
    params = load_params(ROOT, "paper")
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if step == "select":
        select_stage.run(data.context(step), select=params.select)
    elif step == "synthesis":
        synthesis_stage.join(data.context(step), synthesis=params.synthesis)
    else:
        captions_stage.join(data.context(step), captions=params.captions)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Cost(time.process_time() - began, max((after - before) / 1024, 1.0))


def measured(folder: Path, frames: int) -> dict[tuple[str, int], Cost]:
    """The cost of each step on a quarter of the data and on all."""
    params, found = load_params(ROOT, "paper"), {}
    for quarters in (1, 4):
        data = PaperData(folder / f"quarters-{quarters}", "joins", sizes(quarters, frames))
        shutil.rmtree(data.root, ignore_errors=True)
        data.write_tracks()
        data.write_masks()
        data.write_recipes(params.synthesis)
        data.write_sentences()
        for step in STEPS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found[step, quarters] = pool.apply(joined, (data, step))
        shutil.rmtree(data.root)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=126, help="of each track and each synthesized video")
    given = parser.parse_args()
    found = measured(ROOT / "scratch" / "bench" / "joins", given.frames)
    frames = sum(sizes(4, given.frames).objects.values()) * given.frames
    # What plans go by: a rate stands for any number of frames.
    figures = [Figure("select, one core", frames / found["select", 4].seconds, "frames/s of processor time")]
    for step in STEPS:
        one, four = found[step, 1], found[step, 4]
        figures += [
            Figure(f"{step}, a quarter of the objects", one.seconds, "s of processor time"),
            Figure(f"{step}, all objects", four.seconds, "s of processor time"),
            Figure(f"{step}, time of all / a quarter", four.seconds / one.seconds, "x", at_most=4 * SLACK),
            Figure(f"{step}, memory, a quarter", one.mebibytes, "MiB"),
            Figure(f"{step}, memory, all objects", four.mebibytes, "MiB"),
            Figure(f"{step}, memory of all / a quarter", four.mebibytes / one.mebibytes, "x", at_most=4 * SLACK),
        ]
    return tell("joins", figures)


if __name__ == "__main__":
    sys.exit(main())
