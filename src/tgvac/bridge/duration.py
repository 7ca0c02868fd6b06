"""How long a first run of a scale will take on this machine, estimated from a second of work.

``reference/durations.yaml`` has what a run took where it was measured, and how fast that machine was at the same work.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import yaml
from pydantic import Field
from threadpoolctl import threadpool_limits

from tgvac.config import Block

FILE = "reference/durations.yaml"
SECONDS = 1.0
"""Of work that is measured."""

_WEIGHTS, _PATCHES = (96, 864), (864, 256)
"""A convolution of the small networks as a product of matrices: 96 filters of 3 x 3 x 96 on 16 x 16 positions."""


class Measured(Block):
    """One run of a scale from nothing.

    Attributes:
        minutes: that it took.
        cores: that it was given.
        rate: what :func:`rate` gave there, while nothing else was running.
        machine: its processor.
    """

    minutes: float = Field(gt=0)
    cores: int = Field(ge=1)
    rate: float = Field(gt=0)
    machine: str


def rate(seconds: float = SECONDS) -> float:
    """Small convolutions a second on one core, on this machine and now."""
    drawn = np.random.default_rng(0)
    weights, patches = (drawn.standard_normal(shape, np.float32) for shape in (_WEIGHTS, _PATCHES))
    rounds = 0
    # The jobs of small scales have one thread each.
    with threadpool_limits(1):
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            for _ in range(20):
                out = weights @ patches
                np.maximum(out, 0, out=out)
            rounds += 20
    return rounds / spent


def read_durations(root: Path) -> dict[str, Measured]:
    """The measured runs by scale."""
    path = root / FILE
    if not path.is_file():
        return {}
    found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {scale: Measured(**values) for scale, values in found.items()}


def estimate(measured: Measured, cores: int, here: float) -> float:
    """Minutes on this machine. More cores than were measured are not counted on, since few jobs could use them.

    Args:
        here: what :func:`rate` gives on this machine.
    """
    return measured.minutes * measured.rate / here * measured.cores / min(cores, measured.cores)


def announced(root: Path, scale: str, cores: int) -> str:
    """A sentence on how long a run from nothing will take; "" for a scale that was not measured, or has a report."""
    measured = read_durations(root).get(scale)
    if measured is None or (root / "results" / scale / "report" / "index.json").is_file():
        return ""
    here = rate()
    return (
        f"scale {scale} takes about {estimate(measured, cores, here):.0f} minutes from nothing on this machine, with"
        f" {cores} cores: {measured.minutes:g} minutes were measured on {measured.machine}, and this one works"
        f" {here / measured.rate:.2g} times as fast at the moment"
    )
