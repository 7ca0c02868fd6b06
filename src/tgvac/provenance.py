"""What an output was made from: digests of parameters, code and inputs, in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tgvac.files import sha256, write_json


def write_provenance(
    output: Path,
    phase: str,
    params: str,
    code: str,
    inputs: Mapping[str, Path],
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the deterministic part of an output's provenance beside it, as ``<output>.prov.json``.

    Host, time and memory are not in it; they are in ``logs/`` and ``benchmarks/``.

    Args:
        facts: further keys, such as ``resumed_from``: the runs of other code that a training was resumed from.
    """
    record: dict[str, Any] = {
        "format": "tgvac-provenance-1",
        "phase": phase,
        "output": {"name": output.name, "sha256": sha256(output)},
        "params": params,
        "code": code,
        "inputs": {name: sha256(path) for name, path in sorted(inputs.items())},
        **facts,
    }
    write_json(provenance_of(output), record)


def provenance_of(output: Path) -> Path:
    """The path of an output's provenance."""
    return output.with_name(f"{output.name}.prov.json")


def read_record(output: Path) -> dict[str, Any] | None:
    """The provenance beside a file; None when either is missing or damaged, or the file has changed since."""
    beside = provenance_of(output)
    if not output.is_file() or not beside.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        return record if record["output"]["sha256"] == sha256(output) else None
    except (ValueError, KeyError, TypeError):
        return None
