"""The spool: members of pairs on disk, sorted into buckets in the order in which they are read.

A release may contain all occlusions first and all masks last, so pairs cannot be assembled in memory. Members are
appended to one part file per bucket, each after a line that describes it. A bucket is small enough to be assembled from
its own part file.

A spool is filled under a temporary name and renamed at the end, so a spool under its final name is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import RootModel, ValidationError

from tgvac.clips.pair_clips import bucket_name, bucket_of
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.sources.pair_members import Members, pair_of, part_of

_PASS = "pass.json"

Located = dict[str, dict[str, list[tuple[int, int]]]]
"""The places of a bucket's members in its part file: all starts and lengths, by pair and part."""


class _Captions(RootModel[dict[str, str]]):
    pass


def _captions(name: str, data: bytes) -> dict[str, str]:
    try:
        return {pair_of(key) or key: text for key, text in _Captions.model_validate_json(data).root.items()}
    except ValidationError as error:
        raise BadInput(
            f"{name} does not map ids to sentences ({error.errors()[0]['msg']}); write {{id: text}}."
        ) from None


class Spool:
    """A spool in a folder, which may not be filled yet.

    Args:
        folder: of the complete spool.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _part(self, number: int) -> Path:
        return self._folder / f"{bucket_name(number)}.part"

    def _texts(self, number: int) -> Path:
        return self._folder / f"{bucket_name(number)}.captions.json"

    def holds(self, wanted: Iterable[int], key: str) -> bool:
        """Whether these buckets were spooled completely, from a source with this key."""
        try:
            found = json.loads((self._folder / _PASS).read_text(encoding="utf-8"))["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return bool(found == key) and all(self._part(number).is_file() for number in wanted)

    @property
    def archive(self) -> str | None:
        """SHA-256 of the spooled archive; None for a folder."""
        found: str | None = json.loads((self._folder / _PASS).read_text(encoding="utf-8"))["archive"]
        return found

    @property
    def unused(self) -> dict[str, int]:
        """Files of the spooled source that are no part of a pair: how many, by folder."""
        found: dict[str, int] = json.loads((self._folder / _PASS).read_text(encoding="utf-8"))["unused"]
        return found

    def fill(self, key: str, members: Members, wanted: Collection[int], buckets: int) -> None:
        """Read all members from the start, and write those of the wanted buckets.

        Args:
            key: identifies the source; see :meth:`holds`.
            buckets: the total number of buckets.
        """
        filled = Spool(self._folder.with_name(f"{self._folder.name}.part"))
        filled.remove()
        filled._folder.mkdir(parents=True)
        captions: dict[str, str] = {}
        with ExitStack() as stack:
            files = {number: stack.enter_context(filled._part(number).open("wb")) for number in wanted}
            for name, data in members:
                if found := part_of(name):
                    if file := files.get(bucket_of(found[0], buckets)):
                        file.write(json.dumps([*found, len(data)]).encode() + b"\n" + data)
                else:
                    captions |= _captions(name, data)
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())
        by_bucket: dict[int, dict[str, str]] = {number: {} for number in wanted}
        for pair, text in captions.items():
            if (number := bucket_of(pair, buckets)) in by_bucket:
                by_bucket[number][pair] = text
        for number, texts in by_bucket.items():
            write_json(filled._texts(number), texts)
        unused = dict(sorted(members.unused.items()))
        write_json(filled._folder / _PASS, {"key": key, "archive": members.archive, "unused": unused})
        self.remove()
        filled._folder.replace(self._folder)

    def remove(self) -> None:
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def captions(self, number: int) -> dict[str, str]:
        """The sentences of a bucket, by pair."""
        found: dict[str, str] = json.loads(self._texts(number).read_text(encoding="utf-8"))
        return found

    def locate(self, number: int) -> Located:
        """The places of all members of a bucket."""
        found: Located = {}
        with self._part(number).open("rb") as file:
            while line := file.readline():
                pair, part, length = json.loads(line)
                found.setdefault(pair, {}).setdefault(part, []).append((file.tell(), length))
                file.seek(length, os.SEEK_CUR)
        return found

    def read(self, number: int, places: Mapping[str, tuple[int, int]]) -> dict[str, bytes]:
        """The bytes at the given places of a bucket."""
        out = {}
        with self._part(number).open("rb") as file:
            for part, (start, length) in places.items():
                file.seek(start)
                out[part] = file.read(length)
        return out
