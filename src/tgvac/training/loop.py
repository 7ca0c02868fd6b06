"""The training loop of the stand-ins, the frame stage and the motion stage.

Every random draw is a function of the step's number. So a run that is killed and resumed ends with the same bits as
an uninterrupted one, and the batches do not depend on how many processes share them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tgvac.config import digest
from tgvac.progress import Progress
from tgvac.training.checkpoint import Found, Identity, SaveClock, State, save_checkpoint, shapes_of
from tgvac.training.divergence import SKIPPED, grown, has_diverged, lowest_at, never_finite, not_finite
from tgvac.training.ema import EMA, copy_weights
from tgvac.training.events import Event
from tgvac.training.execution import Execution
from tgvac.training.gradients import accumulate_gradients
from tgvac.training.interruption import Signals, agree, agree_on_signal, exit_interrupted
from tgvac.training.optimizers import build_optimizer, restore_optimizer
from tgvac.training.params import TrainingParams
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
        parts: further values to average and log, by name, such as the losses of early noise levels.
    """

    mean: torch.Tensor
    parts: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """One training.

    Attributes:
        name: for progress and messages.
        module: the network; only parameters that require gradients are trained.
        batch: returns the input of some rows of a step's batch.
        loss: returns the loss of the module on such an input.
        params: optimizer, schedule, number of steps.
        checkpoints: how often to save; not part of the identity.
        identity: digests of what decides the result; checkpoints with another key are not resumed.
        folder: where checkpoints are kept, outside the declared outputs.
        watch: makes pictures; called with a step and a folder while the module has the averaged weights. A signal
            interrupts it, and it is called again when the training resumes.
        watch_every: steps between two calls, besides the last step; 0 for none.
        execution: the device, the precision and how the batch is divided.
        rate: returns the learning rate of a step, in place of the params' schedule.
        work: counts the FLOPs of a step and measures the device, for the utilisation.
        resume_from: checkpoints of a run that differs from this one only in its code.
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
    execution: Execution = field(default_factory=Execution)
    rate: Callable[[int], float] | None = None
    work: Callable[[], Work] | None = None
    resume_from: Path | None = None

    @property
    def state(self) -> Path:
        """The folder of the checkpoints with this identity."""
        return self.folder / digest(self.identity.key)[:16]

    @property
    def pictures(self) -> Path:
        """The folder of pictures, the loss on held-out clips, and speed."""
        return self.state / "samples"

    @property
    def speed(self) -> Path:
        """The file of the measured speed, which is true only of this run."""
        return self.pictures / "speed.jsonl"

    def watches(self, step: int) -> bool:
        """Whether pictures are due after this many steps."""
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
    """Train to the last step, from the newest checkpoint if there is one. The module ends with the averaged weights.

    Args:
        clock: returns seconds; a checkpoint is saved after ``checkpoints.seconds`` even if steps are slow.

    Returns:
        the events, every ``log_every`` steps: step, loss, means of its parts since the last event, learning rate and
        gradient norm; equal bit for bit for equal runs of one process.

    Raises:
        Diverged: when the loss is not finite or grows too much, or gradients never become finite in float16; names
            the last good checkpoint.
        BadInput: when the optimizer is not available, ``resume_from`` does not fit, or processes that share the
            training start at different steps.
        SystemExit: with ``INTERRUPTED`` after SIGTERM, SIGINT or SIGUSR1, once the state is saved.
    """
    params, checkpoints = training.params, training.checkpoints
    accelerator = training.execution.accelerator()
    shares = training.execution.shares(params.batch, accelerator.num_processes, accelerator.process_index)
    main = accelerator.is_main_process
    trained = {name: p for name, p in training.module.named_parameters() if p.requires_grad}
    ema = EMA(trained, params.ema)
    optimizer = build_optimizer(trained.values(), params, training.execution.device)
    shapes = shapes_of(trained)
    found = find_start(training.state, training.identity, training.name, shapes, training.resume_from, accelerator)
    start = _restore(found, trained, ema, optimizer, accelerator)
    # Before the module is prepared, since accelerate may wrap its forward pass.
    work = training.work() if training.work is not None and main and start.step < params.steps else None
    module, stepper = accelerator.prepare(training.module, optimizer)
    module.train()
    rate = training.rate or partial(learning_rate, params)
    events, sums, skipped = start.events, start.sums, 0
    with Signals() as signals, Progress(training.name, params.steps, start=start.step, silent=not main) as progress:
        speed = Speed(training.speed, start.step, params.batch, training.execution.device, work)
        save_clock = SaveClock(checkpoints, clock)
        if start.watch_pending and training.watch is not None:
            caught, pending = _watch(training, ema, signals, accelerator, speed, start.step)
            if pending:
                exit_interrupted(training.name, accelerator, caught, start.step)
        for step in range(start.step, params.steps):
            for group in stepper.param_groups:
                group["lr"] = rate(step)
            with speed.computing():
                loss, parts = accumulate_gradients(training, accelerator, module, step, shares, speed)
            if not math.isfinite(loss):
                raise not_finite(training, "the loss", loss, step)
            with speed.computing():
                norm = float(accelerator.clip_grad_norm_(trained.values(), params.clip_norm))
            if not math.isfinite(norm) and accelerator.scaler is None:
                raise not_finite(training, "the loss's gradient", norm, step)
            # A loss scaler skips steps with gradients that are not finite, and halves its scale.
            skipped = 0 if math.isfinite(norm) else skipped + 1
            if skipped == SKIPPED:
                raise never_finite(training, norm, skipped, step)
            with speed.computing():
                stepper.step()
                # Now, since pictures and saving need memory, too.
                stepper.zero_grad(set_to_none=True)
            ema.update(step)
            done, last = step + 1, step + 1 == params.steps
            for name, values in parts.items():
                total, count = sums.get(name, (0.0, 0))
                sums[name] = (total + sum(values), count + len(values))
            if done % checkpoints.log_every == 0 or last:
                means = {name: total / count for name, (total, count) in sorted(sums.items())}
                events.append({"step": done, "loss": loss, **means, "lr": rate(step), "grad_norm": norm})
                sums.clear()
                if main:
                    speed.note(done)
                if has_diverged(events, params.diverged):
                    raise grown(training, lowest_at(events))
            caught, pending = agree_on_signal(accelerator, signals.caught), training.watches(done)
            if pending and not caught:
                # Before the step is saved, so that a run that resumes from it need not make the pictures.
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
    """Restore a checkpoint; without one, return the state before the first step."""
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
    """Make the pictures of a step with the averaged weights, in the main process.

    Returns:
        the signal that any process has caught (0 for none), and whether the pictures are still to be made.
    """
    assert training.watch is not None
    pending = False
    if accelerator.is_main_process:
        with speed.pause(), ema.applied(training.module):
            pending = not signals.completes(partial(training.watch, step, training.pictures))
    return agree(accelerator, signals.caught, pending)
