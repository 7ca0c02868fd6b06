"""Checkpoints: written atomically and verified by digest before use. The last few are kept.

    step-00000120/state.json              step, name and identity of the training, size and SHA-256 of each file; sums
                                          for the next event; the loss scaler's state, if there is one; whether the
                                          pictures of this step are still to be made; the digest of all this
    step-00000120/model.safetensors       the trained parameters
    step-00000120/ema.safetensors         their moving average; empty if the training keeps none
    step-00000120/optimizer.safetensors   the optimizer's state (:func:`tgvac.training.optimizers.optimizer_tensors`)
    step-00000120/events.jsonl            the events logged up to this step

Only safetensors and JSON are read, so loading never runs code. There is no random state to keep, since every draw is
a function of the step's number.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tgvac.config import digest
from tgvac.files import sha256, write_json
from tgvac.training.events import write_events
from tgvac.training.optimizers import optimizer_tensors
from tgvac.training.run_params import CheckpointParams

CHECKPOINT_FORMAT = "tgvac-checkpoint-5"
_FILES = ("model", "ema", "optimizer")
_NAMES = (*(f"{name}.safetensors" for name in _FILES), "events.jsonl")
SHOWN = 12
"""Hex digits of a digest in messages."""


@dataclass(frozen=True)
class Identity:
    """Digests of what decides a training.

    Attributes:
        key: of everything: code, params, data, first weights. Another key is another training.
        code: of the code alone; "" if unknown.
        rest: of everything except the code; "" if unknown.
    """

    key: str
    code: str = ""
    rest: str = ""


@dataclass(frozen=True)
class State:
    """Everything that a training resumes from, after ``step`` steps.

    Attributes:
        watch_pending: whether a signal came before the pictures of this step were made; the resumed run makes them
            first.
        resumed_from: earlier runs with other code that the weights come from, oldest first: ``code`` and ``step``.
    """

    step: int
    model: Mapping[str, torch.Tensor]
    ema: Mapping[str, torch.Tensor]
    optimizer: torch.optim.Optimizer
    events: list[dict[str, float]]
    sums: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    scaler: Mapping[str, Any] = field(default_factory=dict)
    watch_pending: bool = False
    resumed_from: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Found:
    """A checkpoint that was read."""

    step: int
    model: dict[str, torch.Tensor]
    ema: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    events: list[dict[str, float]]
    sums: dict[str, tuple[float, int]]
    scaler: dict[str, Any]
    watch_pending: bool
    resumed_from: list[dict[str, Any]]


def save_checkpoint(folder: Path, identity: Identity, state: State, keep: int, every: int, name: str) -> Path:
    """Save a state. Older checkpoints beyond ``keep`` are deleted.

    Args:
        every: checkpoints at multiples of this step are deleted last. Those in between, which the clock or a signal
            made, are deleted first; otherwise a slow run would keep only its last minutes.
        name: of the training; it tells its earlier checkpoints from those of other trainings.
    """
    final = folder / f"step-{state.step:08d}"
    part = folder / f".step-{state.step:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = {"model": state.model, "ema": state.ema, "optimizer": optimizer_tensors(state.optimizer)}
    for file in _FILES:
        path = part / f"{file}.safetensors"
        save_file({k: v.detach().contiguous().cpu() for k, v in tensors[file].items()}, path)
        with path.open("rb") as written:
            os.fsync(written.fileno())
    write_events(part / "events.jsonl", state.events)
    record = {
        "format": CHECKPOINT_FORMAT,
        "step": state.step,
        "name": name,
        "parameters": shapes_of(state.model),
        **asdict(identity),
        "sums": dict(state.sums),
        "scaler": dict(state.scaler),
        "watch_pending": state.watch_pending,
        "resumed_from": [dict(each) for each in state.resumed_from],
        "bytes": {file: (part / file).stat().st_size for file in _NAMES},
        "sha256": {file: sha256(part / file) for file in _NAMES},
    }
    write_record(part, record)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    for newer in (p for p in found_in(folder) if p.name > final.name):
        # The run resumed from an older checkpoint since this one is damaged. If kept, it would push the new one out.
        shutil.rmtree(newer, ignore_errors=True)
    _thin_out(folder, keep, every)
    return final


def shapes_of(parameters: Mapping[str, torch.Tensor]) -> list[list[Any]]:
    """Names and shapes of the trained parameters, in the order in which the optimizer has them."""
    return [[name, list(value.shape)] for name, value in parameters.items()]


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``state.json`` of a checkpoint together with its own digest."""
    write_json(folder / "state.json", {**record, "record": digest(record)})


def _thin_out(folder: Path, keep: int, every: int) -> None:
    left = found_in(folder)
    while len(left) > keep:
        between = [path for path in left[:-1] if int(path.name.removeprefix("step-")) % every]
        old = (between or left)[0]
        left.remove(old)
        shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, key: str) -> Found | None:
    """The newest whole checkpoint of this run; None if there is none.

    A checkpoint that is damaged or belongs to a run with another key is skipped, and a line says so.
    """
    for path in reversed(found_in(folder)):
        try:
            state = verified(path)
            if state["key"] != key:
                raise ValueError(f"its run has the key {state['key'][:SHOWN]}, this run has {key[:SHOWN]}")
            lines = (path / "events.jsonl").read_text(encoding="utf-8").splitlines()
            return Found(
                step=int(state["step"]),
                **{name: load_file(path / f"{name}.safetensors") for name in _FILES},
                events=[json.loads(line) for line in lines],
                sums={name: (float(total), int(count)) for name, (total, count) in state["sums"].items()},
                scaler=state["scaler"],
                watch_pending=state["watch_pending"],
                resumed_from=state["resumed_from"],
            )
        except (OSError, ValueError) as error:
            print(f"skipping checkpoint {path}: {error}", file=sys.stderr, flush=True)
    return None


def good_checkpoints(folder: Path, key: str) -> Iterator[tuple[int, Path]]:
    """Steps and folders of the run's whole checkpoints with finite weights, newest first."""
    for path in reversed(found_in(folder)):
        try:
            state, weights = verified(path), load_file(path / "model.safetensors")
        except (OSError, ValueError):
            continue
        if state["key"] == key and all(bool(value.isfinite().all()) for value in weights.values()):
            yield int(state["step"]), path


def found_in(folder: Path) -> list[Path]:
    """The checkpoints of a folder, whole or damaged, oldest first."""
    return sorted(p for p in folder.glob("step-*") if p.is_dir())


def verified(path: Path) -> dict[str, Any]:
    """The content of ``state.json``, after every file of the checkpoint has been verified.

    Raises:
        ValueError: when a file is missing or changed; the message has the expected and the actual value.
        OSError: when a file cannot be read.
    """
    state: dict[str, Any] = _record(path / "state.json")
    if state.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(f"its format is {state.get('format')!r}, not {CHECKPOINT_FORMAT!r}")
    _same("state.json", str(state.pop("record", "")), digest(state))
    for name in _NAMES:
        file, size = path / name, state["bytes"][name]
        if not file.is_file():
            raise ValueError(f"{name} ({size} bytes) is missing")
        if file.stat().st_size != size:
            raise ValueError(f"{name} has {file.stat().st_size} bytes instead of {size}")
        _same(name, state["sha256"][name], sha256(file))
    return state


def _record(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} ({path.stat().st_size} bytes) is not valid JSON: {error}") from None
    if not isinstance(state, dict):
        raise ValueError(f"{path.name} is not a JSON object")
    return state


def _same(name: str, written: str, found: str) -> None:
    if written != found:
        raise ValueError(f"{name} has the digest {found[:SHOWN]} instead of {written[:SHOWN]}")


class SaveClock:
    """Says when a checkpoint is due: after a number of steps or of seconds.

    Only the main process saves, by its own clock. Saving does not change the result, so the processes need not agree.

    Args:
        clock: returns seconds since any fixed moment.
    """

    def __init__(self, params: CheckpointParams, clock: Callable[[], float]) -> None:
        self._params, self._clock = params, clock
        self._last = clock()

    def due(self, step: int) -> bool:
        late = 0 < self._params.seconds <= self._clock() - self._last
        return late or step % self._params.every == 0

    def restart(self) -> None:
        """Count seconds from now, so that the time for saving is not counted."""
        self._last = self._clock()
