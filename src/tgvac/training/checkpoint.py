"""Checkpoints: written beside and renamed, verified by digest before use, the last few kept.

    step-000120/state.json              step, key of the run, SHA-256 of each file; what is summed up for the next
                                        event; the loss scaler's state, where there is one
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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tgvac.files import sha256, write_json, write_text

CHECKPOINT_FORMAT = "tgvac-checkpoint-3"
_FILES = ("model", "ema", "optimizer")
_NUMBER = ".number"
_NAMES = (*(f"{name}.safetensors" for name in _FILES), "events.jsonl")


@dataclass(frozen=True)
class State:
    """All that a training goes on from, after ``step`` steps."""

    step: int
    model: Mapping[str, torch.Tensor]
    ema: Mapping[str, torch.Tensor]
    optimizer: torch.optim.Optimizer
    events: list[dict[str, float]]
    sums: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    scaler: Mapping[str, Any] = field(default_factory=dict)


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


def save_checkpoint(folder: Path, key: str, state: State, keep: int) -> Path:
    """Save a state; older checkpoints beyond ``keep`` go."""
    final = folder / f"step-{state.step:08d}"
    part = folder / f".step-{state.step:08d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = {"model": state.model, "ema": state.ema, "optimizer": _optimizer_tensors(state.optimizer)}
    for name in _FILES:
        path = part / f"{name}.safetensors"
        save_file({k: v.detach().contiguous().cpu() for k, v in tensors[name].items()}, path)
        with path.open("rb") as written:
            os.fsync(written.fileno())
    write_text(part / "events.jsonl", "".join(json.dumps(e, sort_keys=True) + "\n" for e in state.events))
    record = {
        "format": CHECKPOINT_FORMAT,
        "step": state.step,
        "key": key,
        "sums": dict(state.sums),
        "scaler": dict(state.scaler),
        "sha256": {name: sha256(part / name) for name in _NAMES},
    }
    write_json(part / "state.json", record)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    for newer in (p for p in _found(folder) if p.name > final.name):
        # It was passed over when the run went on from an older one; kept, it would push this one out.
        shutil.rmtree(newer, ignore_errors=True)
    for old in _found(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load_checkpoint(folder: Path, key: str) -> Found | None:
    """The newest whole checkpoint of this run; None where there is none.

    A checkpoint that fails its digests, or belongs to a run with another key, is passed over with a line.
    """
    for path in reversed(_found(folder)):
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            if state["format"] != CHECKPOINT_FORMAT or state["key"] != key:
                raise ValueError("it belongs to another run")
            for name in _NAMES:
                if sha256(path / name) != state["sha256"][name]:
                    raise ValueError(f"{name} is not as it was written")
            lines = (path / "events.jsonl").read_text(encoding="utf-8").splitlines()
            return Found(
                step=int(state["step"]),
                **{name: load_file(path / f"{name}.safetensors") for name in _FILES},
                events=[json.loads(line) for line in lines],
                sums={name: (float(total), int(count)) for name, (total, count) in state["sums"].items()},
                scaler=state["scaler"],
            )
        except (OSError, ValueError, KeyError) as error:
            print(f"checkpoint {path} is passed over: {error}", file=sys.stderr, flush=True)
    return None


def _found(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step-*") if p.is_dir())


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
