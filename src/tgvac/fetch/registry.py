"""The registry: one row per source, and a table of the archives of sources that are fetched.

reference/registry.csv    name, layout, location, bytes, sha256, licence, and optionally: terms, kind
reference/archives.csv    source, file, part, places, page, bytes, sha256: one archive per row

``places`` are separated by spaces and tried in turn: a URL; ``drive:<id>``, a file on Google Drive;
``drive-folder:<id>/<file>``, a file in a shared folder on it; ``hub:<owner>/<name>/<file>``, of a data set on the
Hugging Face Hub.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

from tgvac.errors import BadInput

COLUMNS = ("name", "layout", "location", "bytes", "sha256", "licence")
FURTHER = ("terms", "kind")
ARCHIVE_COLUMNS = ("source", "file", "part", "places", "page", "bytes", "sha256")
ARCHIVES = "archives"
"""The location of a source whose archives are listed only in ``archives.csv``."""
Kind = Literal["videos", "pairs"]
_PLACES = ("http://", "https://", "drive:", "drive-folder:", "hub:")


@dataclass(frozen=True)
class Archive:
    """One file of a source, as its publisher offers it.

    Attributes:
        file: its name, also on this machine.
        places: where it is offered; they are tried in turn.
        part: the part of the source that it has, such as a category; "" when a source is a single archive.
        page: the web page where people can find it if no place gives it.
        bytes, sha256: None when the publisher does not state them; the first complete copy is then trusted.
    """

    file: str
    places: tuple[str, ...]
    part: str = ""
    page: str = ""
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Source:
    """A row of the registry.

    Attributes:
        layout: selects the adapter.
        location: a URL, a path relative to the project, ``archives`` (they are in ``archives.csv``), ``generated``
            (by the workflow), or ``given`` (the user gives a folder or an archive).
        bytes, sha256: of the archive; None when the publisher does not state them.
        terms: the URL of the licence's terms.
        kind: whether it has videos, or pairs of images.
        files: its rows of ``archives.csv``.
    """

    name: str
    layout: str
    location: str
    bytes: int | None
    sha256: str | None
    licence: str
    terms: str = ""
    kind: Kind = "videos"
    files: tuple[Archive, ...] = ()

    @property
    def archives(self) -> tuple[Archive, ...]:
        """The archives that can be fetched; none for a source that is generated, given, or in the project."""
        if self.location == ARCHIVES:
            return self.files
        if not self.location.startswith(("http://", "https://")):
            return ()
        # The row's own URL comes first; archives.csv may add other places.
        file = self.location.rsplit("/", 1)[-1]
        known = next((f for f in self.files if f.file == file), Archive(file, ()))
        places = tuple(dict.fromkeys((self.location, *known.places)))
        return (replace(known, places=places, bytes=self.bytes or known.bytes, sha256=self.sha256 or known.sha256),)


def read_registry(path: Path) -> dict[str, Source]:
    """Read the sources by name, with the archives of ``archives.csv`` in the same folder, if it exists."""
    files = _read_archives(path.with_name("archives.csv"))
    found: dict[str, Source] = {}
    for row in _rows(path, COLUMNS, FURTHER):
        name, kind = row["name"], row.get("kind") or "videos"
        if kind not in get_args(Kind):
            raise BadInput(f"{path}: the kind of '{name}' is {kind!r}; write {' or '.join(get_args(Kind))}.")
        size, checksum = _known(path, row, name)
        given = (row["location"], size, checksum, row["licence"], row.get("terms", ""))
        found[name] = Source(name, row["layout"], *given, cast(Kind, kind), tuple(files.get(name, ())))
    return found


def _read_archives(path: Path) -> dict[str, list[Archive]]:
    """The archives, by name of their source."""
    found: dict[str, list[Archive]] = {}
    for row in _rows(path, ARCHIVE_COLUMNS, ()) if path.is_file() else []:
        name, places = row["file"], tuple(row["places"].split())
        if not name or Path(name).name != name or name.startswith("."):
            raise BadInput(f"{path}: the file of '{row['source']}' is {name!r}; write a file name without folders.")
        if wrong := [place for place in places if not place.startswith(_PLACES)]:
            raise BadInput(f"{path}: '{name}' has the place {wrong[0]!r}; begin it with one of {', '.join(_PLACES)}.")
        size, checksum = _known(path, row, name)
        found.setdefault(row["source"], []).append(Archive(name, places, row["part"], row["page"], size, checksum))
    return found


def _rows(path: Path, needed: tuple[str, ...], further: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise BadInput(f"{path} does not exist; restore it from the repository.")
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        columns = tuple(reader.fieldnames or ())
        if columns[: len(needed)] != needed or not set(columns[len(needed) :]) <= set(further):
            may = f", and may have {', '.join(further)}" if further else ""
            raise BadInput(f"{path} has the columns {reader.fieldnames}; it must have {', '.join(needed)}{may}.")
        # A short row has no last cells, which count as empty.
        return [{key: value or "" for key, value in row.items() if key} for row in reader]


def _known(path: Path, row: Mapping[str, str], name: str) -> tuple[int | None, str | None]:
    """Size and checksum of a row; None when they are not stated."""
    try:
        return (int(row["bytes"]) if row["bytes"] else None), (row["sha256"].lower() or None)
    except ValueError:
        raise BadInput(f"{path}: the bytes of '{name}' are {row['bytes']!r}; write an integer.") from None


def find_source(registry: Mapping[str, Source], name: str, path: Path) -> Source:
    """A source by name; the error for an unknown name suggests the most similar one."""
    if name in registry:
        return registry[name]
    near = difflib.get_close_matches(name, registry, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(sorted(registry))}."
    raise BadInput(f"{path} has no source '{name}'; {hint}")


def choose_archives(source: Source, parts: tuple[str, ...], path: Path) -> tuple[Archive, ...]:
    """The archives of a source with the named parts; all of them when none is named.

    Raises:
        BadInput: when a part is unknown, or the source has no parts.
    """
    if not parts:
        return source.archives
    known = {archive.part: archive for archive in source.archives if archive.part}
    if not known:
        raise BadInput(
            f"Source '{source.name}' has no parts that can be fetched or used alone; do not list it in --only or"
            " sources.parts."
        )
    for part in parts:
        if part not in known:
            near = difflib.get_close_matches(part, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(sorted(known))}."
            raise BadInput(f"{path}: source '{source.name}' has no part '{part}'; {hint}")
    return tuple(known[part] for part in sorted(set(parts)))
