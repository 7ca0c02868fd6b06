"""The videos that visitors have opened: each has a folder of its own, named by the digest of its bytes.

<work>/<digest>/video.mp4        the upload; a video that was given by its path stays where it is
<work>/<digest>/frames.zip       its frames at the size in which the page shows them
<work>/<digest>/video.json       what is known of it
<work>/<digest>/painted/         painted masks
<work>/<digest>/result/          what ``tgvac complete`` writes
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tgvac.app.drawing import shown_size
from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.images import decode_rgb, encode_jpeg, encode_mask, resize_mask, resize_rgb
from tgvac.complete.kept import contents
from tgvac.config import Record, digest, parse
from tgvac.errors import BadInput
from tgvac.files import write_json, writing
from tgvac.progress import with_progress
from tgvac.sources.frames import SameSize, open_frames

_FRAMES, _RECORD = "frames.zip", "video.json"


class Known(Record):
    """What is known of a video.

    Attributes:
        name: as the visitor knows it.
        file: the video, or the folder of its frames.
        count: frames.
        height, width: pixels.
        said: sentences on how it was read.
    """

    name: str
    file: str
    count: int
    height: int
    width: int
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Video:
    """An opened video."""

    folder: Path
    known: Known

    @cached_property
    def _shown(self) -> Store:
        return Store(self.folder / _FRAMES)

    @property
    def result(self) -> Path:
        """The folder of its results."""
        return self.folder / "result"

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i`` at the size in which the page shows it, ``uint8 [H,W,3]``."""
        name = f"{i:05d}.jpg"
        return decode_rgb(self._shown.read(name), self._shown.describe(name))

    def keep_mask(self, mask_HW: np.ndarray) -> Path:
        """Keep a painted mask ``uint8 [H,W]`` in {0, 255} of any size, at the video's size; returns its file."""
        data = encode_mask(resize_mask(mask_HW, self.known.height, self.known.width))
        path = self.folder / "painted" / f"{digest(data.hex())[:16]}.png"
        with writing(path) as part:
            part.write_bytes(data)
        return path


@dataclass(frozen=True)
class Videos:
    """The work folder."""

    folder: Path

    def take(self, upload: Path, name: str) -> Video:
        """Open an uploaded file.

        Args:
            upload: where it was uploaded to; it may be deleted afterwards.
            name: of the visitor's own file.

        Raises:
            BadInput: when it is no video that can be decoded to its end.
        """
        folder = self._folder_of(upload)
        suffix = upload.suffix.lower() if re.fullmatch(r"\.[a-z0-9]{1,5}", upload.suffix.lower()) else ""
        file = folder / f"video{suffix}"
        if not file.is_file():
            _link(upload, file)
        try:
            return _opened(folder, file, name)
        except BadInput as error:
            if not (folder / _RECORD).is_file():
                shutil.rmtree(folder)
            raise BadInput(str(error).replace(str(file), name)) from None

    def visit(self, path: Path) -> Video:
        """Open a video or a folder of frames that is on this machine, where it is.

        Raises:
            BadInput: when there is none.
        """
        # Refuses what does not exist or is no video, before it is read through for its digest.
        open_frames(path)
        return _opened(self._folder_of(path), path, path.name)

    def _folder_of(self, path: Path) -> Path:
        # A folder's file names decide the order of its frames; those of a single file do not matter.
        found = contents(path) if path.is_dir() else [each[1] for each in contents(path)]
        folder = self.folder / digest(found)[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _link(source: Path, target: Path) -> None:
    """The file under another name, without a second copy where the file system can."""
    with writing(target) as part:
        part.unlink(missing_ok=True)
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)


def _opened(folder: Path, file: Path, name: str) -> Video:
    record = folder / _RECORD
    if record.is_file() and (folder / _FRAMES).is_file():
        known = parse(Known, json.loads(record.read_text(encoding="utf-8")), str(record))
        if known.file == str(file):
            return Video(folder, known.model_copy(update={"name": name}))
    frames = SameSize(open_frames(file), name)
    facts = frames.examine()
    height, width = frames.frame(0).shape[:2]
    with zip_writing(folder / _FRAMES) as sink:
        for i in with_progress(range(facts.count), "opening", facts.count):
            shown_HW3 = resize_rgb(frames.frame(i), *shown_size(height, width))
            sink.add(f"{i:05d}.jpg", encode_jpeg(shown_HW3))
    known = Known(name=name, file=str(file), count=facts.count, height=height, width=width, said=facts.said)
    write_json(record, known.model_dump(mode="json"))
    return Video(folder, known)
