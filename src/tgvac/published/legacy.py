"""Reads the tensors of a checkpoint that is a pickle, without running anything in it.

Checkpoints of PyTorch Lightning hold callbacks, configs and optimizers beside the weights, as objects of classes that
are not installed here. ``torch.load(weights_only=True)`` refuses them, and ``torch.load`` without it runs whatever the
file says, also through TorchScript, which it takes for a checkpoint. So the file is read here: it is a zip of one
pickle and of the bytes of each storage. The unpickler builds tensors and dictionaries alone; an object of any other
class becomes an empty one, whose code is never found, let alone run.
"""

from __future__ import annotations

import mmap
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from tgvac.errors import BadInput

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_LOCAL_HEADER = 30
"""Bytes of a member's own header in a zip, before its name and its extra field."""


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
    """Builds tensors, whose storages ``storage`` gives by key and dtype, and dictionaries of them."""

    def __init__(self, file: IO[bytes], storage: Callable[[str, torch.dtype], torch.Tensor]) -> None:
        super().__init__(file)
        self._storage = storage

        # Made for this file: a pickle can change the attributes of a function that it is given.
        def tensor(x: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any) -> Any:
            return torch.as_strided(x, size, stride, offset) if isinstance(x, torch.Tensor) else _Empty()

        def parameter(x: Any, *rest: Any) -> Any:
            return x

        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): tensor,
            ("torch._utils", "_rebuild_parameter"): parameter,
            **{("torch", name): dtype for name, dtype in _DTYPES.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        return self._known.get((module, name), _Empty)

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, *_ = pid
        return self._storage(str(key), dtype) if kind == "storage" and isinstance(dtype, torch.dtype) else _Empty()


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors by name of a checkpoint: of its ``state_dict`` if it has one; they are mapped, not read.

    Raises:
        BadInput: when it is missing, no checkpoint, or damaged, or holds no tensors.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; give the file of a checkpoint.")
    if path.suffix == ".safetensors":
        return _safe(path)
    if not zipfile.is_zipfile(path):
        raise BadInput(
            f"{path} cannot be read as a checkpoint: it is no zip, as PyTorch writes since 1.6, or it is cut; fetch it"
            " again, or save its tensors as safetensors."
        )
    try:
        held = _unpickled(path)
    except Exception as error:  # a damaged pickle can raise anything
        raise BadInput(f"{path} cannot be read as a checkpoint ({_first(error)}); fetch it again.") from None
    held = held.get("state_dict", held) if isinstance(held, dict) else {}
    named = held.items() if isinstance(held, dict) else ()
    found = {name: x for name, x in named if isinstance(name, str) and isinstance(x, torch.Tensor)}
    if not found:
        raise BadInput(f"{path} holds no tensors by name; give the file of a checkpoint.")
    return found


def _unpickled(path: Path) -> Any:
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        (pickled,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl"))
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise ValueError("its numbers are not little endian")
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.uint8)

        def storage(key: str, dtype: torch.dtype) -> torch.Tensor:
            member = archive.getinfo(f"{folder}data/{key}")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its storage {key} is compressed")
            header = mapped[member.header_offset : member.header_offset + _LOCAL_HEADER]
            # The lengths of name and extra field, which the archive's directory may have otherwise.
            name, extra = (int(header[at]) + 256 * int(header[at + 1]) for at in (26, 28))
            start = member.header_offset + _LOCAL_HEADER + name + extra
            if start + member.file_size > len(mapped):
                raise ValueError(f"its storage {key} ends beyond the file")
            return torch.from_numpy(mapped[start : start + member.file_size]).view(dtype)

        with archive.open(pickled) as opened:
            return _TensorsOnly(opened, storage).load()


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
