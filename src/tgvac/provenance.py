"""What an output was made from: digests of parameters, code and inputs.

The code of a phase is its entry module and all ``tgvac`` modules that it imports, directly or not, at
the top of a file or inside a function. Each is digested as its syntax tree without comments and
docstrings, so that prose reruns nothing. The roof (`cli`, `phases`), this file, the tracking bridge, and how
trainings are watched (pictures, speed, lines about them) decide no result and are left out: no word of
theirs may cost a training.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tgvac import config
from tgvac.files import sha256, write_json

PACKAGE = "tgvac"
_SOURCE = Path(__file__).resolve().parent
LEFT_OUT = frozenset(
    {
        *("tgvac.cli", "tgvac.params", "tgvac.phases", "tgvac.provenance", "tgvac.progress"),
        *("tgvac.training.samples", "tgvac.training.backbone_samples", "tgvac.training.notes"),
        *("tgvac.training.speed", "tgvac.training.utilisation"),
    }
)


def module_file(module: str) -> Path | None:
    """The source file of a module of this package, or None when there is no such module."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    base = _SOURCE.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return tree


def source_digest(text: str) -> str:
    """SHA-256 of a source text's syntax tree without comments, docstrings and positions."""
    return hashlib.sha256(ast.dump(_without_docstrings(ast.parse(text))).encode()).hexdigest()


def imports_of(text: str, module: str) -> set[str]:
    """The modules of this package that a source text imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"{module} imports relatively; write the full name, so that digests can follow it")
    # A package's __init__ runs whenever something below it is imported.
    for name in list(found):
        parts = name.split(".")
        found.update(".".join(parts[:i]) for i in range(1, len(parts)))
    return {name for name in found if module_file(name) is not None}


@cache
def _facts(path: Path, module: str) -> tuple[str, frozenset[str]]:
    text = path.read_text(encoding="utf-8")
    found = source_digest(text)
    if path.name == "__init__.py":
        # A room's templates decide what it makes as much as its code does.
        templates = sorted((path.parent / "templates").glob("*"))
        found = config.digest([found, *(sha256(template) for template in templates)])
    return found, frozenset(imports_of(text, module))


def closure(module: str) -> dict[str, str]:
    """Digest by module, over all that ``module`` reaches by imports, itself included, sorted."""
    parts = module.split(".")
    todo, seen = [".".join(parts[:i]) for i in range(1, len(parts) + 1)], {}
    while todo:
        name = todo.pop()
        if name in seen or name in LEFT_OUT:
            continue
        path = module_file(name)
        if path is None:
            raise ValueError(f"no module named {name} in {PACKAGE}")
        seen[name], reached = _facts(path, name)
        todo.extend(reached)
    return dict(sorted(seen.items()))


def code_digest(module: str) -> str:
    """One digest for the code behind an entry module."""
    return config.digest(closure(module))


def write_provenance(output: Path, phase: str, params: str, code: str, inputs: Mapping[str, Path]) -> None:
    """Write the deterministic part of an output's provenance beside it, as ``<output>.prov.json``.

    Host, time and memory are no part of it; they go to ``logs/`` and ``benchmarks/``.
    """
    record: dict[str, Any] = {
        "format": "tgvac-provenance-1",
        "phase": phase,
        "output": {"name": output.name, "sha256": sha256(output)},
        "params": params,
        "code": code,
        "inputs": {name: sha256(path) for name, path in sorted(inputs.items())},
    }
    write_json(provenance_of(output), record)


def provenance_of(output: Path) -> Path:
    """Where an output's provenance lies."""
    return output.with_name(f"{output.name}.prov.json")


def read_record(output: Path) -> dict[str, Any] | None:
    """The provenance beside a file; None when either is missing or damaged, or the file is another than it tells of."""
    beside = provenance_of(output)
    if not output.is_file() or not beside.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        return record if record["output"]["sha256"] == sha256(output) else None
    except (ValueError, KeyError, TypeError):
        return None
