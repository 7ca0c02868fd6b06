"""`make bench-stages`: processor time of the phases that work on frames without any network.

On the footage of `make bench-data`: a small world whose frames are as large as those of DAVIS. Each phase runs in a
process of its own, and makes all of its items in each round.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import cv2

from benchmarks.data import make_tracks
from benchmarks.figures import Figure, tell
from tgvac.clips.recipe import read_recipes
from tgvac.params import load_params
from tgvac.shards import read_index
from tgvac.sources import tracks_stage
from tgvac.stage import Context
from tgvac.synthesis import synthesis_stage


def worked(ctx: Context) -> float:
    """Seconds of processor time of one shard of a phase; nothing of it may be there under the context's digest."""
    cv2.setNumThreads(1)
    params = load_params(ctx.root, ctx.scale)
    began = time.process_time()
    if ctx.phase == "tracks":
        tracks_stage.run(ctx, tracks=params.tracks)
    else:
        synthesis_stage.run(ctx, synthesis=params.synthesis)
    return time.process_time() - began


def rates(ctx: Context, rounds: int) -> Iterator[Figure]:
    """Frames a second of each phase, the median of some rounds."""
    tracks = read_index(ctx.results / "tracks" / "index.json").values()
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    frames = {
        "tracks": sum(int(entry.facts["frames"]) for entry in tracks),
        "synthesis": sum(recipe.frames for recipe in recipes),
    }
    for phase, count in frames.items():
        # Another digest each time, so that no item is found to be done.
        turns = [replace(ctx, phase=phase, shard=0, digest=f"{time.time_ns()}-{k}") for k in range(rounds)]
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds = statistics.median(pool.apply(worked, (turn,)) for turn in turns)
        yield Figure(f"{phase}, one core", count / seconds, "frames/s of processor time")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken")
    return tell("stages", rates(make_tracks(None), parser.parse_args().rounds))


if __name__ == "__main__":
    sys.exit(main())
