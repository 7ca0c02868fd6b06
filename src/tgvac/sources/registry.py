"""The registry: one row a source, with its location, size, checksum and licence; and how an archive gets here."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256

COLUMNS = ("name", "layout", "location", "bytes", "sha256", "licence")


@dataclass(frozen=True)
class Source:
    """A row of the registry.

    Attributes:
        layout: which adapter reads it.
        location: a url, a path relative to the project, ``generated`` (the workflow makes it), or
            ``given`` (the user names a folder or an archive).
        bytes, sha256: of the archive; None where the publisher states neither.
    """

    name: str
    layout: str
    location: str
    bytes: int | None
    sha256: str | None
    licence: str


def read_registry(path: Path) -> dict[str, Source]:
    """Read the registry's CSV, by name."""
    if not path.is_file():
        raise BadInput(f"{path} does not exist; restore it from the repository.")
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise BadInput(f"{path} has the columns {reader.fieldnames}; it must have {', '.join(COLUMNS)}.")
        found = {}
        for row in reader:
            try:
                size = int(row["bytes"]) if row["bytes"] else None
            except ValueError:
                raise BadInput(f"{path}: bytes of '{row['name']}' is {row['bytes']!r}; write a whole number.") from None
            found[row["name"]] = Source(
                row["name"], row["layout"], row["location"], size, row["sha256"] or None, row["licence"]
            )
    return found


def find_source(registry: dict[str, Source], name: str, path: Path) -> Source:
    """A source by name; an unknown name is answered with the nearest."""
    if name in registry:
        return registry[name]
    near = difflib.get_close_matches(name, registry, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(registry))}."
    raise BadInput(f"{path} has no source '{name}'; {hint}")


def locate(source: Source, root: Path, given: str | None) -> Path:
    """Where a source's archive or folder lies, fetched first when it is a url; verified.

    Args:
        root: the project's folder; archives are kept in ``data/<name>/`` below it.
        given: a folder or an archive named by the user, in place of the registry's location.

    Raises:
        BadInput: when it is missing or fails its size or checksum.
    """
    if given:
        path = Path(given).expanduser().absolute()
        if not path.exists():
            raise BadInput(f"{path}, given as source '{source.name}', does not exist; give its right path.")
        return path
    if source.location == "given":
        raise BadInput(
            f"Source '{source.name}' has no location of its own; name its folder, as in `--config {source.name}=PATH`."
        )
    if source.location.startswith(("http://", "https://")):
        path = root / "data" / source.name / source.location.rsplit("/", 1)[-1]
        if not path.is_file():
            _fetch(source, path)
    else:
        path = root / source.location
    if not path.exists():
        raise BadInput(f"{path}, the archive of source '{source.name}', does not exist; put it there.")
    verify(source, path)
    return path


def verify(source: Source, path: Path) -> None:
    """Compare an archive with the registry's size and checksum, where it states them."""
    if source.bytes is not None and path.stat().st_size != source.bytes:
        raise BadInput(
            f"{path} has {path.stat().st_size} bytes, the registry says {source.bytes};"
            " it is not whole: delete it and fetch it again."
        )
    if source.sha256 is not None and (found := sha256(path)) != source.sha256:
        raise BadInput(
            f"{path} has the checksum {found[:12]}…, the registry says {source.sha256[:12]}…;"
            " delete it and fetch it again."
        )


def _fetch(source: Source, path: Path) -> None:
    import pooch

    known = f"sha256:{source.sha256}" if source.sha256 else None
    try:
        pooch.retrieve(source.location, known_hash=known, fname=path.name, path=path.parent, progressbar=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{source.location} cannot be fetched ({type(error).__name__}: {error});"
            f" get it another way and put it at {path}."
        ) from None
