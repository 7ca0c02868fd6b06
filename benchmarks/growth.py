"""`make bench-growth`: time and memory of what sees all data at once, up to a million clips, without pixels.

Selection, recipes, captions, indices and rows are joined by the workflow's own code, from files in the real formats
(`benchmarks/paper_data.py`). Each step runs in a process of its own. A linear step costs as much a clip at any size.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.paper_data import PaperData, Sizes
from tgvac.captions import captions_stage
from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import ROWS_FORMAT, join_row_files
from tgvac.clips.tables import write_arrow
from tgvac.completion.evaluated import evaluated
from tgvac.params import load_params
from tgvac.shards import merge_indices
from tgvac.synthesis import select_stage, synthesis_stage

CLIPS = (10_000, 100_000, 1_000_000)
PER_OBJECT, FRAMES, SHARDS = 5, 14, 48
METRICS, METHODS = 12, 3
"""Rows a frame, and methods whose rows are joined."""
SLACK = 1.25
"""What a clip may cost more at ten times the size: larger tables miss the caches more often."""


def sizes(clips: int) -> Sizes:
    objects = clips // PER_OBJECT
    return Sizes({"lasot": objects}, {"lasot": clips}, FRAMES, buckets=8, pairs=400, shards=SHARDS)


def select(data: PaperData) -> None:
    select_stage.run(data.context("select"), select=load_params(ROOT, "paper").select)


def recipes(data: PaperData) -> None:
    synthesis_stage.join(data.context("synthesis"), synthesis=load_params(ROOT, "paper").synthesis)


def captions(data: PaperData) -> None:
    captions_stage.join(data.context("captions"), captions=load_params(ROOT, "paper").captions)


def indices(data: PaperData) -> None:
    """As phase `latents` joins its shards, whose entries are of objects, too."""
    ctx = data.context("tracks")
    merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), data.root / "merged.json")


def choice(data: PaperData) -> None:
    """Which clips a method completes: what each job of phases `completion` and `metrics` begins with."""
    params = load_params(ROOT, "paper")
    path = data.context("synthesis").out / "recipes.parquet"
    assert evaluated(read_recipes(path), params.evaluation, params.methods["ours/full"])


def rows(data: PaperData) -> None:
    folder = data.root / "rows"
    join_row_files(sorted(folder.glob("part-*.parquet")), folder / "rows.parquet")


STEPS: dict[str, Callable[[PaperData], None]] = {
    "select": select,
    "recipes": recipes,
    "captions": captions,
    "indices": indices,
    "choice of clips": choice,
    "rows of metrics": rows,
}


def write_part_files(data: PaperData, clips: int) -> None:
    """Rows of the held-out clips, a file a method and shard, as phase `metrics` leaves them."""
    held_out = clips // 5
    names = np.array([f"lasot/video-{k // PER_OBJECT:05d}/1/r{k % PER_OBJECT}" for k in range(held_out)])
    for method in range(METHODS):
        for shard, mine in enumerate(np.array_split(names, 16)):
            count = len(mine) * METRICS * FRAMES
            table = pa.table(
                {
                    "scale": ["paper"] * count,
                    "method": [f"method{method}"] * count,
                    "variant": ["full"] * count,
                    "mask_source": ["given"] * count,
                    "train_seed": np.zeros(count, np.int64),
                    "sample_seed": np.zeros(count, np.int64),
                    "sample": np.repeat(mine, METRICS * FRAMES),
                    "video": np.repeat([name.rpartition("/1/")[0] for name in mine], METRICS * FRAMES),
                    "frame": np.tile(np.arange(FRAMES), len(mine) * METRICS),
                    "metric": np.tile(np.repeat([f"metric{k:02d}" for k in range(METRICS)], FRAMES), len(mine)),
                    "rate": np.full(count, 0.3),
                    "value": np.linspace(0, 1, count),
                }
            )
            path = data.root / "rows" / f"part-{method}-{shard:03d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_arrow(path, table.replace_schema_metadata({"tgvac": ROWS_FORMAT}))


def cost(data: PaperData, step: str) -> tuple[float, float]:
    """Seconds of processor time, and MiB beyond what the process needed before."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    STEPS[step](data)
    return time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def figures(most: int, folder: Path) -> Iterator[Figure]:
    params = load_params(ROOT, "paper")
    found: dict[tuple[str, int], tuple[float, float]] = {}
    counts = [clips for clips in CLIPS if clips <= most]
    for clips in counts:
        data = PaperData(folder / f"clips-{clips}", "growth", sizes(clips))
        shutil.rmtree(data.root, ignore_errors=True)
        data.write_tracks()
        data.write_masks()
        data.write_recipes(params.synthesis)
        data.write_sentences()
        write_part_files(data, clips)
        for step in STEPS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found[step, clips] = seconds, mebibytes = pool.apply(cost, (data, step))
            yield Figure(f"{step}, {clips} clips: a clip", 1e6 * seconds / clips, "µs of processor time")
            yield Figure(f"{step}, {clips} clips: memory", mebibytes, "MiB")
        shutil.rmtree(data.root)
    for step in STEPS:
        for fewer, more in pairwise(counts):
            ratio = found[step, more][0] / more / (found[step, fewer][0] / fewer)
            yield Figure(f"{step}, {more} over {fewer} clips: a clip", ratio, "ratio of time", at_most=SLACK)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=CLIPS[-1], help="clips; a million takes some 10 GB of disk")
    given = parser.parse_args()
    return tell("growth", figures(given.most, ROOT / "scratch" / "bench" / "growth"))


if __name__ == "__main__":
    sys.exit(main())
