"""LaSOT: the official archives, one per category, or any folder in their layout.

<category>.zip or the folder <category>, which contains <category>/<category>-<n>/ or <category>-<n>/ with
    img/00000001.jpg         every frame, counted from 1
    groundtruth.txt          one line per frame: x,y,w,h in pixels
    full_occlusion.txt       0 or 1 for each frame, separated by commas
    out_of_view.txt          the same
    nlp.txt                  optional: one sentence about the object

A sequence has one object, here with id 1, and only boxes. The object is absent where it is fully occluded or out of
view. Only the categories in the folder are used, so a folder of some categories is a selection.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.box import Box
from tgvac.clips.images import image_size
from tgvac.clips.pictures import read_picture
from tgvac.clips.text_files import read_text
from tgvac.errors import BadInput
from tgvac.fetch.archive_checks import is_page
from tgvac.sources.account import Row, rows_of
from tgvac.sources.adapter import Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest
from tgvac.sources.rejected import reason_of

OBJECT = 1
_FLAGS = ("full_occlusion.txt", "out_of_view.txt")
_BOXES, _SENTENCE = "groundtruth.txt", "nlp.txt"
_IN_SEQUENCE = re.compile(rf"((?:.*/)?([^/]+-\d+)/)(?:img/\d+\.(?:jpg|jpeg|png)|{re.escape(_BOXES)})", re.IGNORECASE)


@dataclass(frozen=True)
class _Group:
    """An open category: the path prefix of each of its sequences, by name."""

    store: Store
    bases: dict[str, str]


@dataclass(frozen=True)
class _Sequence:
    """One checked sequence: the members of its frames in order, a box per frame, and the sentence or ""."""

    store: Store
    base: str
    frames: tuple[str, ...]
    boxes: tuple[Box | None, ...]
    sentence: str


class Lasot(Adapter):
    """Reads LaSOT from folders or zips. Few categories are open at a time, because the data set has millions of files.

    A zip of a category that cannot be opened counts as a faulty video of the category's name.

    Raises:
        BadInput: when this is another layout, or two sequences have the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = lru_cache(maxsize=2)(_open_group)
        self._groups = _groups(path)
        self._unread: dict[str, tuple[Path, str]] = {}
        self._sequence = lru_cache(maxsize=2)(self._read)

    def names(self) -> list[str]:
        """All sequences, sorted."""
        out: set[str] = set()
        for group in self._groups:
            for name in self._bases(group):
                if name in out:
                    raise BadInput(f"{self._path} has the sequence '{name}' twice; remove one of the two.")
                out.add(name)
        if not out and self._unread:
            raise BadInput(next(reason for _, reason in self._unread.values()))
        if not out:
            raise BadInput(
                f"{self._path} is not in LaSOT layout (no <category>-<n>/img/00000001.jpg);"
                " give the folder with the categories or their zips."
            )
        return sorted({*out, *self._unread})

    def _bases(self, group: Path) -> Iterable[str]:
        """The sequences of a category; none if its zip cannot be opened, which is remembered."""
        try:
            return self._open(group).bases
        except BadInput as error:
            with group.open("rb") as stream:
                page = is_page(stream.read(1024))
            reason = f"{group} is a web page, not an archive; fetch the archive again." if page else str(error)
            self._unread[group.stem] = group, reason
            return ()

    def video(self, name: str) -> Video:
        """One sequence, after a check that its boxes and flags match its frames."""
        if name in self._unread:
            raise BadInput(self._unread[name][1])
        found = self._sequence(name)
        height, width = image_size(found.store.read(found.frames[0]), found.store.describe(found.frames[0]))
        for i, box in enumerate(found.boxes):
            if box is not None and box.clipped(height, width) is None:
                where = found.store.describe(found.base + _BOXES)
                raise BadInput(
                    f"{where}, line {i + 1}: the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} is outside its frame"
                    f" of {width}x{height}; correct it, or mark the frame in {_FLAGS[1]}."
                )
        content = ContentDigest()
        texts = [n for n in (_BOXES, *_FLAGS, _SENTENCE) if found.base + n in found.store]
        content.add(found.store, found.base, found.frames, frames=True)
        content.add(found.store, found.base, (found.base + n for n in texts))
        return Video(name, tuple(range(1, len(found.frames) + 1)), content.hexdigest(), content.footage())

    def account(self, rejected: Mapping[str, str]) -> list[Row]:
        """Each file: of a sequence, or unused."""
        rows: list[Row] = []
        unread = {archive for archive, _ in self._unread.values()}
        for path in self._groups:
            if path in unread:
                continue
            group = self._open(path)
            prefix = "" if path == self._path else f"{path.name}/"
            names = group.store.names()
            known = (_BOXES, *_FLAGS, _SENTENCE)
            of = {
                sequence: [
                    prefix + name
                    for name in group.store.names(base)
                    if name[len(base) :] in known or name.startswith(f"{base}img/")
                ]
                for sequence, base in group.bases.items()
            }
            rows += rows_of([prefix + n for n in names], of, (), rejected, {}, lambda _: "not in the layout of LaSOT")
        for name, (archive, reason) in self._unread.items():
            rows.append(Row("rejected", name, (archive.name,), reason_of(BadInput(reason), self._path)))
        return rows

    def _group_of(self, name: str) -> _Group:
        # The group named after the category is tried first, so usually no other has to be opened.
        for path in sorted(self._groups, key=lambda p: (p.stem != _category(name), p)):
            if name in self._bases(path):
                return self._open(path)
        raise BadInput(f"{self._path} no longer has the sequence '{name}'; restore it.")

    def _read(self, name: str) -> _Sequence:
        group = self._group_of(name)
        store, base = group.store, group.bases[name]
        frames = _frames(store, base)
        boxes = _boxes(store, base + _BOXES, len(frames))
        absent = np.zeros(len(frames), bool)
        for flags in _FLAGS:
            absent |= _flags(store, base + flags, len(frames))
        sentence = _text(store, base + _SENTENCE) if base + _SENTENCE in store else ""
        boxes = tuple(None if gone else box for box, gone in zip(boxes, absent, strict=True))
        return _Sequence(store, base, frames, boxes, " ".join(sentence.split()))

    def _listed(self, video: Video, i: int) -> _Sequence:
        """The sequence of a video, after a check that it has frame ``i``."""
        found = self._sequence(video.name)
        if i >= len(found.frames):
            where = found.store.describe(found.base + "img")
            raise BadInput(f"{where} no longer has frame {video.frame_numbers[i]:08d}; restore it.")
        return found

    def fps(self, video: Video) -> float:
        """The frame rate that its publishers state."""
        return 30.0

    def frame(self, video: Video, i: int) -> np.ndarray:
        found = self._listed(video, i)
        return read_picture(found.store.read(found.frames[i]), found.store.describe(found.frames[i]))[0]

    def annotation(self, video: Video, i: int) -> None:
        """LaSOT has no masks."""

    def boxes(self, video: Video, i: int) -> dict[int, Box | None]:
        """The box of frame ``i`` as the source gives it; it may extend beyond the frame."""
        return {OBJECT: self._listed(video, i).boxes[i]}

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """The category from the sequence's name, the sentence from ``nlp.txt``."""
        sentence = self._sequence(video.name).sentence
        return ObjectInfo(_category(video.name), (sentence,) if sentence else ())


def _text(store: Store, name: str) -> str:
    return read_text(store.read(name), store.describe(name))


def _category(sequence: str) -> str:
    return sequence.rpartition("-")[0]


def _groups(path: Path) -> tuple[Path, ...]:
    """The categories: the folders and zips in a folder, or the given path itself."""
    if not path.is_dir():
        return (path,)
    inside = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    folders = [p for p in inside if p.is_dir()]
    if any((p / "img").is_dir() or (p / _BOXES).is_file() for p in folders):
        return (path,)
    unpacked = {p.name for p in folders}
    return tuple(folders + [p for p in inside if p.suffix == ".zip" and p.stem not in unpacked])


def _open_group(path: Path) -> _Group:
    store = Store(path)
    found = (_IN_SEQUENCE.fullmatch(name) for name in store.names())
    bases = {match[2]: match[1] for match in found if match}
    return _Group(store, bases)


def _frames(store: Store, base: str) -> tuple[str, ...]:
    pattern = re.compile(r"(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)
    under, where = f"{base}img/", store.describe(f"{base}img")
    found: dict[int, str] = {}
    for name in store.names(under):
        if match := pattern.fullmatch(name[len(under) :]):
            if (number := int(match[1])) in found:
                raise BadInput(f"{where} has two pictures of frame {number:08d}; remove one of them.")
            found[number] = name
    if not found:
        raise BadInput(f"{where} has no frames; restore the sequence.")
    if missing := sorted(set(range(1, max(found) + 1)) - set(found)):
        raise BadInput(
            f"{where} has no frame {missing[0]:08d} ({len(missing)} missing);"
            " LaSOT numbers every frame from 1: restore them."
        )
    return tuple(found[n] for n in sorted(found))


def _boxes(store: Store, name: str, frames: int) -> tuple[Box | None, ...]:
    """One box per line; None where it has no area."""
    lines = _text(store, name).rstrip().splitlines()
    if len(lines) != frames:
        raise BadInput(
            f"{store.describe(name)} has {len(lines)} boxes for {frames} frames; restore the file or the frames."
        )
    return tuple(_box(line, f"{store.describe(name)}, line {i + 1}") for i, line in enumerate(lines))


def _box(line: str, where: str) -> Box | None:
    try:
        x, y, w, h = (float(part) for part in re.split(r"[,;\s]+", line.strip()))
        if not all(map(math.isfinite, (x, y, w, h))):
            raise ValueError
        return Box(x=x, y=y, w=w, h=h) if min(w, h) > 0 else None
    except ValueError:
        raise BadInput(f"{where}: {line!r} is not a box; write x,y,w,h in pixels.") from None


def _flags(store: Store, name: str, frames: int) -> np.ndarray:
    """``bool [F]`` from a comma-separated list of 0 and 1."""
    words = _text(store, name).replace(",", " ").split()
    if bad := [w for w in words if w not in ("0", "1")]:
        raise BadInput(f"{store.describe(name)} has {bad[0]!r}; write 0 or 1 for each frame, separated by commas.")
    if len(words) != frames:
        raise BadInput(
            f"{store.describe(name)} has {len(words)} flags for {frames} frames; restore the file or the frames."
        )
    return np.array([w == "1" for w in words])
