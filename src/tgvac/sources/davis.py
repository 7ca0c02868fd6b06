"""DAVIS 2017: the official archive, or any folder in its layout; DAVIS 2016 has the same.

JPEGImages/480p/<sequence>/00000.jpg
Annotations/480p/<sequence>/00000.png     palette PNG: the pixel value is the object's id, 255 is void; DAVIS 2016 has
                                          0 and 255 alone, for one object (tgvac.clips.mask_values)
ImageSets/2017/{train,val}.txt            optional: without it, all sequences are used; one name a line. DAVIS 2016 has
                                          ImageSets/480p, with a line for each frame
objects.json                              optional: {sequence: {id: {"category", "captions"}}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.mask_values import is_white, read_ids
from tgvac.clips.pictures import read_picture
from tgvac.clips.text_files import read_lines
from tgvac.errors import BadInput
from tgvac.sources.account import Row, rows_of
from tgvac.sources.adapter import Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest
from tgvac.sources.objects import ObjectEntry, read_objects
from tgvac.sources.series import check_gaps

_FRAMES, _MASKS = "JPEGImages/480p", "Annotations/480p"
_SETS = ("ImageSets/2017", "ImageSets/2016", "ImageSets/480p")
_PICTURE = r"\.(?:jpg|jpeg|png)"

Members = dict[str, dict[int, str]]
"""Members by sequence and number."""


class Davis(Adapter):
    """Reads a DAVIS tree from a folder or a zip. Upper and lower case of names are the same.

    Raises:
        BadInput: when this is not the layout of DAVIS.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)
        self._base = self._find_base(path)
        self._twice: dict[str, str] = {}
        self._frames = self._by_sequence(_FRAMES)
        self._masks = self._by_sequence(_MASKS)
        self._objects = read_objects(self._store, f"{self._base}objects.json")
        self._white = lru_cache(maxsize=2)(self._is_white)

    def _is_white(self, video: Video) -> bool:
        """Whether all masks of a sequence are in black and white; each is decoded."""
        masks = self._masks[video.name].values()
        kinds = (read_ids(self._store.read(name), self._store.describe(name)).kind for name in masks)
        return is_white(kinds, self._store.describe(f"{self._base}{_MASKS}/{video.name}"))

    def _find_base(self, path: Path) -> str:
        # The pattern requires a frame, because archives made on macOS contain a parallel tree of other files.
        pattern = re.compile(rf"((?:.*/)?){re.escape(_FRAMES)}/[^/]+/\d+{_PICTURE}", re.IGNORECASE)
        for name in self._store.names():
            if match := pattern.fullmatch(name):
                return match[1]
        raise BadInput(
            f"{path} is not in DAVIS layout (no {_FRAMES}/<sequence>/00000.jpg); give the folder with JPEGImages."
        )

    def _by_sequence(self, folder: str) -> Members:
        out: Members = {}
        pattern = re.compile(rf"{re.escape(self._base + folder)}/([^/]+)/(\d+){_PICTURE}", re.IGNORECASE)
        for name in self._store.names(self._base):
            if match := pattern.fullmatch(name):
                found = out.setdefault(match[1], {})
                if (number := int(match[2])) in found:
                    both = f"{self._store.describe(found[number])} and {PurePosixPath(name).name}"
                    self._twice.setdefault(match[1], f"{both} are two pictures of frame {number}; remove one of them.")
                found[number] = name
        return out

    def _lists(self) -> list[str]:
        """The image sets that are used: those of one benchmark."""
        for folder in _SETS:
            found = [f"{self._base}{folder}/{part}.txt" for part in ("train", "val")]
            if found := [name for name in found if name in self._store]:
                return found
        return []

    def names(self) -> list[str]:
        """All sequences of the image sets, sorted; without image sets, all that have frames or annotations."""
        listed: set[str] = set()
        for name in self._lists():
            for line in read_lines(self._store.read(name), self._store.describe(name)):
                # DAVIS 2016 lists each frame, /JPEGImages/480p/<sequence>/00000.jpg, and its annotation.
                listed.add(PurePosixPath(line.split()[0]).parent.name if line.startswith("/") else line)
        return sorted(listed) or sorted({*self._frames, *self._masks})

    def video(self, name: str) -> Video:
        """One sequence. Its files are read but not decoded."""
        if name in self._twice:
            raise BadInput(self._twice[name])
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
        check_gaps(list(numbers), where)
        content = ContentDigest()
        for number in numbers:
            content.add(self._store, self._base, (frames[number],), frames=True, read=True)
            content.add(self._store, self._base, (masks[number],), read=True)
        content.add_value({i: o.model_dump(mode="json") for i, o in self._objects.get(name, {}).items()})
        return Video(name, numbers, content.hexdigest(), content.footage())

    def account(self, rejected: Mapping[str, str]) -> list[Row]:
        """Each file: of a sequence, about all of them, or unused."""
        listed = self.names()
        of = {n: [*self._frames.get(n, {}).values(), *self._masks.get(n, {}).values()] for n in listed}
        about = [*self._lists(), *(n for n in (f"{self._base}objects.json",) if n in self._store)]

        def why(name: str) -> str:
            sequence = PurePosixPath(name).parent.name
            unlisted = sequence in self._frames and sequence not in of
            return "the image sets do not list the sequence" if unlisted else f"not below {_FRAMES} or {_MASKS}"

        return rows_of(self._store.names(), of, about, rejected, {}, why)

    def _member(self, known: Members, folder: str, video: Video, i: int) -> str:
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
        return read_picture(self._store.read(name), self._store.describe(name))[0]

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        name = self._member(self._masks, _MASKS, video, i)
        return read_ids(self._store.read(name), self._store.describe(name)).in_video(self._white(video))

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
