"""What the user trusts: checksums of archives, and accepted licences.

data/registry.lock     by ``<source>/<file>``: size, SHA-256 and modification time of the first complete copy
data/licences.json     by source: the licence as it was shown, and the date

Both belong to the user and are never tracked. A checksum in the registry takes precedence over the lock.
"""

from __future__ import annotations

import datetime
import json
import threading
from pathlib import Path
from typing import Any

from tgvac.errors import BadInput
from tgvac.fetch.registry import Source
from tgvac.files import locked, write_json

LOCK_FORMAT = "tgvac-registry-lock-1"
LICENCES_FORMAT = "tgvac-licences-1"


class Trust:
    """The two files in a folder of archives; several threads and processes may write them.

    Args:
        data: the folder with one folder per source.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.lock_file = data / "registry.lock"
        self.licences_file = data / "licences.json"
        self._guard = threading.Lock()

    def archive(self, key: str) -> dict[str, Any] | None:
        """The trusted ``bytes``, ``sha256`` and ``mtime_ns`` of the archive ``<source>/<file>``, or None."""
        found: dict[str, Any] | None = _read(self.lock_file, LOCK_FORMAT, "archives").get(key)
        return found

    def record(self, key: str, path: Path, checksum: str) -> None:
        """Trust an archive that was read completely. Its modification time later shows that it is unchanged."""
        stat = path.stat()
        entry = {"bytes": stat.st_size, "sha256": checksum, "mtime_ns": stat.st_mtime_ns}
        self._put(self.lock_file, LOCK_FORMAT, "archives", key, entry)

    def accepted(self, source: Source) -> bool:
        """Whether the licence that the registry states now was accepted."""
        entry = _read(self.licences_file, LICENCES_FORMAT, "licences").get(source.name)
        return entry is not None and (entry["licence"], entry["terms"]) == (source.licence, source.terms)

    def accept(self, source: Source) -> None:
        """Record that the user accepts a source's licence."""
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        entry = {"licence": source.licence, "terms": source.terms, "accepted": today}
        self._put(self.licences_file, LICENCES_FORMAT, "licences", source.name, entry)

    def require(self, source: Source) -> None:
        """Raise an error unless the licence of a source was accepted."""
        if not self.accepted(source):
            raise BadInput(
                f"Source '{source.name}' cannot be fetched before its licence is accepted"
                f" ({source.licence}{f'; terms: {source.terms}' if source.terms else ''}); if you accept it, run"
                f" `tgvac data fetch {source.name} --accept-licences`; or give your own footage in its layout with"
                f" `tgvac run --scale SCALE --at {source.name}=PATH`"
                f"{' (with make: DAVIS=PATH)' if source.name == 'davis' else ''}."
            )

    def _put(self, path: Path, form: str, field: str, key: str, entry: dict[str, Any]) -> None:
        # Threads wait silently; only waiting for another process is reported.
        with self._guard, locked(self._data / f".{path.name}.lock"):
            entries = {**_read(path, form, field), key: entry}
            write_json(path, {"format": form, field: entries})


def _read(path: Path, form: str, field: str) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != form:
            raise ValueError(f"its format is {record['format']!r}")
        entries: dict[str, Any] = dict(record[field])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a valid {form} file ({error}); fix it, or delete it to start again.") from None
    return entries
