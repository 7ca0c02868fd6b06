"""`make bench-data`: what it costs to train from recipes and tracks instead of from rendered pictures.

Clips of 14 frames at 256 x 256 are rendered in a torch DataLoader from tracks as the workflow stores them. Ratios are
taken within this one run, in turns, since machines are noisy; on one core by the processor's time, not the clock's.
Nothing is kept open from one sample to the next, as where thousands of tracks are read in random order.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from tgvac.clip.framing import FramingParams, frame_masks, frame_video, windows_of
from tgvac.clip.images import decode_mask, decode_rgb, encode_png
from tgvac.clip.recipe import Recipe, read_recipes
from tgvac.files import write_json
from tgvac.params import load_params
from tgvac.seeds import rng
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FRAMES = 14
"""Of a training clip (paper, 4.1)."""

Arrays = dict[str, np.ndarray]


def make_world() -> Context:
    """A small world at the size of DAVIS' frames, by the ordinary stages; what is there already is not made again."""
    root = ROOT / "scratch" / "bench" / "data"
    (root / "workflow" / "scales").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", root)
    shutil.copytree(ROOT / "reference", root / "reference", dirs_exist_ok=True)
    shutil.copy(HERE / "data.yaml", root / "workflow" / "scales" / "bench.yaml")
    for phase in ("sources", "tracks", "masks", "select", "synthesis"):
        subprocess.run([sys.executable, "-m", "tgvac", "stage", phase, "--scale", "bench"], cwd=root, check=True)
    return Context(root, "bench", "bench", "")


class Clips(Dataset[Arrays]):
    """Framed training clips: sample ``i`` is a clip of a recipe that is drawn by name, from a frame drawn by name.

    Args:
        decode_only: decode the JPEGs that a clip needs, and do nothing with them.
    """

    def __init__(self, ctx: Context, framing: FramingParams, count: int, decode_only: bool = False) -> None:
        recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
        self._recipes = [r for r in recipes if r.frames >= FRAMES]
        self._open, self._framing, self._count = track_opener(ctx), framing, count
        self._decode_only = decode_only

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int) -> Arrays:
        if i >= self._count:
            raise IndexError(i)
        cv2.setNumThreads(1)
        drawn = rng("bench", i)
        recipe = self._recipes[int(drawn.integers(len(self._recipes)))]
        start = int(drawn.integers(recipe.frames - FRAMES + 1))
        wanted = range(start, start + FRAMES)
        return self._decoded(recipe, wanted) if self._decode_only else self._rendered(recipe, wanted)

    def _rendered(self, recipe: Recipe, wanted: range) -> Arrays:
        clip = RecipeClips([recipe], self._open).render(recipe.recipe, wanted)
        windows = windows_of(self._framing, clip.visible_FHW)
        return {
            "frames_FSS3": frame_video(self._framing, clip.frames_FHW3, windows, self._framing.pad),
            "visible_FSS": frame_masks(self._framing, clip.visible_FHW, windows),
            "whole_FSS3": frame_video(self._framing, clip.whole_FHW3, windows, 255),
        }

    def _decoded(self, recipe: Recipe, wanted: range) -> Arrays:
        target, shown = self._open(recipe.target), recipe.target_indices()
        seen = sum(target.frame(shown[i]).size for i in wanted)
        for placement in recipe.occluders:
            occluder = self._open(placement.track)
            turns = placement.shown(occluder.meta.frames, recipe.frames)
            seen += sum(occluder.frame(turns[i]).size for i in wanted)
        return {"seen": np.array(seen)}


def passed(clips: Dataset[Any], workers: int, clock: Callable[[], float]) -> float:
    """Seconds that a DataLoader takes for all samples, from its first to its last; starting the workers is not counted."""
    samples = iter(DataLoader(clips, batch_size=None, num_workers=workers, prefetch_factor=2 if workers else None))
    for _ in range(workers * 2):
        next(samples)
    began = clock()
    for _ in samples:
        pass
    return clock() - began


def one_core(ctx: Context, framing: FramingParams, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Rendering and decoding in turns, in this process."""
    both = {name: Clips(ctx, framing, count, name == "decode") for name in ("render", "decode")}
    took: dict[str, list[float]] = {name: [] for name in both}
    for k in range(rounds + 1):
        for name, clips in both.items():
            seconds = passed(clips, 0, time.process_time)
            if k:  # the first round warms up
                took[name].append(seconds)
    rates = {name: count * FRAMES / statistics.median(each) for name, each in took.items()}
    yield row("rendering, one core", rates["render"], "frames/s of processor time")
    yield row("decoding its JPEGs alone, one core", rates["decode"], "frames/s of processor time")
    ratio = statistics.median(d / r for r, d in zip(took["render"], took["decode"], strict=True))
    yield row("rendering / decoding alone", ratio, "x", at_least=0.6)


def workers(ctx: Context, framing: FramingParams, count: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One worker and two in turns, by the clock."""
    took: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for number, each in took.items():
            each.append(passed(Clips(ctx, framing, count), number, time.perf_counter) / (count - 2 * number))
    rates = {number: FRAMES / statistics.median(each) for number, each in took.items()}
    yield row("rendering, one worker", rates[1], "frames/s")
    yield row("rendering, two workers", rates[2], "frames/s")
    ratio = statistics.median(one / two for one, two in zip(took[1], took[2], strict=True))
    yield row("two workers / one", ratio, "x", at_least=1.6)


def memory(ctx: Context, framing: FramingParams, count: int) -> Iterator[dict[str, Any]]:
    """Peak memory after a tenth of the samples and after all of them, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        early, late = pool.apply(_peaks, (ctx, framing, count))
    yield row(f"peak memory after {count // 10} samples", early, "MiB")
    yield row(f"peak memory after {count} samples", late, "MiB")
    yield row(f"peak after {count} / after {count // 10}", late / early, "x", at_most=1.05)


def _peaks(ctx: Context, framing: FramingParams, count: int) -> tuple[float, float]:
    early = 0.0
    for k, _ in enumerate(DataLoader(Clips(ctx, framing, count), batch_size=None)):
        if k + 1 == count // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return early, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folders_of_png(ctx: Context, framing: FramingParams, count: int) -> Iterator[dict[str, Any]]:
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
    png_bytes = sum(path.stat().st_size for path in folder.rglob("*.png")) / (count * FRAMES)
    shutil.rmtree(folder)
    kept = [p for phase in ("tracks/files", "masks/files") for p in (ctx.results / phase).iterdir()]
    table = ctx.results / "synthesis" / "recipes.parquet"
    frames = sum(recipe.frames for recipe in read_recipes(table))
    own_bytes = sum(path.stat().st_size for path in [*kept, table]) / frames
    yield row("folders of PNG, written, one core", count * FRAMES / writing, "frames/s of processor time")
    yield row("folders of PNG, read back, one core", count * FRAMES / reading, "frames/s of processor time")
    yield row("rendering / reading PNG", reading / rendering, "x")
    yield row("folders of PNG", png_bytes / 1024, "KiB a frame")
    yield row("recipes with their tracks and masks", own_bytes / 1024, "KiB a frame")
    yield row("folders of PNG / recipes with their tracks", png_bytes / own_bytes, "x")


def row(
    what: str, value: float, unit: str, at_least: float | None = None, at_most: float | None = None
) -> dict[str, Any]:
    """A measured figure; with a bar, whether it holds."""
    bar = f">= {at_least:g}" if at_least is not None else f"<= {at_most:g}" if at_most is not None else None
    holds = value >= at_least if at_least is not None else value <= at_most if at_most is not None else None
    return {"what": what, "value": round(value, 4), "unit": unit, "bar": bar, "holds": holds}


def processor() -> str:
    """The name of this machine's processor."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def commit() -> str:
    """The commit that was measured, marked where files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="over which memory must be flat")
    parser.add_argument("--block", type=int, default=16, help="samples of a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    given = parser.parse_args()
    torch.set_num_threads(1)
    ctx = make_world()
    framing = load_params(ctx.root, ctx.scale).framing
    rows: list[dict[str, Any]] = []
    for measured in (
        one_core(ctx, framing, given.block, given.rounds),
        workers(ctx, framing, given.block * 2, given.rounds),
        folders_of_png(ctx, framing, given.block),
        memory(ctx, framing, given.samples),
    ):
        for each in measured:
            rows.append(each)
            verdict = {None: "", True: "holds", False: "FAILS"}[each["holds"]]
            print(f"{each['what']:<44} {each['value']:>10.4g} {each['unit']:<28} {each['bar'] or '':<8} {verdict}", flush=True)
    facts = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "cpu": processor(), "commit": commit(), "measured": rows}
    write_json(HERE / "results" / "data.json", facts)
    write_json(ROOT / "results" / "bench" / "data.json", rows)
    return int(any(each["holds"] is False for each in rows))


if __name__ == "__main__":
    sys.exit(main())
