"""`make bench-completion`: what completing a long video costs, beside other ways, with the demonstration model.

* windows in groups, beside the UNet window by window
* our windows beside FreeNoise of diffusers, which puts windows into the motion modules alone, at strides 4 and 14:
  time, memory and LPIPS, with the same weights, steps, guidance and noise
* the share of time outside UNet and autoencoder
* memory of the process, without files that are mapped, and time, by the number of frames

Each row of memory is a process of its own. `benchmarks/frontier.py` has the ways that cost fewer evaluations.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.world_clips import world_clips
from tgvac.clips.images import encode_png
from tgvac.complete.command import Completing, Options
from tgvac.complete.model import Asked, load_model
from tgvac.complete.squares import Diffusing, Framed, Input
from tgvac.devices import pin
from tgvac.methods.ours import TemporalDiffusion
from tgvac.metrics.lpips import lpips_per_frame
from tgvac.metrics.lpips_weights import load_lpips
from tgvac.models.motion_unet import load_inflated
from tgvac.models.noise_models import as_epsilon_model, video_noise_model
from tgvac.params import load_params
from tgvac.sampling.kept import Kept
from tgvac.tracking.prompts import read_selection

STEPS, GUIDANCE, LENGTH = 4, 2.0, 14
FRAMES = (14, 56, 224, 896)
SEED, ROUNDS = 6, 5


def model(stride: int, steps: int = STEPS, guidance: float = GUIDANCE) -> TemporalDiffusion:
    """The demonstration model."""
    found = load_model(ROOT, "", Asked(steps, guidance, stride), "cpu").completer
    assert isinstance(found, Diffusing)
    return replace(found.model, framing=load_params(ROOT, "tiny").framing)


def free_noise(stride: int) -> TemporalDiffusion:
    """The same weights with FreeNoise's windows in the motion modules; the spatial layers see each frame once."""
    from diffusers.pipelines.free_noise_utils import AnimateDiffFreeNoiseMixin

    ours, params = model(LENGTH), load_params(ROOT, "tiny")
    video = load_inflated(ROOT / "standins" / "motion", params.motion_module)
    mixin = AnimateDiffFreeNoiseMixin()
    mixin.unet, mixin.device, mixin.dtype = video, torch.device("cpu"), torch.float32
    mixin.motion_adapter = SimpleNamespace(config=SimpleNamespace(motion_max_seq_length=LENGTH))
    mixin.enable_free_noise(context_length=LENGTH, context_stride=stride)
    # One window: FreeNoise divides the video inside.
    whole = ours.sampler.model_copy(update={"clip_frames": 2**31, "stride": 2**31})
    return replace(ours, model=as_epsilon_model(video_noise_model, params.diffusion)(video), sampler=whole)


class Peak:
    """The most memory that the process holds for itself, in MiB, while a block runs; files that are mapped are not."""

    def __enter__(self) -> Peak:
        self.base = self.most = _held()
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._run)
        self._watch.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, _held())

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._watch.join()

    @property
    def added(self) -> float:
        return self.most - self.base


def _held() -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def child(kind: str, frames: int, stride: int) -> dict[str, float]:
    """One measured process: seconds, MiB added, and MiB held at most."""
    pin(1)
    made = free_noise(stride) if kind == "free_noise" else model(stride)
    size = made.framing.size
    drawn = np.random.default_rng(0).integers(0, 255, (LENGTH, size, size, 3), np.uint8)
    mask_SS = np.zeros((size, size), np.uint8)
    mask_SS[size // 4 : -size // 4, size // 4 : -size // 4] = 255
    given = Input(Framed(lambda i: drawn[i % LENGTH], frames), Framed(lambda i: mask_SS, frames))
    # Once before, so that what is allocated once is not counted.
    made.complete_squares(drawn, np.stack([mask_SS] * LENGTH), "a dog", 0)
    with tempfile.TemporaryDirectory() as folder, Peak() as peak:
        began = time.monotonic()
        kept = None if kind == "free_noise" else Kept(Path(folder))
        made.complete_squares(given.frames_FSS3, given.visible_FSS, "a dog", 0, kept)
        seconds = time.monotonic() - began
    return {"seconds": seconds, "mib": peak.added, "held": peak.most}


def measured(kind: str, frames: int, stride: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.completion", "--child", kind, str(frames), str(stride)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures(most: int) -> Iterator[Figure]:
    yield from groups()
    yield from beside_free_noise()
    yield from outside()
    yield from by_length([frames for frames in FRAMES if frames <= most])


def groups() -> Iterator[Figure]:
    """Windows in groups beside one by one: a GPU wants large ones, a CPU small ones, which stay in its cache."""
    frames, made = 56, model(4)
    own, rates = made.sampler.batch_windows, dict.fromkeys((1, 2, 4), 0.0)
    for _ in range(3):
        for group in rates:
            each = replace(made, sampler=made.sampler.model_copy(update={"batch_windows": group}))
            rates[group] = max(rates[group], frames / _seconds(lambda each=each: _complete(each, frames)))  # type: ignore[misc]
    for group, rate in rates.items():
        yield Figure(f"windows in groups of {group}", rate, "frames/s")
    yield Figure(f"groups of {own}, the model's own, over the fastest", rates[own] / max(rates.values()), "ratio", 0.95)


def beside_free_noise() -> Iterator[Figure]:
    """Time, memory and LPIPS beside diffusers' own way."""
    frames, clips = 56, list(world_clips(SEED, 4, 56))
    lpips = load_lpips("alex")
    for stride in (4, LENGTH):
        # In turns, and the least of each: other processes only ever add time, and the allocator memory.
        rounds = [{kind: measured(kind, frames, stride) for kind in ("ours", "free_noise")} for _ in range(ROUNDS)]
        for kind, made in (("ours", model(stride)), ("free_noise", free_noise(stride))):
            cost = {key: min(each[kind][key] for each in rounds) for key in ("seconds", "mib")}
            yield Figure(f"stride {stride}, {kind}: time", cost["seconds"], "s")
            yield Figure(f"stride {stride}, {kind}: memory", cost["mib"], "MiB")
            scores = [
                lpips_per_frame(lpips, made.complete(c.frames_FHW3, c.visible_FHW, text, 0).rgb_FHW3, c.whole_FHW3, 32)
                for c, text in clips
            ]
            yield Figure(f"stride {stride}, {kind}: LPIPS", float(np.mean(scores)), "")
            costs[kind, stride] = cost
    ratio = {key: costs["ours", LENGTH][key] / costs["free_noise", LENGTH][key] for key in ("seconds", "mib")}
    yield Figure("without overlap, ours over FreeNoise: time", ratio["seconds"], "ratio", at_most=1.0)
    yield Figure("without overlap, ours over FreeNoise: memory", ratio["mib"], "ratio", at_most=1.0)


costs: dict[tuple[str, int], dict[str, float]] = {}


def outside() -> Iterator[Figure]:
    """The share of a command's time that is not spent in UNet and autoencoder."""
    clip, text = next(world_clips(SEED, 1, 56, side=256))
    with tempfile.TemporaryDirectory() as folder:
        for name, pictures in (("frames", clip.frames_FHW3), ("masks", clip.visible_FHW)):
            (Path(folder) / name).mkdir()
            for i, picture in enumerate(pictures):
                (Path(folder) / name / f"{i:05d}.png").write_bytes(encode_png(picture))
        spent: dict[str, float] = {"networks": 0.0}
        with _timed(spent):
            selection = read_selection(0, masks=[f"{folder}/masks"])
            options = Options(video=f"{folder}/frames", selection=selection, text=text, steps=30)
            whole = _seconds(lambda: Completing(ROOT, options, Path(folder) / "out").run())
    share = 1 - spent["networks"] / whole
    yield Figure("outside UNet and autoencoder, 30 steps", share, "of the time", at_most=0.05)


class _timed:  # noqa: N801  # used as a function
    """Adds up the time inside UNet and autoencoder."""

    def __init__(self, spent: dict[str, float]) -> None:
        self._spent = spent

    def __enter__(self) -> None:
        from diffusers import AutoencoderKL, UNetMotionModel

        self._old = [(UNetMotionModel, "forward"), (AutoencoderKL, "encode"), (AutoencoderKL, "decode")]
        self._were = [getattr(owner, name) for owner, name in self._old]
        for (owner, name), was in zip(self._old, self._were, strict=True):
            setattr(owner, name, self._around(was))

    def _around(self, was: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **more: Any) -> Any:
            began = time.monotonic()
            try:
                return was(*given, **more)
            finally:
                self._spent["networks"] += time.monotonic() - began

        return timed

    def __exit__(self, *_: object) -> None:
        for (owner, name), was in zip(self._old, self._were, strict=True):
            setattr(owner, name, was)


def by_length(lengths: list[int]) -> Iterator[Figure]:
    """Memory and time by the number of frames."""
    found = {frames: measured("ours", frames, LENGTH) for frames in lengths}
    for frames, cost in found.items():
        yield Figure(f"{frames} frames: memory of the process", cost["held"], "MiB")
        yield Figure(f"{frames} frames: memory added", cost["mib"], "MiB")
        yield Figure(f"{frames} frames: time a frame", 1000 * cost["seconds"] / frames, "ms")
    longest, shorter = lengths[-1], lengths[-2]
    rate = {frames: found[frames]["seconds"] / frames for frames in (longest, shorter)}
    grown = 1024 * (found[longest]["held"] - found[shorter]["held"]) / (longest - shorter)
    # A square of 64 x 64 pixels has 12 KiB; the allocator's own ups and downs are a few.
    yield Figure(f"memory by the frame, from {shorter} to {longest} frames", grown, "KiB", at_most=12.0)
    yield Figure(f"time a frame, {longest} over {shorter} frames", rate[longest] / rate[shorter], "ratio", at_most=1.1)


def _complete(made: TemporalDiffusion, frames: int) -> None:
    size = made.framing.size
    pictures = np.random.default_rng(0).integers(0, 255, (frames, size, size, 3), np.uint8)
    made.complete_squares(pictures, np.full((frames, size, size), 255, np.uint8), "a dog", 0)


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=FRAMES[-1], help="frames of the longest video")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child[0], int(given.child[1]), int(given.child[2]))))
        return 0
    pin(1)
    return tell("completion", figures(given.most))


if __name__ == "__main__":
    sys.exit(main())
