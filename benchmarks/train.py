"""`make bench-train`: the time of a training step with and without cached features, and where it is spent.

Without the cache, a step encodes its pictures (target, frame, mask) and its sentences; with it, it reads latents and
keeps the encoded sentences. Both draw the same rows and compute the same losses. They are measured in turns within one
run. Small stages use the training loop. At Stable Diffusion 1.5's shapes, each gradient is given to AdamW and freed
at once, and there is no average of the weights, so that a step needs less than 16 GB.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.figures import ROOT, Figure, tell
from benchmarks.train_data import EncodedClips, pictures, write_cache
from benchmarks.train_settings import Setting, real, tiny
from tgvac.devices import pin
from tgvac.latents.latent_clips import LatentClips
from tgvac.latents.text_states import TextStates
from tgvac.models.noise_models import loss_weights
from tgvac.models.runtime import quiet
from tgvac.models.schedule import noise_schedule
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.objective import Batch, make_batch, noise_loss
from tgvac.training.optimizers import build_optimizer
from tgvac.training.run_params import CheckpointParams
from tgvac.training.utilisation import gemm_rate

CPU = torch.device("cpu")
FASTER = 1.6
"""Least speed-up by cached features, at Stable Diffusion 1.5's shapes."""
SHARE = 0.05
"""Largest share of a step's time for waiting for data, and for all except forward pass, backward pass and optimizer."""

Batches = Callable[[int, range], Batch]


@dataclass(frozen=True)
class Both:
    """A setting with the two ways to make its batches."""

    setting: Setting
    cached: Batches
    encoded: Batches

    def loss(self, module: nn.Module, given: Batch) -> StepLoss:
        diffusion = self.setting.diffusion
        schedule = noise_schedule(diffusion)
        weights_T, model = loss_weights(diffusion, schedule.alphas_cumprod), self.setting.as_model(module)
        return noise_loss(model, given, schedule, CPU, weights_T, diffusion.target)


def both(setting: Setting, folder: Path, count: int) -> Both:
    """Write the cache of ``count`` clips, and return both ways to make batches of them."""
    params, backbones = setting.params, setting.backbones
    clips = pictures(count, params.clip_frames, setting.size)
    ctx = write_cache(folder, clips, backbones)

    def batches(source: LatentClips, texts: TextStates) -> Batches:
        scaling, levels = backbones.vae.config.scaling_factor, setting.diffusion.train_steps
        return partial(make_batch, source, texts, params, setting.conditions, scaling, levels, "bench")

    cached = batches(LatentClips(ctx, "train", params.clip_frames), TextStates(backbones))
    encoded = batches(EncodedClips(ctx, params.clip_frames, clips, backbones), TextStates(backbones, keep=0))
    return Both(setting, cached, encoded)


def check_same(one: Batch, other: Batch) -> None:
    """Check that a cached and an encoded batch are equal."""
    for name, value in vars(one).items():
        if isinstance(value, torch.Tensor) and not torch.allclose(value, getattr(other, name), atol=1e-4):
            raise ValueError(f"{name} from the cache differs from that of encoded pictures")


def trained(both_ways: Both, batches: Batches, steps: int, folder: Path) -> dict[str, float]:
    """The speed that the training loop measures in its second half of steps, after warming up."""
    shutil.rmtree(folder, ignore_errors=True)
    params = both_ways.setting.params.model_copy(update={"steps": 2 * steps, "warmup": 0})
    checkpoints = CheckpointParams(every=2 * steps, seconds=0, keep=1, log_every=steps)
    name = both_ways.setting.name
    job = Training(
        name, both_ways.setting.module, batches, both_ways.loss, params, checkpoints, Identity("bench"), folder
    )
    train(job)
    line: dict[str, float] = json.loads(job.speed.read_text(encoding="utf-8").splitlines()[-1])
    shutil.rmtree(folder)
    return line


def passes(both_ways: Both, rounds: int) -> float:
    """Seconds of a forward and a backward pass, the median of several rounds."""
    module, given = both_ways.setting.module.train(), both_ways.cached(0, range(both_ways.setting.params.batch))
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        torch.autograd.backward(both_ways.loss(module, given).mean)
        took.append(time.perf_counter() - began)
        module.zero_grad(set_to_none=True)
    return statistics.median(took)


def small(build: Callable[[], Setting], folder: Path, steps: int, rounds: int) -> Iterator[Figure]:
    """A stage through the training loop, with and without the cache in turns."""
    quiet()
    setting = build()
    pin(setting.threads)
    rate = gemm_rate(CPU)
    ways = both(setting, folder / "cache", 4)
    rows = range(setting.params.batch)
    check_same(ways.cached(0, rows), ways.encoded(0, rows))
    kinds = {"cached": ways.cached, "encoded": ways.encoded}
    lines: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, batches in kinds.items():
            lines[kind].append(trained(ways, batches, steps, folder / kind))
    seconds = {kind: [line["seconds_a_step"] for line in found] for kind, found in lines.items()}
    yield from _ratio(setting, seconds["cached"], seconds["encoded"], None)
    for share, what in _SHARES.items():
        yield Figure(
            f"{setting.name}: {what}", statistics.median(e[share] for e in lines["cached"]), "of a step", at_most=SHARE
        )
    yield from _rates(setting, rate, passes(ways, 3), statistics.median(seconds["cached"]))


_SHARES = {"waiting_share": "waiting for data", "outside_share": "outside of passes and optimizer"}


def _ratio(setting: Setting, cached: list[float], encoded: list[float], bar: float | None) -> Iterator[Figure]:
    yield Figure(f"{setting.name}: step from the cache", statistics.median(cached), "s")
    yield Figure(f"{setting.name}: step that encodes", statistics.median(encoded), "s")
    ratio = statistics.median(e / c for c, e in zip(cached, encoded, strict=True))
    yield Figure(f"{setting.name}: encodes / from the cache", ratio, "x", at_least=bar)
    ceiling = (setting.flops + setting.encoding_flops) / setting.flops
    yield Figure(f"{setting.name}: the same in FLOPs", ceiling, "x")


def _rates(setting: Setting, rate: float, passing: float, step: float) -> Iterator[Figure]:
    yield Figure(f"{setting.name}: product of matrices", rate / 1e9, "GFLOPS")
    yield Figure(f"{setting.name}: forward and backward / that", setting.flops / passing / rate, "x")
    yield Figure(f"{setting.name}: model FLOPs utilisation", setting.flops / step / rate, "of that, whole step")


@dataclass
class Lean:
    """The setting's optimizer. It steps as soon as a gradient is computed and frees it, so only one is in memory."""

    setting: Setting
    seconds: float = 0.0
    _of: dict[nn.Parameter, torch.optim.Optimizer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for parameter in self.setting.module.parameters():
            if parameter.requires_grad:
                self._of[parameter] = build_optimizer([parameter], self.setting.params, "cpu")
                parameter.register_post_accumulate_grad_hook(self._take)

    def _take(self, parameter: Any) -> None:
        began = time.perf_counter()
        self._of[parameter].step()
        parameter.grad = None
        self.seconds += time.perf_counter() - began


@dataclass(frozen=True)
class Took:
    """Seconds of one step and its parts."""

    step: float
    waiting: float
    passes: float
    optimizer: float


def lean_step(ways: Both, optimizer: Lean, batches: Batches, step: int) -> tuple[Took, Batch]:
    began, optimizer.seconds = time.perf_counter(), 0.0
    given = batches(step, range(ways.setting.params.batch))
    there = time.perf_counter()
    torch.autograd.backward(ways.loss(ways.setting.module, given).mean)
    passed = time.perf_counter()
    return (
        Took(time.perf_counter() - began, there - began, passed - there - optimizer.seconds, optimizer.seconds),
        given,
    )


def large(build: Callable[[], Setting], folder: Path, steps: int) -> list[Figure]:
    """A stage that is too large for the loop's optimizer and average. Run it in its own process to measure memory."""
    quiet()
    setting = build()
    pin(setting.threads)
    rate = gemm_rate(CPU)
    ways, optimizer = both(setting, folder / "cache", 1), Lean(setting)
    setting.module.train()
    lean_step(ways, optimizer, ways.cached, 0)  # creates the optimizer's state, and caches the sentence
    cached, encoded = [], []
    for step in range(1, steps + 1):
        took, one = lean_step(ways, optimizer, ways.cached, step)
        cached.append(took)
        took, other = lean_step(ways, optimizer, ways.encoded, step)
        encoded.append(took)
        check_same(one, other)
    figures = list(_ratio(setting, [t.step for t in cached], [t.step for t in encoded], FASTER))
    shares = [t.waiting / t.step for t in cached], [1 - (t.passes + t.optimizer) / t.step for t in cached]
    for what, values in zip(_SHARES.values(), shares, strict=True):
        figures.append(Figure(f"{setting.name}: {what}", statistics.median(values), "of a step", at_most=SHARE))
    figures.append(
        Figure(f"{setting.name}: optimizer", statistics.median(t.optimizer / t.step for t in cached), "of a step")
    )
    step_seconds = statistics.median(t.step for t in cached)
    figures += _rates(setting, rate, statistics.median(t.passes for t in cached), step_seconds)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [*figures, Figure(f"{setting.name}: peak memory", held, "GiB")]


def apart(build: Callable[[], Setting], folder: Path, steps: int) -> Iterator[Figure]:
    """Run :func:`large` in its own process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield from pool.apply(large, (build, folder, steps))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8, help="of a turn at scale tiny")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each at scale tiny")
    parser.add_argument("--real-steps", type=int, default=11, help="of each kind at Stable Diffusion 1.5's shapes")
    parser.add_argument("--only", choices=("tiny", "real"), help="leave the other out")
    given = parser.parse_args()
    folder = ROOT / "scratch" / "bench" / "train"
    figures: list[Iterator[Figure]] = []
    if given.only != "real":
        figures += [small(partial(tiny, stage), folder, given.steps, given.rounds) for stage in ("frame", "motion")]
    if given.only != "tiny":
        figures.append(apart(real, folder, given.real_steps))
    return tell("train" if given.only is None else f"train-{given.only}", chain(*figures))


if __name__ == "__main__":
    sys.exit(main())
