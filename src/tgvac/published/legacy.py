"""Reads the tensors of a checkpoint that is a pickle, without running anything in it.

Checkpoints of PyTorch Lightning hold callbacks, configs and optimizers beside the weights, as objects of classes that
are not installed here. ``torch.load(weights_only=True)`` refuses them. Here an unpickler builds only what tensors need,
from a list of names; an object of any other class becomes an empty one, whose code is never found, let alone run.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from tgvac.errors import BadInput

_UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, IndexError, pickle.UnpicklingError)

_STORAGES = ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Char", "Byte", "Bool")
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): torch.Size,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    **{("torch", f"{name}Storage"): getattr(torch, f"{name}Storage") for name in _STORAGES},
}
"""What may be built: tensors, parameters and dictionaries of them."""


class _Empty:
    """In place of an object of any other class: takes what the pickle gives it, and keeps nothing."""

    def __new__(cls, *args: Any, **named: Any) -> _Empty:
        return super().__new__(cls)

    def __init__(self, *args: Any, **named: Any) -> None: ...

    def __call__(self, *args: Any, **named: Any) -> _Empty:
        return _Empty()

    def __setstate__(self, state: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def append(self, item: Any) -> None: ...

    def extend(self, items: Any) -> None: ...

    def add(self, item: Any) -> None: ...


class _TensorsOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _ALLOWED.get((module, name), _Empty)


_PICKLE = SimpleNamespace(__name__="tensors", Unpickler=_TensorsOnly, load=lambda file, **_: _TensorsOnly(file).load())
"""What ``torch.load`` uses of a module like pickle."""


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors by name of a checkpoint: of its ``state_dict`` if it has one; they are mapped, not read.

    Raises:
        BadInput: when it is missing, no checkpoint, or damaged, or holds no tensors.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; give the file of a checkpoint.")
    if path.suffix == ".safetensors":
        return _safe(path)
    try:
        # weights_only would refuse the whole file; the unpickler above is stricter on what it runs: nothing.
        held = torch.load(path, map_location="cpu", pickle_module=_PICKLE, weights_only=False, mmap=True)
    except _UNREADABLE as error:
        raise BadInput(f"{path} cannot be read as a checkpoint ({_first(error)}); fetch it again.") from None
    held = held.get("state_dict", held) if isinstance(held, dict) else {}
    found = {name: x.detach() for name, x in held.items() if isinstance(x, torch.Tensor)}
    if not found:
        raise BadInput(f"{path} holds no tensors by name; give the file of a checkpoint.")
    return found


def _safe(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found: dict[str, torch.Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path} cannot be read as safetensors ({_first(error)}); fetch it again.") from None
    return found


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
