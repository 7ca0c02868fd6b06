"""The one training loop: stand-ins, frame stage and motion stage all run through it.

The loss of step s is a function of s alone (draws are by name), so a run that is killed and resumed
ends with the same bits as one that was not, and it is the same however many processes share the batch.
"""

from __future__ import annotations

import json
import math
import sys
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
from tgvac.files import write_text
from tgvac.progress import Progress
from tgvac.training.averages import averaged, copy_weights, move_average, start_average
from tgvac.training.checkpoint import State, load_checkpoint, restore_optimizer, save_checkpoint
from tgvac.training.divergence import SKIPPED, Diverged, calmer, has_diverged, lowest_at, what_is_good
from tgvac.training.earlier import earlier_state
from tgvac.training.leaving import agreed, leave, looked
from tgvac.training.optimizers import build_optimizer
from tgvac.training.params import CheckpointParams, TrainingParams
from tgvac.training.placement import Placement
from tgvac.training.saving import Saving
from tgvac.training.signals import Signals
from tgvac.training.speed import Speed, Work
from tgvac.training.starting import check_starts

if TYPE_CHECKING:
    from accelerate import Accelerator

Event = dict[str, float]


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
class Job:
    """One training.

    Attributes:
        name: for progress and messages.
        module: what is trained; only parameters that require gradients are.
        batch: the input of some rows of a step's batch.
        loss: what the module makes of it.
        params: optimizer, schedule, number of steps.
        checkpoints: how often to save; no part of the run's identity.
        key: digest of all that decides the result; a checkpoint of another key is not resumed.
        folder: where checkpoints and running events lie, outside declared outputs.
        look: called with a step and a folder for pictures, while the module holds the averaged weights; a signal breaks
            it off, and it is made when the training goes on.
        look_every: steps between two looks; 0: none. The last step is looked at, too.
        placement: where it computes, and in which portions.
        rate: the learning rate of a step, in place of the params'.
        work: counts what a step computes and measures what the device can, for its utilisation.
    """

    name: str
    module: nn.Module
    batch: Callable[[int, range], Any]
    loss: Callable[[nn.Module, Any], StepLoss]
    params: TrainingParams
    checkpoints: CheckpointParams
    key: str
    folder: Path
    look: Callable[[int, Path], None] | None = None
    look_every: int = 0
    placement: Placement = field(default_factory=Placement)
    rate: Callable[[int], float] | None = None
    work: Callable[[], Work] | None = None

    @property
    def state(self) -> Path:
        """Where this very training keeps what it goes on from."""
        return self.folder / digest(self.key)[:16]

    @property
    def pictures(self) -> Path:
        """Where it keeps what is looked at along the way: pictures, the loss on what is held out, speed."""
        return self.state / "samples"

    @property
    def speed(self) -> Path:
        """Where it notes how fast it was: true of this run alone."""
        return self.pictures / "speed.jsonl"

    def looks_at(self, step: int) -> bool:
        """Whether a look is due after so many steps."""
        every = self.look_every if self.look is not None else 0
        return every > 0 and (step % every == 0 or step == self.params.steps)


def learning_rate(params: TrainingParams, step: int) -> float:
    """Linear warm-up, then constant or cosine to zero."""
    if step < params.warmup:
        return params.lr * (step + 1) / params.warmup
    if params.lr_schedule == "constant":
        return params.lr
    done = (step - params.warmup) / max(params.steps - params.warmup, 1)
    return params.lr * 0.5 * (1 + math.cos(math.pi * done))


def train(job: Job, clock: Callable[[], float] = time.monotonic) -> list[Event]:
    """Train to the last step, from the newest checkpoint if there is one; leave the averaged weights in the module.

    Args:
        clock: seconds, by which checkpoints are made however slow the steps are.

    Returns:
        the events: step, loss, means of its parts since the last event, lr and gradient norm, every ``log_every``
        steps; equal to the bit for equal runs of one process.

    Raises:
        Diverged: when the loss is not finite or grows out of bounds, or gradients never become finite in float16;
            names the last good checkpoint, and says that a run with other params begins anew.
        BadInput: when the optimizer cannot be had, or processes that share the training begin at different steps.
        SystemExit: with ``INTERRUPTED`` after SIGTERM, SIGINT or SIGUSR1, once the state is saved.
    """
    params, every = job.params, job.checkpoints
    accelerator = job.placement.accelerator()
    shares = job.placement.shares(params.batch, accelerator.num_processes, accelerator.process_index)
    trained = {n: p for n, p in job.module.named_parameters() if p.requires_grad}
    ema = start_average(trained, params.ema)
    optimizer = build_optimizer(trained.values(), params, job.placement.device)
    start, events, sums, owed = _resume(job, trained, ema, optimizer, accelerator)
    main = accelerator.is_main_process
    # Before the module is prepared: its forward pass may be wrapped then.
    work = job.work() if job.work is not None and main and start < params.steps else None
    module, stepper = accelerator.prepare(job.module, optimizer)
    module.train()
    rate = job.rate or partial(learning_rate, params)
    with Signals() as signals, Progress(job.name, params.steps, start=start, silent=not main) as progress:
        speed, saving = Speed(job.speed, start, params.batch, job.placement.device, work), Saving(every, clock)
        skipped = 0

        def peaceful(done: int) -> bool:
            """Whether the look at a step was made to its end."""
            assert job.look is not None
            with speed.pause(), averaged(job.module, trained, ema):
                return signals.done_in_peace(partial(job.look, done, job.pictures))

        if owed:
            caught, owed = looked(accelerator, signals, partial(peaceful, start))
            if owed:
                leave(job.name, accelerator, caught, start)
        for step in range(start, params.steps):
            for group in stepper.param_groups:
                group["lr"] = rate(step)
            with speed.computing():
                loss, parts = _backward(job, accelerator, module, step, shares, speed)
            if not math.isfinite(loss):
                raise _stopped(job, f"the loss became {loss} at step {step + 1}")
            with speed.computing():
                norm = float(accelerator.clip_grad_norm_(trained.values(), params.clip_norm))
            if not math.isfinite(norm) and accelerator.scaler is None:
                raise _stopped(job, f"the loss's gradient became {norm} at step {step + 1}")
            # With a scaler, steps of gradients that are no numbers are left out, and the scale is halved.
            skipped = 0 if math.isfinite(norm) else skipped + 1
            if skipped == SKIPPED:
                why = f"{skipped} steps on end were left out up to step {step + 1}, as the loss's gradient was {norm}"
                raise _stopped(job, why, advice="take precision bfloat16 or float32")
            with speed.computing():
                stepper.step()
                # Before pictures and saving, which need memory of their own.
                stepper.zero_grad(set_to_none=True)
            move_average(ema, trained, params.ema, step)
            done = step + 1
            last = done == params.steps
            _add(sums, parts)
            if done % every.log_every == 0 or last:
                means = {name: total / count for name, (total, count) in sorted(sums.items())}
                events.append({"step": done, "loss": loss, **means, "lr": rate(step), "grad_norm": norm})
                sums.clear()
                if main:
                    speed.note(done)
                if has_diverged(events, params.diverged):
                    why = f"the loss has grown to more than {params.diverged:g} times its lowest"
                    raise _stopped(job, why, until=lowest_at(events))
            caught, owed = agreed(accelerator, signals.caught)[0], job.looks_at(done)
            if owed and not caught:
                # Before the step is saved: a run that goes on from it has its pictures already.
                caught, owed = looked(accelerator, signals, partial(peaceful, done))
            if main and (saving.due(done) or last or caught):
                with speed.pause():
                    state = State(done, _tensors(trained), ema, optimizer, events, sums, _scale(accelerator), owed)
                    save_checkpoint(job.state, job.key, state, every.keep, every.every, job.name)
                saving.saved()
            if caught and (owed or not last):
                leave(job.name, accelerator, caught, done)
            progress.step(f"loss {loss:.4f}")
    accelerator.unwrap_model(module, keep_fp32_wrapper=False)
    copy_weights(ema, trained)
    job.module.eval()
    return events


def _backward(
    job: Job, accelerator: Accelerator, module: nn.Module, step: int, shares: list[range], speed: Speed
) -> tuple[float, dict[str, list[float]]]:
    """Add up the gradients of this process's micro-batches; the loss and its parts over all processes."""
    losses, parts = [], dict[str, list[float]]()
    for number, rows in enumerate(shares, 1):
        with speed.waiting():
            batch = job.batch(step, rows)
        more = number < len(shares)
        with accelerator.no_sync(module) if more else nullcontext():
            found = job.loss(module, batch)
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


def _scale(accelerator: Accelerator) -> dict[str, Any]:
    """The loss scaler's state, where there is one."""
    return {} if accelerator.scaler is None else dict(accelerator.scaler.state_dict())


def _tensors(trained: Mapping[str, nn.Parameter]) -> dict[str, torch.Tensor]:
    return {name: parameter.detach() for name, parameter in trained.items()}


def _resume(
    job: Job,
    trained: Mapping[str, nn.Parameter],
    ema: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
) -> tuple[int, list[Event], dict[str, tuple[float, int]], bool]:
    found = load_checkpoint(job.state, job.key)
    owed = found is not None and found.owed and job.look is not None
    check_starts(job.name, accelerator, 0 if found is None else found.step, owed, job.state)
    if found is None:
        if accelerator.is_main_process and (earlier := earlier_state(job.state, job.name, job.key)):
            print(earlier, file=sys.stderr, flush=True)
        return 0, [], {}, False
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(found.model[name])
        for name, average in ema.items():
            average.copy_(found.ema[name])
    restore_optimizer(optimizer, found.optimizer)
    if found.scaler and accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(found.scaler)
    if accelerator.is_main_process:
        print(f"{job.name}: going on from step {found.step}", file=sys.stderr, flush=True)
    return found.step, found.events, found.sums, owed


def write_events(path: Path, events: list[Event]) -> None:
    """Write the finished run's events as JSON lines."""
    write_text(path, "".join(json.dumps(e, sort_keys=True) + "\n" for e in events))


def _stopped(job: Job, why: str, until: int | None = None, advice: str = "") -> Diverged:
    advice = advice or calmer(job.name, job.params)
    return Diverged(
        f"{job.name}: {why}; {what_is_good(job.state, job.key, until)}; {advice}: a run with other params begins anew."
    )
