"""`make bench-data`: what it costs to train from recipes and tracks instead of from rendered pictures.

Clips of 14 frames at 256 x 256 are rendered in a torch DataLoader from tracks as the workflow stores them. Ratios are
taken within this one run, in turns, since machines are noisy; on one core by the processor's time, not the clock's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.figures import ROOT, Figure, tell
from tgvac.clips.framing import FramingParams
from tgvac.clips.images import decode_mask, decode_rgb, encode_png
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.params import load_params
from tgvac.seeds import rng
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

FRAMES = 14
"""Of a training clip (paper, 4.1)."""

Arrays = dict[str, np.ndarray]


def make_tracks(davis: Path | None) -> Context:
    """Tracks and recipes by the ordinary stages; what is there already is not made again.

    Args:
        davis: a folder in DAVIS layout; without one, of a small world whose frames are as large.
    """
    root = ROOT / "scratch" / "bench" / "data"
    (root / "workflow" / "scales").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root)
    for folder in (Path("reference"), Path("workflow/presets")):
        shutil.copytree(ROOT / folder, root / folder, dirs_exist_ok=True)
    shutil.copy(ROOT / "benchmarks" / "data.yaml", root / "workflow" / "scales" / "bench.yaml")
    (root / "workflow" / "scales" / "bench-davis.yaml").write_text("extends: bench\nsources: {use: [davis]}\n")
    scale, given = ("bench-davis", ["--at", f"davis={davis.resolve()}"]) if davis else ("bench", [])
    for phase in ("sources", "tracks", "masks", "select", "synthesis"):
        command = [sys.executable, "-m", "tgvac", "stage", phase, "--scale", scale]
        subprocess.run([*command, *(given if phase == "sources" else [])], cwd=root, check=True)
    return Context(root, scale, "bench", "")


class Clips(Dataset[Arrays]):
    """Framed training clips: sample ``i`` is a clip of a recipe that is drawn by name, from a frame drawn by name.

    Args:
        decode_only: decode the JPEGs that a clip needs, and do nothing with them.
    """

    def __init__(self, ctx: Context, framing: FramingParams, count: int, decode_only: bool = False) -> None:
        recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
        self._recipes = [r for r in recipes if r.frames >= FRAMES]
        self._ctx, self._framing, self._count, self._decode_only = ctx, framing, count, decode_only
        self._process = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> Arrays:
        if i >= self._count:
            raise IndexError(i)
        if self._process != os.getpid():
            # Open files must not be shared with another worker: they would read from each other's place in the file.
            self._process, self._open = os.getpid(), lru_cache(maxsize=8)(track_opener(self._ctx))
            self._clips = RecipeClips(self._recipes, self._open)
            cv2.setNumThreads(1)
        drawn = rng("bench", i)
        recipe = self._recipes[int(drawn.integers(len(self._recipes)))]
        start = int(drawn.integers(recipe.frames - FRAMES + 1))
        wanted = range(start, start + FRAMES)
        return self._decoded(recipe, wanted) if self._decode_only else self._rendered(recipe, wanted)

    def _rendered(self, recipe: Recipe, wanted: range) -> Arrays:
        clip = self._clips.framed(recipe.recipe, self._framing, wanted)
        return {"frames_FSS3": clip.frames_FSS3, "visible_FSS": clip.visible_FSS, "whole_FSS3": clip.whole_FSS3}

    def _decoded(self, recipe: Recipe, wanted: range) -> Arrays:
        target, shown = self._open(recipe.target), recipe.target_indices()
        seen = sum(target.frame(shown[i]).size for i in wanted)
        for placement in recipe.occluders:
            occluder = self._open(placement.track)
            turns = placement.shown(occluder.meta.frames, recipe.frames)
            seen += sum(occluder.frame(turns[i]).size for i in wanted)
        return {"seen": np.array(seen)}


def passed(clips: Clips, workers: int, clock: Callable[[], float]) -> float:
    """Seconds a sample that a DataLoader takes; the first samples, and the start of workers, are not counted."""
    loader = DataLoader(clips, batch_size=None, num_workers=workers, prefetch_factor=2 if workers else None)
    samples, first = iter(loader), 1 + 2 * workers
    for _ in range(first):
        next(samples)
    began = clock()
    for _ in samples:
        pass
    took = clock() - began
    del samples  # ends the workers
    return took / (len(clips) - first)


def one_core(ctx: Context, framing: FramingParams, count: int, rounds: int) -> Iterator[Figure]:
    """Rendering and decoding in turns, in this process."""
    both = {name: Clips(ctx, framing, count, name == "decode") for name in ("render", "decode")}
    took: dict[str, list[float]] = {name: [] for name in both}
    for k in range(rounds + 1):
        for name, clips in both.items():
            seconds = passed(clips, 0, time.process_time)
            if k:  # the first round warms up
                took[name].append(seconds)
    rates = {name: FRAMES / statistics.median(each) for name, each in took.items()}
    yield Figure("rendering, one core", rates["render"], "frames/s of processor time")
    yield Figure("decoding its JPEGs alone, one core", rates["decode"], "frames/s of processor time")
    ratio = statistics.median(d / r for r, d in zip(took["render"], took["decode"], strict=True))
    yield Figure("rendering / decoding alone", ratio, "x", at_least=0.6)
    tracks = read_index(ctx.results / "tracks" / "index.json").values()
    sizes = [entry.bytes / int(entry.facts["frames"]) / 1024 for entry in tracks]
    yield Figure("a track, mask included", statistics.mean(sizes), "KiB a frame")


def two_workers(ctx: Context, framing: FramingParams, count: int, rounds: int) -> Iterator[Figure]:
    """One worker and two in turns, by the clock; and by the workers' own time, which no other process can lengthen."""
    took: dict[int, list[float]] = {1: [], 2: []}
    worked: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for number, each in took.items():
            before = _of_children()
            each.append(passed(Clips(ctx, framing, count), number, time.perf_counter))
            worked[number].append(_of_children() - before)
    rates = {number: FRAMES / statistics.median(each) for number, each in took.items()}
    yield Figure("rendering, one worker", rates[1], "frames/s")
    yield Figure("rendering, two workers", rates[2], "frames/s")
    ratio = statistics.median(one / two for one, two in zip(took[1], took[2], strict=True))
    yield Figure("two workers / one", ratio, "x", at_least=1.6)
    dearer = statistics.median(two / one for one, two in zip(worked[1], worked[2], strict=True))
    yield Figure("a frame's processor time, two workers / one", dearer, "x", at_most=1.25)


def _of_children() -> float:
    """Seconds of processor time of all workers that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(ctx: Context, framing: FramingParams, count: int) -> Iterator[Figure]:
    """Peak memory after a tenth of the samples and after all of them, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        early, late = pool.apply(_peaks, (ctx, framing, count))
    yield Figure(f"peak memory after {count // 10} samples", early, "MiB")
    yield Figure(f"peak memory after {count} samples", late, "MiB")
    yield Figure(f"peak after {count} / after {count // 10}", late / early, "x", at_most=1.05)


def _peaks(ctx: Context, framing: FramingParams, count: int) -> tuple[float, float]:
    early = 0.0
    for k, _ in enumerate(DataLoader(Clips(ctx, framing, count), batch_size=None)):
        if k + 1 == count // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folders_of_png(ctx: Context, framing: FramingParams, count: int) -> Iterator[Figure]:
    """The same samples as folders of PNG: their size, and how fast they are written and read."""
    folder = ctx.root / "png"
    shutil.rmtree(folder, ignore_errors=True)
    clips, writing, reading, rendering = Clips(ctx, framing, count), 0.0, 0.0, 0.0
    for i in range(count):
        began = time.process_time()
        sample = clips[i]
        rendered = time.process_time()
        for name, images in sample.items():
            (folder / f"{i:04d}" / name).mkdir(parents=True)
            for k, image in enumerate(images):
                (folder / f"{i:04d}" / name / f"{k:05d}.png").write_bytes(encode_png(image))
        written = time.process_time()
        for name, images in sample.items():
            decode = decode_rgb if images.ndim == 4 else decode_mask
            files = sorted((folder / f"{i:04d}" / name).iterdir())
            back = np.stack([decode(path.read_bytes(), path.name) for path in files])
            if not np.array_equal(back, images):
                raise ValueError(f"sample {i}: {name} did not come back as it was written")
        rendering, writing = rendering + rendered - began, writing + written - rendered
        reading += time.process_time() - written
    png = sum(path.stat().st_size for path in folder.rglob("*.png")) / (count * FRAMES) / 1024
    shutil.rmtree(folder)
    table = ctx.results / "synthesis" / "recipes.parquet"
    kept = [table, *chain.from_iterable((ctx.results / phase / "files").iterdir() for phase in ("tracks", "masks"))]
    frames = sum(recipe.frames for recipe in read_recipes(table))
    own = sum(path.stat().st_size for path in kept) / frames / 1024
    yield Figure("folders of PNG, written, one core", count * FRAMES / writing, "frames/s of processor time")
    yield Figure("folders of PNG, read back, one core", count * FRAMES / reading, "frames/s of processor time")
    yield Figure("rendering / reading PNG", reading / rendering, "x")
    yield Figure("folders of PNG", png, "KiB a frame")
    yield Figure("recipes with all tracks and masks", own, "KiB a frame")
    yield Figure("folders of PNG / recipes with all tracks", png / own, "x")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="over which memory must be flat")
    parser.add_argument("--block", type=int, default=16, help="samples of a turn")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each")
    parser.add_argument("--davis", type=Path, help="measure on the footage of this folder in DAVIS layout")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ctx = make_tracks(given.davis)
    framing = load_params(ctx.root, ctx.scale).framing
    figures = chain(
        one_core(ctx, framing, given.block, given.rounds),
        two_workers(ctx, framing, given.block * 4, given.rounds),
        folders_of_png(ctx, framing, given.block),
        memory(ctx, framing, given.samples),
    )
    return tell("data-davis" if given.davis else "data", figures)


if __name__ == "__main__":
    sys.exit(main())
