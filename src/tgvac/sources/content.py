"""The digest of a video's content: of its files, by name and checksum, and of all that is said of it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tgvac.clips.archive import Store


class ContentDigest:
    """Gathers what decides a video's tracks; the same for a folder and for a zip of it.

    Checksums are CRC-32, which a zip's directory states: a data set of hundreds of gigabytes is listed without
    being read. They tell copies apart; that a copy is whole is the business of the archive's SHA-256.
    """

    def __init__(self) -> None:
        self._content, self._footage = hashlib.sha256(), hashlib.sha256()

    def add(self, store: Store, base: str, names: Iterable[str], frames: bool = False, read: bool = False) -> None:
        """Add members of a store, named from ``base`` on.

        Args:
            frames: these are the video's frames, which count for its footage by their bytes alone.
            read: read them, so that a damaged one is found now, and not when it is needed.
        """
        for name in names:
            checksum = f"{zlib.crc32(store.read(name)) if read else store.crc(name):08x}\n"
            self._content.update(f"{name[len(base) :]}:{checksum}".encode())
            if frames:
                self._footage.update(checksum.encode())

    def add_video(self, path: Path) -> None:
        """Add a video file, by its name and bytes; it is the footage."""
        found = 0
        with path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                found = zlib.crc32(piece, found)
        self._content.update(f"{path.name}:{found:08x}\n".encode())
        self._footage.update(f"{path.suffix.lower()}:{found:08x}\n".encode())

    def say(self, value: Any) -> None:
        """Add a value that JSON can hold."""
        self._content.update(json.dumps(value, sort_keys=True).encode())

    def hexdigest(self) -> str:
        return self._content.hexdigest()

    def footage(self) -> str:
        """Of the frames alone: the same under any name."""
        return self._footage.hexdigest()
