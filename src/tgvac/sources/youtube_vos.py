"""The train set of YouTube-VOS: the official archives, or any folder in their layout.

train/JPEGImages/<video>/00000.jpg               the annotated frames: every fifth, 6 per second
train/Annotations/<video>/00000.png              palette PNG: the pixel value is the object's id
train/meta.json                                  {"videos": {<video>: {"objects": {<id>: {"category", "frames"}}}}}
train/objects.json                               optional, ours: {<video>: {<id>: {"category", "captions"}}}
train_all_frames/JPEGImages/<video>/00000.jpg    optional: every frame, 30 per second

The source is ``train.zip`` or the folder ``train``, alone or in a folder together with ``train_all_frames`` or its zip.
Frame numbers need not start at 0, and an object may appear late (``frames`` lists where it is annotated).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from tgvac.clips.archive import Store
from tgvac.clips.mask_values import VOID, is_white, read_ids
from tgvac.clips.pictures import read_picture
from tgvac.clips.text_files import read_text
from tgvac.errors import BadInput
from tgvac.sources.account import Row, rows_of
from tgvac.sources.adapter import Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest
from tgvac.sources.objects import ObjectEntry, read_objects

_FRAMES, _MASKS = "JPEGImages", "Annotations"
_TRAIN, _ALL = "train", "train_all_frames"
_NUMBERED = re.compile(r"(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)


class _Object(BaseModel):
    category: str
    frames: tuple[Annotated[str, Field(pattern=r"^\d+$")], ...]


class _Video(BaseModel):
    objects: dict[Annotated[int, Field(ge=1, lt=VOID)], _Object]


class _Meta(BaseModel):
    videos: dict[str, _Video]


class _Tree:
    """One folder with ``JPEGImages`` in it."""

    def __init__(self, store: Store, base: str) -> None:
        self.store, self.base = store, base
        self.numbered = lru_cache(maxsize=4)(self._numbered)

    @property
    def annotated(self) -> bool:
        return f"{self.base}meta.json" in self.store

    @property
    def named(self) -> str:
        """The name of its folder, or of the archive if the folder's name is ambiguous."""
        folder = PurePosixPath(self.base).name
        return self.store.path.stem if not folder or (folder == _TRAIN and not self.annotated) else folder

    def _numbered(self, kind: str, video: str) -> dict[int, str]:
        under = f"{self.base}{kind}/{video}/"
        found: dict[int, str] = {}
        for name in self.store.names(under):
            if match := _NUMBERED.fullmatch(name[len(under) :]):
                if (number := int(match[1])) in found:
                    raise BadInput(
                        f"{self.store.describe(found[number])} and {PurePosixPath(name).name} are two pictures of frame"
                        f" {number}; remove one of them."
                    )
                found[number] = name
        return found

    def describe(self, rest: str) -> str:
        return self.store.describe(self.base + rest)


class YouTubeVos(Adapter):
    """Reads YouTube-VOS from folders or zips.

    With ``train_all_frames``, a video has every frame, and some of them are annotated. Without it, a video has only the
    annotated frames.

    Raises:
        BadInput: when this is another layout.
    """

    def __init__(self, path: Path) -> None:
        trees = [_Tree(store, base) for store in _stores(path) for base in _bases(store)]
        annotated = [t for t in trees if t.annotated]
        # An archive of all splits has a meta.json in each. Only the train set is fully annotated.
        annotated.sort(key=lambda t: (t.named != _TRAIN, t.base))
        if not annotated:
            raise BadInput(
                f"{path} is not in YouTube-VOS layout (no meta.json beside {_FRAMES}/<video>/00000.jpg);"
                f" give {_TRAIN}.zip, or the folder with it and {_ALL}.zip."
            )
        self._train = annotated[0]
        self._all = next((t for t in trees if t.named == _ALL), None)
        self._frames = self._all or self._train
        self._meta = self._read_meta()
        self._white = lru_cache(maxsize=2)(self._is_white)
        self._objects = read_objects(self._train.store, f"{self._train.base}objects.json")

    def _is_white(self, video: str) -> bool:
        """Whether all masks of a video are in black and white; each is decoded."""
        store, members = self._train.store, self._train.numbered(_MASKS, video).values()
        kinds = (read_ids(store.read(name), store.describe(name)).kind for name in members)
        return is_white(kinds, self._train.describe(f"{_MASKS}/{video}"))

    def _read_meta(self) -> dict[str, _Video]:
        name = f"{self._train.base}meta.json"
        try:
            text = read_text(self._train.store.read(name), self._train.store.describe(name))
            return _Meta.model_validate_json(text).videos
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"{self._train.store.describe(name)} has an invalid '{'.'.join(map(str, first['loc']))}'"
                f" ({first['msg']}); restore the official file."
            ) from None

    def names(self) -> list[str]:
        """All videos of ``meta.json``, sorted."""
        return sorted(self._meta)

    def video(self, name: str) -> Video:
        """One video, after a check that its frames, annotations and entry in ``meta.json`` agree."""
        if name not in self._meta:
            raise BadInput(f"{self._train.describe('meta.json')} no longer lists '{name}'; restore it.")
        frames, masks = self._frames.numbered(_FRAMES, name), self._train.numbered(_MASKS, name)
        self._check(name, frames, masks)
        content = ContentDigest()
        content.add(self._frames.store, self._frames.base, (frames[n] for n in sorted(frames)), frames=True)
        content.add(self._train.store, self._train.base, (masks[n] for n in sorted(masks)))
        content.add_value(self._meta[name].model_dump(mode="json"))
        content.add_value({i: entry.model_dump(mode="json") for i, entry in self._objects.get(name, {}).items()})
        return Video(name, tuple(sorted(frames)), content.hexdigest(), content.footage())

    def _check(self, name: str, frames: dict[int, str], masks: dict[int, str]) -> None:
        where = self._frames.describe(f"{_FRAMES}/{name}")
        if not frames:
            raise BadInput(f"{where} has no frames, but meta.json lists the video; restore it.")
        if missing := sorted(set(masks) - set(frames)):
            raise BadInput(
                f"{where} has no frame {missing[0]:05d}, which is annotated ({len(missing)} missing); restore them."
            )
        if self._all and (gaps := sorted(set(range(min(frames), max(frames))) - set(frames))):
            raise BadInput(
                f"{where} has no frame {gaps[0]:05d} ({len(gaps)} missing), but it must have every frame; restore them."
            )
        for object_id, entry in self._meta[name].objects.items():
            for number in map(int, entry.frames):
                for kind, found, tree in ((_FRAMES, frames, self._frames), (_MASKS, masks, self._train)):
                    if number not in found:
                        raise BadInput(
                            f"{self._train.describe('meta.json')} lists frame {number:05d} of object {object_id} of"
                            f" '{name}', which {tree.describe(f'{kind}/{name}')} does not have; restore it."
                        )

    def fps(self, video: Video) -> float:
        """30 with all frames, 6 with every fifth frame only."""
        return 30.0 if self._all else 6.0

    def frame(self, video: Video, i: int) -> np.ndarray:
        number = video.frame_numbers[i]
        member = self._frames.numbered(_FRAMES, video.name).get(number)
        if member is None:
            where = self._frames.describe(f"{_FRAMES}/{video.name}")
            raise BadInput(f"{where} no longer has frame {number:05d}; restore it.")
        return read_picture(self._frames.store.read(member), self._frames.store.describe(member))[0]

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        """The ids of frame ``i``; None when it is not annotated.

        Raises:
            BadInput: when it has an id that ``meta.json`` does not list.
        """
        member = self._train.numbered(_MASKS, video.name).get(video.frame_numbers[i])
        if member is None:
            return None
        where = self._train.store.describe(member)
        ids_HW = read_ids(self._train.store.read(member), where).in_video(self._white(video.name))
        known = (0, *self._meta[video.name].objects, VOID)
        if len(unknown := np.setdiff1d(ids_HW, known)):
            raise BadInput(
                f"{where} has the id {unknown[0]}, which meta.json does not list for '{video.name}';"
                " restore the official files."
            )
        return ids_HW

    def white_object(self, video: Video) -> int | None:
        """The only object of ``meta.json``, where there is one."""
        objects = list(self._meta[video.name].objects)
        return objects[0] if len(objects) == 1 else None

    def account(self, rejected: Mapping[str, str]) -> list[Row]:
        """Each file: of a video, about all of them, or unused."""
        rows = []
        trees = {id(tree.store): tree.store for tree in (self._train, self._frames)}
        for store in trees.values():
            of: dict[str, list[str]] = {}
            for video in self._meta:
                under = [self._frames.base + f"{_FRAMES}/{video}/"] if store is self._frames.store else []
                under += [self._train.base + f"{_MASKS}/{video}/"] if store is self._train.store else []
                of[video] = [n for each in under for n in store.names(each) if _NUMBERED.fullmatch(n[len(each) :])]
            about = [f"{self._train.base}{name}" for name in ("meta.json", "objects.json")]
            lists = [name for name in about if store is self._train.store and name in store]
            prefix = f"{store.path.name}/" if len(trees) > 1 else ""
            found = rows_of(store.names(), of, lists, rejected, {}, self._why)
            rows += [Row(r.use, r.video, tuple(prefix + f for f in r.files), r.note) for r in found if r.files]
        return rows

    def _why(self, name: str) -> str:
        """Why a file is unused."""
        folder = PurePosixPath(name).parent
        if self._all and folder.parent.name == _FRAMES and folder.name in self._meta:
            return f"{_ALL} has these frames, and all others"
        return "of no video of meta.json"

    def boxes(self, video: Video, i: int) -> None:
        """YouTube-VOS has no boxes."""

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """From ``objects.json``; otherwise the category of ``meta.json``, and no caption."""
        entry = self._objects.get(video.name, {}).get(str(object_id), ObjectEntry())
        return ObjectInfo(entry.category or self._meta[video.name].objects[object_id].category, entry.captions)


def _stores(path: Path) -> list[Store]:
    """The stores to search: ``train`` and ``train_all_frames``, unpacked or zipped, or else the given path itself."""
    parts = []
    for name in (_TRAIN, _ALL) if path.is_dir() else ():
        parts += [p for p in (path / name, path / f"{name}.zip") if p.exists()][:1]
    return [Store(part) for part in parts or [path]]


def _bases(store: Store) -> list[str]:
    """The folders in a store with ``JPEGImages/<video>/00000.jpg``; "" for the store itself."""
    # The pattern requires a frame, because archives made on macOS contain a parallel tree of other files.
    pattern = re.compile(rf"((?:.*/)?){_FRAMES}/[^/]+/\d+\.(?i:jpg|jpeg|png)")
    return sorted({match[1] for name in store.names() if (match := pattern.fullmatch(name))})
