"""Checkpoints: written beside and renamed, verified by digest before use, the last few kept.

    step-000120/state.json              step, name and identity of the training, size and SHA-256 of each file; what is
                                        summed up for the next event; the loss scaler's state, where there is one;
                                        whether the pictures of this step are still to be made; the digest of all this
    step-000120/model.safetensors       the trained parameters
    step-000120/ema.safetensors         their moving average; of a training without one, nothing
    step-000120/optimizer.safetensors   the optimizer's tensors, "<parameter index>.<name>", and what it keeps as plain
                                        numbers, "<parameter index>.<name>.number"
    step-000120/events.jsonl            what was logged up to here

Only safetensors and JSON: nothing that could run code is ever loaded. There is no sampler or random
state to keep, since every draw is a function of the step's number.
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
from tgvac.training.run_params import CheckpointParams

CHECKPOINT_FORMAT = "tgvac-checkpoint-5"
_FILES = ("model", "ema", "optimizer")
_NUMBER = ".number"
_NAMES = (*(f"{name}.safetensors" for name in _FILES), "events.jsonl")
SHOWN = 12
"""Hex digits of a digest that a message shows."""


@dataclass(frozen=True)
class Identity:
    """What decides a training, by digests.

    Attributes:
        key: of everything: code, params, data, first weights. Another key is another training.
        code: of the code alone; "" where it is not known.
        rest: of everything but the code; "" where it is not known.
    """

    key: str
    code: str = ""
    rest: str = ""


@dataclass(frozen=True)
class State:
    """Everything that a training resumes from, after ``step`` steps.

    Attributes:
        watch_pending: pictures of this step were due when a signal came; who resumes makes them first.
        resumed_from: the runs of other code that the weights come from, oldest first: ``code`` and ``step`` of each.
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
    """A checkpoint as it was read."""

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
    """Save a state; older checkpoints beyond ``keep`` are deleted.

    Args:
        every: steps between checkpoints that stay longest: those between, which the clock or a signal made, go first,
            or a slow run would keep its last minutes alone.
        name: of the training, by which it finds its earlier states among those of others.
    """
    final = folder / f"step-{state.step:08d}"
    part = folder / f".step-{state.step:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = {"model": state.model, "ema": state.ema, "optimizer": _optimizer_tensors(state.optimizer)}
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
        # It was passed over when the run went on from an older one; kept, it would push this one out.
        shutil.rmtree(newer, ignore_errors=True)
    _thin_out(folder, keep, every)
    return final


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``state.json`` of a checkpoint, with its own digest."""
    write_json(folder / "state.json", {**record, "record": digest(record)})


def _thin_out(folder: Path, keep: int, every: int) -> None:
    left = found_in(folder)
    while len(left) > keep:
        between = [path for path in left[:-1] if int(path.name.removeprefix("step-")) % every]
        old = (between or left)[0]
        left.remove(old)
        shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, key: str) -> Found | None:
    """The newest whole checkpoint of this run; None where there is none.

    A checkpoint that fails its digests, or belongs to a run with another key, is passed over with a line.
    """
    for path in reversed(found_in(folder)):
        try:
            state = verified(path)
            if state["key"] != key:
                raise ValueError(f"it belongs to another run, {state['key'][:SHOWN]}, and {key[:SHOWN]} is wanted")
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
            print(f"checkpoint {path} is passed over: {error}", file=sys.stderr, flush=True)
    return None


def good_checkpoints(folder: Path, key: str) -> Iterator[tuple[int, Path]]:
    """Steps and folders of the run's whole checkpoints whose weights are finite numbers, the newest first."""
    for path in reversed(found_in(folder)):
        try:
            state, weights = verified(path), load_file(path / "model.safetensors")
        except (OSError, ValueError):
            continue
        if state["key"] == key and all(bool(value.isfinite().all()) for value in weights.values()):
            yield int(state["step"]), path


def found_in(folder: Path) -> list[Path]:
    """The checkpoints of a folder, whole or not, the oldest first."""
    return sorted(p for p in folder.glob("step-*") if p.is_dir())


def verified(path: Path) -> dict[str, Any]:
    """What ``state.json`` of a checkpoint says, once every file is as it was written.

    Raises:
        ValueError: when one isn't; the message has both values.
        OSError: when something cannot be read.
    """
    state: dict[str, Any] = _record(path / "state.json")
    if state.get("format") != CHECKPOINT_FORMAT:
        raise ValueError(f"its format is {state.get('format')!r}, and {CHECKPOINT_FORMAT!r} is read")
    _same("state.json", str(state.pop("record", "")), digest(state))
    for name in _NAMES:
        file, size = path / name, state["bytes"][name]
        if not file.is_file():
            raise ValueError(f"{name}, written with {size} bytes, is missing")
        if file.stat().st_size != size:
            raise ValueError(f"{name} was written with {size} bytes and has {file.stat().st_size}")
        _same(name, state["sha256"][name], sha256(file))
    return state


def _record(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name}, {path.stat().st_size} bytes, is no JSON ({error})") from None
    if not isinstance(state, dict):
        raise ValueError(f"{path.name} holds no record")
    return state


def _same(name: str, written: str, found: str) -> None:
    if written != found:
        raise ValueError(f"{name} was written as {written[:SHOWN]} and is {found[:SHOWN]} now")


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The state as it is, and not by ``state_dict``, in which bitsandbytes hides its tensors from others."""
    out: dict[str, torch.Tensor] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shared: set[int] = set()
    for index, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, torch.Tensor):
                out[f"{index}.{name}{_NUMBER}"] = torch.tensor(value)
                continue
            # A table that all parameters have in common is written for each: safetensors knows no sharing.
            common = value.numel() > 0 and value.data_ptr() in shared
            shared.add(value.data_ptr())
            out[f"{index}.{name}"] = value.clone() if common else value
    return out


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give an optimizer the tensors and numbers of a checkpoint; its groups stay as they were built."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        part = state.setdefault(int(index), {})
        if name.endswith(_NUMBER):
            part[name.removesuffix(_NUMBER)] = value.item()
        else:
            part[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


class SaveClock:
    """Says when a checkpoint is due: after so many steps, or so many seconds.

    The clock is this process's own, and only the main process saves. Saving decides no result, so the processes need
    not agree on it.

    Args:
        clock: seconds since any moment.
    """

    def __init__(self, params: CheckpointParams, clock: Callable[[], float]) -> None:
        self._params, self._clock = params, clock
        self._last = clock()

    def due(self, step: int) -> bool:
        late = 0 < self._params.seconds <= self._clock() - self._last
        return late or step % self._params.every == 0

    def restart(self) -> None:
        """Count seconds from now; those that saving took are left out."""
        self._last = self._clock()
