"""The constants of plans (``reference/costs.yaml``), typed and strict."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from tgvac.config import Record, parse, read_yaml


class Speeds(Record):
    """Peak dense TFLOPS by precision."""

    bfloat16: float = Field(gt=0)
    tf32: float = Field(gt=0)
    float32: float = Field(gt=0)

    def of(self, precision: str) -> float:
        """The peak of a precision. On all of these GPUs float16 is as fast as bfloat16."""
        name = "bfloat16" if precision == "float16" else precision
        if name not in Speeds.model_fields:
            raise ValueError(f"precision '{precision}' is not one of {sorted(Speeds.model_fields)}")
        return float(getattr(self, name))


class Gpu(Record):
    """A GPU as published by its maker, with ``gib`` GiB of memory."""

    label: str
    gib: int = Field(ge=1)
    tflops: Speeds
    source: str = Field(min_length=1)


class OptimizerBytes(Record):
    """State of an optimizer, in bytes per trained parameter."""

    adamw: float = Field(ge=0)
    adamw8bit: float = Field(ge=0)


class DiskBytes(Record):
    """Bytes on disk per pixel."""

    jpeg: float = Field(gt=0)
    png: float = Field(gt=0)
    mask: float = Field(gt=0)
    object: float = Field(gt=0)


class Costs(Record):
    """The whole file."""

    format: Literal[1]
    gpus: dict[str, Gpu] = Field(min_length=1)
    utilisation: float = Field(gt=0, le=1)
    overhead_gib: float = Field(ge=0)
    optimizers: OptimizerBytes
    disk: DiskBytes
    pairs: dict[str, int]


def load_costs(root: Path) -> Costs:
    """Read ``reference/costs.yaml`` below the project's folder.

    Raises:
        BadInput: when it is missing, or a key is.
    """
    path = root / "reference" / "costs.yaml"
    return parse(Costs, read_yaml(path), str(path))
