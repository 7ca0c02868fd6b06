"""DAVIS 2017: the official archive, or any folder in its layout.

JPEGImages/480p/<sequence>/00000.jpg
Annotations/480p/<sequence>/00000.png     palette PNG: the pixel value is the object's id, 255 is void
ImageSets/2017/{train,val}.txt            optional: without it, all sequences are used
objects.json                              optional: {sequence: {id: {"category", "captions"}}}
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.images import decode_indices, decode_rgb
from tgvac.errors import BadInput
from tgvac.sources.adapter import Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest
from tgvac.sources.objects import ObjectEntry, read_objects

_FRAMES, _MASKS, _SETS = "JPEGImages/480p", "Annotations/480p", "ImageSets/2017"


class Davis(Adapter):
    """Reads a DAVIS 2017 tree from a folder or a zip.

    Raises:
        BadInput: when this is not the layout of DAVIS.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)
        self._base = self._find_base(path)
        self._frames = self._by_sequence(_FRAMES)
        self._masks = self._by_sequence(_MASKS)
        self._objects = read_objects(self._store, f"{self._base}objects.json")

    def _find_base(self, path: Path) -> str:
        # The pattern requires a frame, because archives made on macOS contain a parallel tree of other files.
        pattern = re.compile(rf"((?:.*/)?){re.escape(_FRAMES)}/[^/]+/\d+\.(?:jpg|jpeg|png)")
        for name in self._store.names():
            if match := pattern.fullmatch(name):
                return match[1]
        raise BadInput(
            f"{path} is not in DAVIS layout (no {_FRAMES}/<sequence>/00000.jpg); give the folder with JPEGImages."
        )

    def _by_sequence(self, folder: str) -> dict[str, dict[int, str]]:
        out: dict[str, dict[int, str]] = {}
        pattern = re.compile(rf"{re.escape(self._base + folder)}/([^/]+)/(\d+)\.(?:jpg|jpeg|png)")
        for name in self._store.names(f"{self._base}{folder}/"):
            if match := pattern.fullmatch(name):
                out.setdefault(match[1], {})[int(match[2])] = name
        return out

    def names(self) -> list[str]:
        """All sequences of the image sets, sorted; without image sets, all that have frames or annotations."""
        listed: list[str] = []
        for part in ("train", "val"):
            name = f"{self._base}{_SETS}/{part}.txt"
            if name in self._store:
                try:
                    listed += self._store.read(name).decode().split()
                except UnicodeDecodeError:
                    raise BadInput(
                        f"{self._store.describe(name)} is not a list of sequences in UTF-8; write one name per line."
                    ) from None
        return sorted(set(listed)) or sorted({*self._frames, *self._masks})

    def video(self, name: str) -> Video:
        """One sequence. Its files are read but not decoded."""
        frames, masks = self._frames.get(name, {}), self._masks.get(name, {})
        where = self._store.describe(f"{self._base}{_FRAMES}/{name}")
        if not frames:
            why = "it has annotations" if masks else "the image sets list it"
            raise BadInput(f"{where} has no frames, but {why}; restore the sequence.")
        if missing := sorted(set(frames) - set(masks)):
            raise BadInput(
                f"{self._store.describe(f'{self._base}{_MASKS}/{name}')} has no annotation of frame"
                f" {missing[0]:05d} ({len(missing)} missing); DAVIS annotates every frame: restore them."
            )
        if missing := sorted(set(masks) - set(frames)):
            raise BadInput(
                f"{where} has no frame {missing[0]:05d}, which is annotated ({len(missing)} missing); restore it."
            )
        numbers = tuple(sorted(frames))
        content = ContentDigest()
        for number in numbers:
            content.add(self._store, self._base, (frames[number],), frames=True, read=True)
            content.add(self._store, self._base, (masks[number],), read=True)
        content.add_value({i: o.model_dump(mode="json") for i, o in self._objects.get(name, {}).items()})
        return Video(name, numbers, content.hexdigest(), content.footage())

    def _member(self, known: dict[str, dict[int, str]], folder: str, video: Video, i: int) -> str:
        number = video.frame_numbers[i]
        if number not in known.get(video.name, {}):
            where = self._store.describe(f"{self._base}{folder}/{video.name}")
            raise BadInput(f"{where} no longer has frame {number:05d}; restore it.")
        return known[video.name][number]

    def fps(self, video: Video) -> float:
        """The frame rate that its publishers state."""
        return 24.0

    def frame(self, video: Video, i: int) -> np.ndarray:
        name = self._member(self._frames, _FRAMES, video, i)
        return decode_rgb(self._store.read(name), self._store.describe(name))

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        name = self._member(self._masks, _MASKS, video, i)
        return decode_indices(self._store.read(name), self._store.describe(name))

    def boxes(self, video: Video, i: int) -> None:
        """DAVIS has no boxes."""

    def describe_annotation(self, video: Video, i: int) -> str:
        """The name of an annotation in messages."""
        return self._store.describe(self._member(self._masks, _MASKS, video, i))

    def announced(self, video: Video) -> frozenset[int]:
        """The ids of ``objects.json``; apart from these, the first mask of DAVIS shows all objects."""
        return frozenset(int(i) for i in self._objects.get(video.name, {}) if i.isdecimal())

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """From ``objects.json``; otherwise the category is the sequence's name, for example "car shadow"."""
        entry = self._objects.get(video.name, {}).get(str(object_id), ObjectEntry())
        plain = re.sub(r"[-_\d]+", " ", video.name).strip() or "object"
        return ObjectInfo(entry.category or plain, entry.captions)
