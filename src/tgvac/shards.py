"""Shards and items: work that grows with the data, resumable item by item.

An item is done if the ledger has it under its key (the digest of all that decides it) and every file it made still has
the recorded size. A killed stage, run again, makes only what is missing. The ledger is in ``scratch/``, outside of the
declared outputs, which Snakemake deletes before it runs a job again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.progress import Progress
from tgvac.seeds import unit

INDEX_FORMAT = "tgvac-index-1"


def shard_of(identifier: str, shards: int) -> int:
    """The shard of an item, by a hash of its id, so that adding or removing other items moves none."""
    return int(unit("shard", identifier) * shards)


@dataclass(frozen=True)
class Entry:
    """One file made by an item.

    Attributes:
        id: the id of what the file holds (a track, a recipe, a sample).
        file: path relative to the phase's folder.
        facts: small numbers and words for later phases, which then need not open the file.
    """

    id: str
    file: str
    sha256: str
    bytes: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What an item's maker returns for each file it wrote."""

    id: str
    path: Path
    facts: Mapping[str, Any] = field(default_factory=dict)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


class Ledger:
    """Which items are done, one small file each.

    Args:
        folder: where the ledger is.
        base: the folder that entries' file names are relative to.
    """

    def __init__(self, folder: Path, base: Path) -> None:
        self._folder, self._base = folder, base

    def _path(self, item: str) -> Path:
        return self._folder / f"{item.replace('/', '--')}.json"

    def find(self, item: str, key: str) -> list[Entry] | None:
        """The item's entries if it is done under this key and its files have their sizes, else None."""
        try:
            record = json.loads(self._path(item).read_text(encoding="utf-8"))
            entries = [Entry(**entry) for entry in record["entries"]]
            whole = all(_has_size(self._base / entry.file, entry.bytes) for entry in entries)
            return entries if whole and record["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def forget(self, item: str) -> None:
        """Remove an item, before its files are replaced."""
        self._path(item).unlink(missing_ok=True)

    def record(self, item: str, key: str, made: Iterable[Made]) -> list[Entry]:
        """Record an item as done."""
        entries = [
            Entry(m.id, m.path.relative_to(self._base).as_posix(), sha256(m.path), m.path.stat().st_size, dict(m.facts))
            for m in made
        ]
        write_json(self._path(item), {"key": key, "entries": [vars(e) for e in entries]})
        return entries


def run_items(
    label: str,
    keys: Mapping[str, Any],
    ledger: Ledger,
    make: Callable[[str], Iterable[Made]],
) -> list[Entry]:
    """Make every item that is not done.

    Args:
        label: for progress.
        keys: for each item id, what decides its result (any canonical value).
        ledger: the record of finished items.
        make: writes an item's files atomically and returns them.

    Returns:
        all entries of all items, sorted by id.
    """
    entries: list[Entry] = []
    todo: list[tuple[str, str]] = []
    for item in sorted(keys):
        key = digest(keys[item])
        found = ledger.find(item, key)
        if found is None:
            todo.append((item, key))
        else:
            entries.extend(found)
    with Progress(label, len(keys), start=len(keys) - len(todo)) as progress:
        for item, key in todo:
            ledger.forget(item)
            entries.extend(ledger.record(item, key, make(item)))
            progress.step(item)
    return sorted(entries, key=lambda e: e.id)


def write_index(path: Path, entries: Sequence[Entry]) -> None:
    """Write the index of a shard or phase, sorted by id. It is small, and later phases depend on it alone."""
    ordered = sorted(entries, key=lambda e: e.id)
    write_json(path, {"format": INDEX_FORMAT, "entries": [vars(e) for e in ordered]})


def read_index(path: Path) -> dict[str, Entry]:
    """Read an index, by id.

    Raises:
        BadInput: when it is missing or of another format.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run the phase that makes it (`tgvac phases` lists them).")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != INDEX_FORMAT:
            raise ValueError(f"format {record['format']}")
        return {e["id"]: Entry(**e) for e in record["entries"]}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not an index of format {INDEX_FORMAT} ({error}); delete it and rerun.") from None


def merge_indices(parts: Iterable[Path], path: Path) -> list[Entry]:
    """Join the shards' indices into the index of the phase."""
    entries = [entry for part in parts for entry in read_index(part).values()]
    write_index(path, entries)
    return entries
