"""``tgvac data status``: a row a source, and the one step that comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tgvac.fetch.locate import data_folder
from tgvac.fetch.partial import Part
from tgvac.fetch.registry import Archive, Source, choose_archives, find_source, read_registry
from tgvac.fetch.trust import Trust
from tgvac.fetch.verify import archive_path, settled

_HEAD = ("source", "holds", "here", "size", "licence", "next")
_NAMED = 6


@dataclass(frozen=True)
class Status:
    """What there is of a source.

    Attributes:
        here: in words: how many archives are whole, begun, or missing.
        size: bytes here, and of how many, in words.
        licence: ``accepted``, ``not accepted``, or ``-`` where none has to be.
        next: the one command or step to take; ``ready`` where there is none.
    """

    source: str
    holds: str
    here: str
    size: str
    licence: str
    next: str

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.source, self.holds, self.here, self.size, self.licence, self.next)


def status_of(source: Source, parts: tuple[str, ...], root: Path, trust: Trust) -> Status:
    """The status of a source, or of its chosen parts; reads no archive, and nothing over the network."""
    if not source.archives:
        return _local(source, root)
    data = data_folder(root)
    archives = choose_archives(source, parts, root / "reference" / "archives.csv")
    whole = [a for a in archives if settled(source, a, archive_path(data, source, a), trust)]
    there = [a for a in archives if archive_path(data, source, a).is_file() and a not in whole]
    begun = [a for a in archives if a not in (*whole, *there) and Part(archive_path(data, source, a)).size]
    missing = [a for a in archives if a not in (*whole, *there, *begun)]
    counts = [
        (f"{len(whole)} of {len(archives)} whole", True),
        (f"{len(there)} to be verified", there),
        (f"{len(begun)} begun", begun),
        (f"missing {_names(missing)}", missing and len(archives) > 1),
    ]
    accepted = trust.accepted(source)
    return Status(
        source.name,
        _holds(source),
        ", ".join(words for words, said in counts if said),
        _sizes(data, source, archives, trust),
        "accepted" if accepted else "not accepted",
        "ready" if len(whole) == len(archives) else _command(source, parts, accepted, bool(begun or missing)),
    )


def _local(source: Source, root: Path) -> Status:
    if source.location == "generated":
        return Status(source.name, _holds(source), "made by the run", "-", "-", "ready")
    if source.location == "given":
        step = f"name your folder: tgvac run … --at {source.name}=PATH"
        return Status(source.name, _holds(source), "yours to give", "-", "-", step)
    path = root / source.location
    if path.exists():
        size = _mb(path.stat().st_size) if path.is_file() else "-"
        return Status(source.name, _holds(source), "in the project", size, "-", "ready")
    return Status(source.name, _holds(source), "missing", "-", "-", f"put it at {path}")


def _holds(source: Source) -> str:
    return source.kind if source.kind == source.layout else f"{source.kind} ({source.layout})"


def _names(archives: list[Archive]) -> str:
    shown = ", ".join(a.part or a.file for a in archives[:_NAMED])
    return shown if len(archives) <= _NAMED else f"{shown} and {len(archives) - _NAMED} more"


def _sizes(data: Path, source: Source, archives: tuple[Archive, ...], trust: Trust) -> str:
    here, total, unknown = 0, 0, False
    for archive in archives:
        path = archive_path(data, source, archive)
        part, known = Part(path), trust.archive(f"{source.name}/{archive.file}")
        size = path.stat().st_size if path.is_file() else part.size
        stated = archive.bytes or (known or {}).get("bytes") or part.total or (size if path.is_file() else None)
        here, total, unknown = here + size, total + (stated or 0), unknown or stated is None
    if unknown:
        return f"{_mb(here)} of {f'{_mb(total)} and more' if total else 'unknown'}"
    return _mb(here) if here == total else f"{_mb(here)} of {_mb(total)}"


def _mb(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _command(source: Source, parts: tuple[str, ...], accepted: bool, lacking: bool) -> str:
    chosen = "".join(f" --only {part}" for part in parts)
    return f"tgvac data fetch {source.name}{chosen}{'' if accepted or not lacking else ' --accept-licences'}"


def print_status(root: Path, used: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Print the table of some sources of the registry, or of all.

    Args:
        used: by source, the parts of it that are needed; () for all parts.
    """
    file = root / "reference" / "registry.csv"
    registry = read_registry(file)
    trust = Trust(data_folder(root))
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, parts in (dict.fromkeys(registry, ()) if used is None else used).items():
        rows.append(status_of(find_source(registry, name, file), parts, root, trust).cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
