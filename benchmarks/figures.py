"""Measured figures: a line each on the terminal, and one JSON file."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tgvac.files import write_json

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Figure:
    """One figure; with a bar, it holds or it does not."""

    what: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def holds(self) -> bool | None:
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def bar(self) -> str | None:
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return None if self.at_most is None else f"<= {self.at_most:g}"

    def as_json(self) -> dict[str, Any]:
        """As the files of results have it."""
        value = float(f"{self.value:.4g}")
        return {"what": self.what, "value": value, "unit": self.unit, "bar": self.bar, "holds": self.holds}

    def __str__(self) -> str:
        verdict = {None: "", True: "holds", False: "FAILS"}[self.holds]
        return f"{self.what:<44} {self.value:>10.4g} {self.unit:<28} {self.bar or '':<9} {verdict}".rstrip()


def tell(name: str, figures: Iterable[Figure]) -> int:
    """Print figures as they come, and write them, with date, processor and commit, to ``benchmarks/results/``.

    Returns:
        the exit status: 1 where a bar does not hold.
    """
    rows = []
    for figure in figures:
        print(figure, flush=True)
        rows.append(figure.as_json())
    facts = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "cpu": _processor(), "commit": _commit()}
    write_json(ROOT / "benchmarks" / "results" / f"{name}.json", {**facts, "measured": rows})
    # Where every measurement of the project is looked for, without the facts of this machine.
    write_json(ROOT / "results" / "bench" / f"{name}.json", rows)
    return int(any(row["holds"] is False for row in rows))


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
