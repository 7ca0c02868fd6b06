"""The one training loop: stand-ins, frame stage and motion stage all run through it.

The loss of step s is a function of s alone (draws are by name), so a run that is killed and resumed
ends with the same bits as one that was not, and it is the same however many processes share the batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tgvac.config import digest
from tgvac.errors import wording
from tgvac.progress import Progress
from tgvac.training.checkpoint import Found, Identity, SaveClock, State, restore_optimizer, save_checkpoint
from tgvac.training.divergence import SKIPPED, Diverged, calmer, has_diverged, last_good_checkpoint, lowest_at
from tgvac.training.ema import EMA, copy_weights
from tgvac.training.events import Event
from tgvac.training.interruption import Signals, agree, agree_on_signal, exit_interrupted
from tgvac.training.optimizers import build_optimizer
from tgvac.training.params import TrainingParams
from tgvac.training.placement import Placement
from tgvac.training.resuming import find_start
from tgvac.training.run_params import CheckpointParams
from tgvac.training.speed import Speed, Work

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class StepLoss:
    """The loss of some rows of a step's batch.

    Attributes:
        mean: over the rows; differentiable.
        parts: further values to be averaged and logged, by name, such as the losses of early noise levels.
    """

    mean: torch.Tensor
    parts: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        name: for progress and messages.
        module: what is trained; only parameters that require gradients are.
        batch: the input of some rows of a step's batch.
        loss: what the module makes of it.
        params: optimizer, schedule, number of steps.
        checkpoints: how often to save; no part of the run's identity.
        identity: digests of what decides the result; a checkpoint of another key is not resumed.
        folder: where checkpoints and running events lie, outside declared outputs.
        watch: called with a step and a folder for pictures, while the module holds the averaged weights; a signal
            interrupts it, and it is called again when the training resumes.
        watch_every: steps between two calls; 0: none. The last step is watched, too.
        placement: where it computes, and in which portions.
        rate: the learning rate of a step, in place of the params'.
        work: counts what a step computes and measures what the device can, for its utilisation.
        resume_from: checkpoints of a run that only the code separates from this one, to resume from.
    """

    name: str
    module: nn.Module
    batch: Callable[[int, range], Any]
    loss: Callable[[nn.Module, Any], StepLoss]
    params: TrainingParams
    checkpoints: CheckpointParams
    identity: Identity
    folder: Path
    watch: Callable[[int, Path], None] | None = None
    watch_every: int = 0
    placement: Placement = field(default_factory=Placement)
    rate: Callable[[int], float] | None = None
    work: Callable[[], Work] | None = None
    resume_from: Path | None = None

    @property
    def state(self) -> Path:
        """Where this very training keeps its checkpoints."""
        return self.folder / digest(self.identity.key)[:16]

    @property
    def pictures(self) -> Path:
        """Where it keeps what is watched: pictures, the loss on held-out clips, speed."""
        return self.state / "samples"

    @property
    def speed(self) -> Path:
        """Where it notes how fast it was: true of this run alone."""
        return self.pictures / "speed.jsonl"

    def watches(self, step: int) -> bool:
        """Whether pictures are due after so many steps."""
        every = self.watch_every if self.watch is not None else 0
        return every > 0 and (step % every == 0 or step == self.params.steps)


def learning_rate(params: TrainingParams, step: int) -> float:
    """Linear warm-up, then constant or cosine to zero."""
    if step < params.warmup:
        return params.lr * (step + 1) / params.warmup
    if params.lr_schedule == "constant":
        return params.lr
    done = (step - params.warmup) / max(params.steps - params.warmup, 1)
    return params.lr * 0.5 * (1 + math.cos(math.pi * done))


def train(training: Training, clock: Callable[[], float] = time.monotonic) -> list[Event]:
    """Train to the last step, from the newest checkpoint if there is one; leave the averaged weights in the module.

    Args:
        clock: seconds, by which checkpoints are saved however slow the steps are.

    Returns:
        the events: step, loss, means of its parts since the last event, lr and gradient norm, every ``log_every``
        steps; equal to the bit for equal runs of one process.

    Raises:
        Diverged: when the loss is not finite or grows out of bounds, or gradients never become finite in float16;
            names the last good checkpoint, and says that a run with other params starts anew.
        BadInput: when the optimizer cannot be had, or processes that share the training start at different steps.
        SystemExit: with ``INTERRUPTED`` after SIGTERM, SIGINT or SIGUSR1, once the state is saved.
    """
    params, checkpoints = training.params, training.checkpoints
    accelerator = training.placement.accelerator()
    shares = training.placement.shares(params.batch, accelerator.num_processes, accelerator.process_index)
    main = accelerator.is_main_process
    trained = {name: p for name, p in training.module.named_parameters() if p.requires_grad}
    ema = EMA(trained, params.ema)
    optimizer = build_optimizer(trained.values(), params, training.placement.device)
    found = find_start(training.state, training.identity, training.name, training.resume_from, accelerator)
    start = _restore(found, trained, ema, optimizer, accelerator)
    # Before the module is prepared: its forward pass may be wrapped then.
    work = training.work() if training.work is not None and main and start.step < params.steps else None
    module, stepper = accelerator.prepare(training.module, optimizer)
    module.train()
    rate = training.rate or partial(learning_rate, params)
    events, sums, skipped = start.events, start.sums, 0
    with Signals() as signals, Progress(training.name, params.steps, start=start.step, silent=not main) as progress:
        speed = Speed(training.speed, start.step, params.batch, training.placement.device, work)
        save_clock = SaveClock(checkpoints, clock)
        if start.watch_pending and training.watch is not None:
            caught, pending = _watch(training, ema, signals, accelerator, speed, start.step)
            if pending:
                exit_interrupted(training.name, accelerator, caught, start.step)
        for step in range(start.step, params.steps):
            for group in stepper.param_groups:
                group["lr"] = rate(step)
            with speed.computing():
                loss, parts = _backward(training, accelerator, module, step, shares, speed)
            if not math.isfinite(loss):
                raise _diverged(training, f"the loss became {loss} at step {step + 1}")
            with speed.computing():
                norm = float(accelerator.clip_grad_norm_(trained.values(), params.clip_norm))
            if not math.isfinite(norm) and accelerator.scaler is None:
                raise _diverged(training, f"the loss's gradient became {norm} at step {step + 1}")
            # With a scaler, steps with gradients that are not finite are left out, and the scale is halved.
            skipped = 0 if math.isfinite(norm) else skipped + 1
            if skipped == SKIPPED:
                raise _never_finite(training, norm, skipped, step)
            with speed.computing():
                stepper.step()
                # Before pictures and saving, which need memory of their own.
                stepper.zero_grad(set_to_none=True)
            ema.update(step)
            done, last = step + 1, step + 1 == params.steps
            _add(sums, parts)
            if done % checkpoints.log_every == 0 or last:
                means = {name: total / count for name, (total, count) in sorted(sums.items())}
                events.append({"step": done, "loss": loss, **means, "lr": rate(step), "grad_norm": norm})
                sums.clear()
                if main:
                    speed.note(done)
                if has_diverged(events, params.diverged):
                    raise _grown(training, lowest_at(events))
            caught, pending = agree_on_signal(accelerator, signals.caught), training.watches(done)
            if pending and not caught:
                # Before the step is saved: a run that resumes from it has its pictures already.
                caught, pending = _watch(training, ema, signals, accelerator, speed, done)
            if main and (save_clock.due(done) or last or caught):
                with speed.pause():
                    weights = {name: parameter.detach() for name, parameter in trained.items()}
                    scaler = {} if accelerator.scaler is None else dict(accelerator.scaler.state_dict())
                    state = State(
                        done, weights, ema.weights, optimizer, events, sums, scaler, pending, start.resumed_from
                    )
                    keep, every = checkpoints.keep, checkpoints.every
                    save_checkpoint(training.state, training.identity, state, keep, every, training.name)
                save_clock.restart()
            if caught and (pending or not last):
                exit_interrupted(training.name, accelerator, caught, done)
            progress.step(f"loss {loss:.4f}")
    accelerator.unwrap_model(module, keep_fp32_wrapper=False)
    ema.copy_to_trained()
    training.module.eval()
    return events


def _restore(
    found: Found | None,
    trained: Mapping[str, nn.Parameter],
    ema: EMA,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
) -> Found:
    """Put a checkpoint's values where they belong; without one, the state before the first step."""
    if found is None:
        return Found(0, {}, {}, {}, [], {}, {}, watch_pending=False, resumed_from=[])
    copy_weights({name: found.model[name] for name in trained}, trained)
    copy_weights({name: found.ema[name] for name in ema.weights}, ema.weights)
    restore_optimizer(optimizer, found.optimizer)
    if found.scaler and accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(found.scaler)
    return found


def _watch(
    training: Training, ema: EMA, signals: Signals, accelerator: Accelerator, speed: Speed, step: int
) -> tuple[int, bool]:
    """Watch the averaged weights of a step, which the main process does.

    Returns:
        the signal that any process has caught, and whether the pictures are still to be made.
    """
    assert training.watch is not None
    pending = False
    if accelerator.is_main_process:
        with speed.pause(), ema.applied(training.module):
            pending = not signals.completes(partial(training.watch, step, training.pictures))
    return agree(accelerator, signals.caught, pending)


def _backward(
    training: Training, accelerator: Accelerator, module: nn.Module, step: int, shares: list[range], speed: Speed
) -> tuple[float, dict[str, list[float]]]:
    """Add up the gradients of this process's micro-batches; the loss and its parts over all processes."""
    losses, parts = [], dict[str, list[float]]()
    for number, rows in enumerate(shares, 1):
        with speed.waiting():
            batch = training.batch(step, rows)
        more = number < len(shares)
        with accelerator.no_sync(module) if more else nullcontext():
            found = training.loss(module, batch)
            accelerator.backward(found.mean / len(shares) if len(shares) > 1 else found.mean)
        losses.append(found.mean.detach())
        for name, values in found.parts.items():
            parts.setdefault(name, []).extend(values)
    loss = losses[0] if len(losses) == 1 else torch.stack(losses).mean()
    if accelerator.num_processes == 1:
        return float(loss), parts
    from accelerate.utils import gather_object

    everywhere: list[tuple[float, dict[str, list[float]]]] = gather_object([(float(loss), parts)])
    joined: dict[str, list[float]] = {}
    for _, theirs in everywhere:
        for name, values in theirs.items():
            joined.setdefault(name, []).extend(values)
    return sum(one for one, _ in everywhere) / len(everywhere), joined


def _add(sums: dict[str, tuple[float, int]], parts: Mapping[str, Sequence[float]]) -> None:
    for name, values in parts.items():
        total, count = sums.get(name, (0.0, 0))
        sums[name] = (total + sum(values), count + len(values))


@wording
def _diverged(training: Training, why: str, until: int | None = None, advice: str = "") -> Diverged:
    advice = advice or calmer(training.name, training.params)
    good = last_good_checkpoint(training.state, training.identity.key, until)
    return Diverged(f"{training.name}: {why}; {good}; {advice}: a run with other params starts anew.")


@wording
def _never_finite(training: Training, norm: float, skipped: int, step: int) -> Diverged:
    why = f"{skipped} steps in a row were left out up to step {step + 1}, as the loss's gradient was {norm}"
    return _diverged(training, why, advice="take precision bfloat16 or float32")


@wording
def _grown(training: Training, lowest: int) -> Diverged:
    why = f"the loss has grown to more than {training.params.diverged:g} times its lowest"
    return _diverged(training, why, until=lowest)
