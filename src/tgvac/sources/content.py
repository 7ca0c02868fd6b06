"""The digest of a video's content: the names and checksums of its files, and what the source states about it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tgvac.clips.archive import Store


class ContentDigest:
    """Collects everything that decides a video's tracks. A folder and a zip of it have the same digest.

    The checksums are CRC-32, because the directory of a zip has them: a data set of hundreds of gigabytes is listed
    without reading it. They only distinguish copies; the SHA-256 of the archive shows whether a copy is intact.
    """

    def __init__(self) -> None:
        self._content, self._footage = hashlib.sha256(), hashlib.sha256()

    def add(self, store: Store, base: str, names: Iterable[str], frames: bool = False, read: bool = False) -> None:
        """Add members of a store, under their names relative to ``base``.

        Args:
            frames: whether these are the video's frames; only their bytes count for the footage digest.
            read: whether to read them, which finds damaged members early.
        """
        for name in names:
            checksum = f"{zlib.crc32(store.read(name)) if read else store.crc(name):08x}\n"
            self._content.update(f"{name[len(base) :]}:{checksum}".encode("utf-8", "surrogateescape"))
            if frames:
                self._footage.update(checksum.encode())

    def add_video(self, path: Path) -> None:
        """Add a video file, by name and bytes; it also counts as the footage."""
        checksum = 0
        with path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                checksum = zlib.crc32(piece, checksum)
        self._content.update(f"{path.name}:{checksum:08x}\n".encode("utf-8", "surrogateescape"))
        self._footage.update(f"{path.suffix.lower()}:{checksum:08x}\n".encode())

    def add_value(self, value: Any) -> None:
        """Add a value that JSON can represent."""
        self._content.update(json.dumps(value, sort_keys=True).encode())

    def hexdigest(self) -> str:
        return self._content.hexdigest()

    def footage(self) -> str:
        """The digest of the frames only; it does not depend on their names."""
        return self._footage.hexdigest()
