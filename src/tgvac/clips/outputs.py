"""Completions that another program made, as plain pictures by sample.

    <sample>/rgba/00000.png   and completion.json    contract 3 (``clips/completion.py``); amodal/ in place of the alpha
    <sample>/00000.png        or <sample>/rgba/      pictures with transparency: alpha is the amodal mask
    <sample>/rgb/00000.png    <sample>/amodal/       pictures, and masks in any form of ``clips/mask_values.py``

A sample's folder is its id, or its id with '/' written '--'; not both. Pictures are numbered from 0. Colours of
contract 3 are taken as they are; all others are laid on white by their mask, because that is what scores compare.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Collection
from itertools import chain, count
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from tgvac.clips.completion import _DRAW, Completion, Completions
from tgvac.clips.export_record import EXPORT_FILE, ExportRecord, parse_export
from tgvac.clips.images import decode_rgba
from tgvac.clips.mask_values import HALF, read_mask
from tgvac.clips.pictures import SUFFIXES, UNREADABLE, read_picture
from tgvac.clips.track import file_stem
from tgvac.config import nearest
from tgvac.errors import BadInput

_PARTS = ("rgba", "rgb", "amodal")
_META = "completion.json"
_GIVEN = {"frames", "visible"}
"""Folders of a sample in an export of inputs."""
_FORMS = ({"rgba"}, {"rgba", "amodal"}, {"rgb", "amodal"}, {""})
_DIGITS = 18
"""Digits that a frame's number may have, zeros in front of it among them."""


class Outputs:
    """The completions in a folder, or in a zip of the same files.

    Raises:
        BadInput: when there is no such folder, it has no picture, or it is an export, of which outputs are made.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise BadInput(f"{path} does not exist; give the folder of the outputs, or a zip of it.")
        self.path, self._own = path, Completions(path)
        self._store = self._own.store
        self._pictures: dict[str, dict[str, list[str]]] = {}
        """Names of pictures by the sample's folder and the part, "" for pictures that are in the folder itself."""
        for name in self._store.names():
            file = PurePosixPath(name)
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and not _DRAW.match(name):
                apart = file.parent.name in _PARTS
                folder = (file.parent.parent if apart else file.parent).as_posix()
                self._pictures.setdefault(folder, {}).setdefault(file.parent.name if apart else "", []).append(name)
        if not self._pictures:
            raise BadInput(f"{path} has no pictures; give a folder with <sample>/00000.png, … (docs/evaluate.md).")
        if EXPORT_FILE in self._store and {PurePosixPath(name).name for name in self._pictures} == _GIVEN:
            raise BadInput(
                f"{path} is an export, which methods are given; give the folder of what a method made of it"
                " (docs/evaluate.md)."
            )

    def folder(self, sample: str) -> str | None:
        """The folder of a sample; None if it has no pictures."""
        return next(iter(self._folders(sample)), None)

    def _folders(self, sample: str) -> list[str]:
        """The folders with pictures under a name that the sample may have; :meth:`read` refuses two."""
        return [name for name in dict.fromkeys((sample, file_stem(sample))) if name in self._pictures]

    def record(self) -> ExportRecord:
        """The record of the export that they were made of, which is among them.

        Raises:
            BadInput: when it is missing, damaged, or of an earlier format.
        """
        if EXPORT_FILE not in self._store:
            raise BadInput(
                f"{self.path} has no {EXPORT_FILE}, which says of which clips the outputs were made; copy it from the"
                " folder that `tgvac export` wrote, or name that folder by --inputs of `tgvac evaluate`."
            )
        return parse_export(self._store.read(EXPORT_FILE), f"{EXPORT_FILE} of {self.path}")

    def unknown(self, samples: Collection[str]) -> dict[str, str]:
        """The folders of pictures that are no sample's, each with a sentence that names the nearest sample."""
        mine = {name for sample in samples for name in (sample, file_stem(sample))}
        stems = sorted(map(file_stem, samples))
        return {
            name: f"{name} is no sample; {nearest(file_stem(name), stems, stems[:3])}"
            for name in sorted(self._pictures)
            if name not in mine
        }

    def digest(self, sample: str) -> str:
        """SHA-256 of all that is read of a sample; "" if it has no pictures.

        Of a file that cannot be read, what is wrong is digested, so that :meth:`read` refuses that sample alone.
        """
        if not (folders := self._folders(sample)):
            return ""
        found = hashlib.sha256()
        files = chain(*(chain(*self._pictures[folder].values(), self._meta(folder)) for folder in folders))
        for name in sorted(files):
            try:
                content = hashlib.sha256(self._store.read(name)).hexdigest()
            except BadInput as error:
                content = str(error)
            found.update(f"{name}:{content}\n".encode())
        return found.hexdigest()

    def read(self, sample: str, frames: int, most: int, height: int, width: int) -> Completion:
        """The completion of a sample.

        Args:
            frames: how many of the first frames are wanted.
            most: how many frames the sample has; either so many pictures are there, or as many as are wanted.
            height, width: of the input, which the completion must have.

        Raises:
            BadInput: when the sample, a picture or a mask is missing, of another size, or not readable.
        """
        folders = self._folders(sample)
        if not folders:
            raise BadInput(f"{self.path} has no pictures of '{sample}'; complete that sample, too.")
        if len(folders) > 1:
            raise BadInput(
                f"{self.path} has '{sample}' twice, in {folders[0]}/ and in {folders[1]}/; keep one of them."
            )
        folder = folders[0]
        parts = self._pictures[folder]
        self._check_form(folder, set(parts))
        own, size = self._check_own(folder, sample, height, width), (height, width)
        mask_FHW = self._masks(parts["amodal"], frames, most, size) if "amodal" in parts else None
        if mask_FHW is not None and "rgb" in parts:
            rgb_FHW3 = np.stack([self._rgb(name, size) for name in self._numbered(parts["rgb"], frames, most)])
            return Completion(_laid(rgb_FHW3, mask_FHW), mask_FHW)
        names = self._numbered(parts["rgba" if "rgba" in parts else ""], frames, most)
        rgba_FHW4 = np.stack([self._rgba(name, size) for name in names])
        rgb_FHW3, alpha_FHW = rgba_FHW4[..., :3], rgba_FHW4[..., 3]
        if mask_FHW is None:
            mask_FHW = np.where(alpha_FHW >= HALF, np.uint8(255), np.uint8(0))
        else:
            alpha_FHW = mask_FHW
        # The project's own files keep what the method painted outside of its mask.
        return Completion(rgb_FHW3 if own else _laid(rgb_FHW3, alpha_FHW), mask_FHW)

    def _check_form(self, folder: str, parts: set[str]) -> None:
        where = self._store.describe(folder)
        if parts in _FORMS:
            return
        if parts == {"amodal"}:
            raise BadInput(f"{where} has masks, but no pictures; add them as {folder}/rgb/00000.png, …")
        if parts == {"rgb"}:
            raise BadInput(f"{where} has rgb/ but no amodal/; add the masks of the whole object.")
        found = [f"{part}/" if part else "the folder itself" for part in sorted(parts)]
        raise BadInput(
            f"{where} has pictures of several forms, in {' and '.join(found)}; keep one of them: pictures with"
            " transparency, rgb/ and amodal/, or rgba/ and amodal/."
        )

    def _check_own(self, folder: str, sample: str, height: int, width: int) -> bool:
        """Whether a sample is in the project's own form, by a ``completion.json`` that fits its pictures."""
        if not self._meta(folder):
            return False
        where = self._store.describe(f"{folder}/{_META}")
        pictures = self._pictures[folder].get("rgba", [])
        if not pictures:
            raise BadInput(f"{where} describes rgba/, which is not there; remove it, or give the pictures as rgba/.")
        meta = self._own.meta(folder)
        for said, right, found in (
            (f"sample '{meta.sample}'", meta.sample == sample, f"the folder is of '{sample}'"),
            (f"{meta.frames} frames", meta.frames == len(pictures), f"rgba/ has {_count(len(pictures))}"),
            (
                f"{meta.width}x{meta.height} pixels",
                (meta.height, meta.width) == (height, width),
                f"the input has {width}x{height}",
            ),
        ):
            if not right:
                raise BadInput(f"{where} says {said}, but {found}; make both agree, or remove the file.")
        return True

    def _meta(self, folder: str) -> list[str]:
        return [name for name in (f"{folder}/{_META}",) if name in self._store]

    def _numbered(self, names: list[str], frames: int, most: int) -> list[str]:
        """The pictures of the first frames, in order."""
        by_number: dict[int, str] = {}
        where = self._store.describe(str(PurePosixPath(names[0]).parent))
        for name in names:
            found = re.search(r"(\d+)\D*$", PurePosixPath(name).stem)
            if found is None or len(found[1]) > _DIGITS:
                raise BadInput(
                    f"{self._store.describe(name)} has no number of a frame; name pictures 00000.png, 00001.png, …"
                )
            if int(found[1]) in by_number:
                raise BadInput(f"{where} has two pictures of number {int(found[1])}; keep one a frame.")
            by_number[int(found[1])] = name
        # Names may be times, so numbers are not counted up to the largest.
        if (missing := next(i for i in count() if i not in by_number)) < len(by_number):
            raise BadInput(f"{where} has no picture of number {missing}; number them from 0, without gaps.")
        if len(by_number) not in (frames, most):
            wanted = f"{frames} frames" if frames == most else f"{most} frames, of which {frames} are evaluated"
            raise BadInput(f"{where} has {_count(len(by_number))}, the sample {wanted}; give one a frame.")
        return [by_number[i] for i in range(frames)]

    def _masks(self, names: list[str], frames: int, most: int, size: tuple[int, int]) -> np.ndarray:
        found = []
        for name in self._numbered(names, frames, most):
            mask_HW, _ = read_mask(self._store.read(name), self._store.describe(name))
            self._check_size(name, mask_HW, size)
            found.append(mask_HW)
        return np.stack(found)

    def _rgb(self, name: str, size: tuple[int, int]) -> np.ndarray:
        rgb_HW3, _ = read_picture(self._store.read(name), self._store.describe(name))
        self._check_size(name, rgb_HW3, size)
        return rgb_HW3

    def _rgba(self, name: str, size: tuple[int, int]) -> np.ndarray:
        data, where = self._store.read(name), self._store.describe(name)
        if not _has_alpha(data):
            # Reading it as a picture says why it is not readable at all.
            read_picture(data, where)
            raise BadInput(f"{where} has no transparency; save RGBA, or give <sample>/rgb/ and <sample>/amodal/.")
        rgba_HW4 = decode_rgba(data, where)
        self._check_size(name, rgba_HW4, size)
        return rgba_HW4

    def _check_size(self, name: str, image: np.ndarray, size: tuple[int, int]) -> None:
        if image.shape[:2] != size:
            raise BadInput(
                f"{self._store.describe(name)} is {image.shape[1]}x{image.shape[0]}, its input {size[1]}x{size[0]};"
                " give completions in the input's own resolution."
            )


def _has_alpha(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return "A" in image.getbands() or "transparency" in image.info
    except UNREADABLE:
        return False


def _laid(rgb_FHW3: np.ndarray, alpha_FHW: np.ndarray) -> np.ndarray:
    """Colours on white by straight alpha, ``uint8 [F,H,W,3]``."""
    laid_FHW3 = np.empty(rgb_FHW3.shape, np.uint8)
    # Frame by frame, because floats of a long video in full resolution would take gigabytes.
    for laid_HW3, rgb_HW3, alpha_HW in zip(laid_FHW3, rgb_FHW3, alpha_FHW, strict=True):
        share_HW1 = alpha_HW[..., None].astype(np.float32) / 255
        laid_HW3[:] = (rgb_HW3 * share_HW1 + 255 * (1 - share_HW1)).round()
    return laid_FHW3


def _count(number: int) -> str:
    return f"{number} picture" if number == 1 else f"{number} pictures"
