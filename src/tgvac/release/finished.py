"""Which files a finished run is made of: those with provenance that its report was made from, and what they name."""

from __future__ import annotations

import re
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.params import Params
from tgvac.phases import PHASES, join_params_digest, params_digest, phase
from tgvac.provenance import provenance_of, read_record

ENDS = ("report/index.json", "dataset/index.json")
"""What a finished run ends in."""
SHOWN = ("report", "dataset")
"""Folders that people read, which are released as they are."""
_PHASES = frozenset(each.name for each in PHASES)


def finished_files(results: Path, scale: str, params: Params) -> list[Path]:
    """The files of a finished run that are small: indices, tables, reports, and the provenance of each.

    Footage, networks, latents and completions are not among them; indices name these by digest.

    Args:
        results: the folder of the scale, ``results/<scale>``.
        params: those of the scale, as they are now.

    Returns:
        Existing files below ``results``, sorted.

    Raises:
        BadInput: when something is missing, has changed since it was read, or was made with other params, so that the
            run is not finished.
    """
    found: set[Path] = set()
    todo = [results / name for name in ENDS]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        record = read_record(path)
        if record is None:
            raise _unfinished(path, results, scale, "is missing, or has changed since it was made")
        if record["params"] != _params_now(params, record["phase"], path.relative_to(results).as_posix()):
            raise _unfinished(path, results, scale, "was made with other params than the scale has now")
        found |= {path, provenance_of(path)}
        for name, digest in record["inputs"].items():
            read = results / name
            if name.partition("/")[0] not in _PHASES:
                continue  # a file of the project or of the user
            if not read.is_file():
                raise _unfinished(read, results, scale, "is missing")
            if sha256(read) != digest:
                why = f"has changed since {path.relative_to(results)} was made from it"
                raise _unfinished(read, results, scale, why)
            if provenance_of(read).is_file():
                todo.append(read)
            else:
                found.add(read)
    shown = (path for folder in SHOWN for path in (results / folder).rglob("*") if path.is_file())
    return sorted(found.union(shown))


def _params_now(params: Params, name: str, path: str) -> str:
    """The digest of the params that decide a file of a phase, as they are now.

    Args:
        path: below the scale's results; method, variant and seed are parts of it.
    """
    found = phase(name)
    for template in (*found.final, *found.lists, found.part):
        options = _matched(f"{name}/{template}", path) if template else None
        if options is not None:
            joined = bool(found.shards) and template != found.part
            return join_params_digest(params, found) if joined else params_digest(params, found, options)
    return ""


def _matched(template: str, path: str) -> dict[str, str] | None:
    """The options in a path, if it is one of a template such as ``completion/{method}/shard-{shard:03d}.json``."""
    pattern = re.sub(r"\\{(\w+)(?:\\?:\w+)?\\}", r"(?P<\1>[^/]+)", re.escape(template))
    found = re.fullmatch(pattern, path)
    return None if found is None else {key: value for key, value in found.groupdict().items() if key != "shard"}


def _unfinished(path: Path, results: Path, scale: str, why: str) -> BadInput:
    return BadInput(
        f"The run of scale '{scale}' is not finished: {path.relative_to(results)} {why}; run"
        f" `tgvac run --scale {scale}`, then release it."
    )
