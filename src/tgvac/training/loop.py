"""The one training loop: stand-ins, frame stage and motion stage all run through it.

The loss of step s is a function of s alone (draws are by name), so a run that is killed and resumed
ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.progress import Progress
from tgvac.training.checkpoint import load_checkpoint, restore_optimizer, save_checkpoint
from tgvac.training.params import CheckpointParams, TrainingParams

INTERRUPTED = 75
"""Exit code after a signal: the state is saved, the same command goes on (``EX_TEMPFAIL``)."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        name: for progress and messages.
        module: what is trained; only parameters that require gradients are.
        loss: the loss of a step, from the step's number.
        params: optimizer, schedule, number of steps.
        checkpoints: how often to save; no part of the run's identity.
        key: digest of all that decides the result; a checkpoint of another key is not resumed.
        folder: where checkpoints and running events lie, outside declared outputs.
        look: called with a step and a folder for pictures, while the module holds the averaged weights.
        look_every: steps between two looks; 0: none. The last step is looked at, too.
    """

    name: str
    module: nn.Module
    loss: Callable[[int], torch.Tensor]
    params: TrainingParams
    checkpoints: CheckpointParams
    key: str
    folder: Path
    look: Callable[[int, Path], None] | None = None
    look_every: int = 0

    @property
    def state(self) -> Path:
        """Where this very training keeps what it goes on from."""
        return self.folder / digest(self.key)[:16]

    @property
    def pictures(self) -> Path:
        """Where it keeps the pictures made along the way."""
        return self.state / "samples"


def learning_rate(params: TrainingParams, step: int) -> float:
    """Linear warm-up, then constant or cosine to zero."""
    if step < params.warmup:
        return params.lr * (step + 1) / params.warmup
    if params.lr_schedule == "constant":
        return params.lr
    done = (step - params.warmup) / max(params.steps - params.warmup, 1)
    return params.lr * 0.5 * (1 + math.cos(math.pi * done))


def train(job: Job) -> list[dict[str, float]]:
    """Train to the last step, from the newest checkpoint if there is one; leave the averaged weights in the module.

    Returns:
        the events: step, loss, lr and gradient norm, every ``log_every`` steps; equal to the bit for equal runs.

    Raises:
        BadInput: when the loss is not finite; names the last good checkpoint.
        SystemExit: with ``INTERRUPTED`` after SIGTERM, SIGINT or SIGUSR1, once the state is saved.
    """
    params, folder = job.params, job.state
    trained = {n: p for n, p in job.module.named_parameters() if p.requires_grad}
    ema = {n: p.detach().clone() for n, p in trained.items()}
    optimizer = torch.optim.AdamW(
        trained.values(), lr=params.lr, betas=(params.beta1, params.beta2), weight_decay=params.weight_decay
    )
    start, events = _resume(job, folder, trained, ema, optimizer)
    job.module.train()
    with _Signals() as signals, Progress(job.name, params.steps, start=start) as progress:
        for step in range(start, params.steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(params, step)
            loss = job.loss(step)
            if not torch.isfinite(loss):
                raise _not_finite(job, folder, step, loss.item())
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            norm = torch.nn.utils.clip_grad_norm_(trained.values(), params.clip_norm)
            if not torch.isfinite(norm):
                raise _not_finite(job, folder, step, norm.item())
            optimizer.step()
            _average(ema, trained, params.ema, step)
            done = step + 1
            if done % job.checkpoints.log_every == 0 or done == params.steps:
                event = {"step": done, "loss": loss.item(), "lr": learning_rate(params, step), "grad_norm": norm.item()}
                events.append(event)
            if job.look is not None and job.look_every and (done % job.look_every == 0 or done == params.steps):
                # Before the step is saved: a run that goes on from it has its pictures already.
                with _averaged(job.module, trained, ema):
                    job.look(done, job.pictures)
            if done % job.checkpoints.every == 0 or done == params.steps or signals.caught:
                _save(job, folder, done, trained, ema, optimizer, events)
            if signals.caught and done < params.steps:
                print(f"{job.name}: stopped by signal {signals.caught} at step {done}; saved", file=sys.stderr)
                raise SystemExit(INTERRUPTED)
            progress.step(f"loss {loss.item():.4f}")
    _copy(ema, trained)
    job.module.eval()
    return events


def _average(ema: dict[str, torch.Tensor], trained: dict[str, nn.Parameter], decay: float, step: int) -> None:
    """The moving average; its decay grows with the steps, so that short runs don't remember the first weights."""
    now = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, parameter in trained.items():
            ema[name].lerp_(parameter.detach(), 1 - now)


@contextmanager
def _averaged(module: nn.Module, trained: dict[str, nn.Parameter], ema: dict[str, torch.Tensor]) -> Iterator[None]:
    """The module with its averaged weights for a moment; afterwards all is as before, to the bit."""
    kept = {name: parameter.detach().clone() for name, parameter in trained.items()}
    _copy(ema, trained)
    module.eval()
    try:
        yield
    finally:
        _copy(kept, trained)
        module.train()


def _copy(source: dict[str, torch.Tensor], trained: dict[str, nn.Parameter]) -> None:
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(source[name])


def _resume(
    job: Job,
    folder: Path,
    trained: dict[str, nn.Parameter],
    ema: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> tuple[int, list[dict[str, float]]]:
    found = load_checkpoint(folder, job.key)
    if found is None:
        return 0, []
    step, tensors = found
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(tensors["model"][name])
            ema[name].copy_(tensors["ema"][name])
    restore_optimizer(optimizer, tensors["optimizer"])
    events_file = folder / f"step-{step:08d}" / "events.jsonl"
    events = [json.loads(line) for line in events_file.read_text(encoding="utf-8").splitlines()]
    print(f"{job.name}: going on from step {step}", file=sys.stderr, flush=True)
    return step, events


def _save(
    job: Job,
    folder: Path,
    step: int,
    trained: dict[str, nn.Parameter],
    ema: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    events: list[dict[str, float]],
) -> None:
    model = {n: p.detach() for n, p in trained.items()}
    save_checkpoint(folder, step, job.key, model, ema, optimizer, events, job.checkpoints.keep)


def write_events(path: Path, events: list[dict[str, float]]) -> None:
    """Write the finished run's events as JSON lines."""
    write_text(path, "".join(json.dumps(e, sort_keys=True) + "\n" for e in events))


def _not_finite(job: Job, folder: Path, step: int, value: float) -> BadInput:
    saved = sorted(folder.glob("step-*"))
    last = f"the last good checkpoint is {saved[-1]}" if saved else "no checkpoint had been saved"
    return BadInput(
        f"{job.name}: the loss or its gradient became {value} at step {step + 1}; {last};"
        " lower the learning rate or lengthen the warm-up."
    )


class _Signals:
    """Notes SIGTERM, SIGINT and SIGUSR1, so that the loop can save and leave between two steps."""

    caught = 0

    def __enter__(self) -> _Signals:
        self._old = {s: signal.signal(s, self._note) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self.caught = number
