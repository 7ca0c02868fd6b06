"""The digest of a video's content: of its files, by name and checksum, and of all that is said of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from tgvac.clip.archive import Store


class ContentDigest:
    """Gathers what decides a video's tracks; the same for a folder and for a zip of it.

    Checksums are CRC-32, which a zip's directory states: a data set of hundreds of gigabytes is listed without
    being read. They tell copies apart; that a copy is whole is the business of the archive's SHA-256.
    """

    def __init__(self) -> None:
        self._content = hashlib.sha256()

    def add(self, store: Store, base: str, names: Iterable[str]) -> None:
        """Add members of a store, named from ``base`` on."""
        for name in names:
            self._content.update(f"{name[len(base) :]}:{store.crc(name):08x}\n".encode())

    def say(self, value: Any) -> None:
        """Add a value that JSON can hold."""
        self._content.update(json.dumps(value, sort_keys=True).encode())

    def hexdigest(self) -> str:
        return self._content.hexdigest()
