"""The clips of a data set that comes with the truth: a ``ClipSource`` for each layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.framed import FramedClip, Seen, frame_clip
from tgvac.clips.framing import FramingParams
from tgvac.clips.images import decode_indices, on_white
from tgvac.clips.mask_values import read_mask
from tgvac.clips.pictures import read_picture
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.external import movi_mc_ac, tabe51
from tgvac.external.sequences import Sequence
from tgvac.files import sha256

_OUTSIDE = 0.05
"""Share of what is seen that may lie outside of the whole mask: two renderings differ at edges. More is a mistake, such
as exchanged folders."""


@dataclass(frozen=True)
class Layout:
    """How a data set is laid out.

    Attributes:
        title: its name in tables.
        colours: whether it has the colours of whole objects.
        sequences: from its folder to its sequences by name, each opened when it is asked for.
        footage: from a sequence's name to what it has in common with others, the unit of confidence intervals.
    """

    title: str
    colours: bool
    sequences: Callable[[Path], Mapping[str, Callable[[], Sequence]]]
    footage: Callable[[str], str]


LAYOUTS: Mapping[str, Layout] = {
    "tabe51": Layout("TABE-51", False, tabe51.sequences, tabe51.footage),
    "movi_mc_ac": Layout("MOVi-MC-AC", True, movi_mc_ac.sequences, movi_mc_ac.footage),
}


@dataclass(frozen=True)
class Facts:
    """What a clip's files are, when all of them have been read."""

    frames: int
    height: int
    width: int


class ExternalClips:
    """The clips of a data set, ``<data set>/<sequence>``.

    Memory is bounded: one clip, or the frames that are asked for. A wrong sequence is found when it is read, and costs
    no other.

    Args:
        name: of the layout.
        folder: the data set.

    Raises:
        BadInput: when the folder does not exist, or has nothing in that layout.
    """

    def __init__(self, name: str, folder: Path) -> None:
        if not folder.is_dir():
            raise BadInput(f"{folder}, given as {LAYOUTS[name].title}, is no folder; give the folder of the data set.")
        self.name, self.folder, self.layout = name, folder, LAYOUTS[name]
        self._open = {f"{name}/{key}": make for key, make in self.layout.sequences(folder).items()}
        self._files = lru_cache(maxsize=4)(lambda sample: self._open[sample]())

    @property
    def colours(self) -> bool:
        """Whether the truth has the whole object's colours, and not its mask alone."""
        return self.layout.colours

    def samples(self) -> tuple[str, ...]:
        return tuple(sorted(self._open))

    def length(self, sample: str) -> int:
        return len(self._files(sample).frames)

    def video(self, sample: str) -> str:
        """What the sample's footage is of: the unit of confidence intervals."""
        return f"{self.name}/{self.layout.footage(sample.partition('/')[2])}"

    def digest(self, sample: str) -> str:
        """SHA-256 of all that is read of a sample.

        Raises:
            BadInput: when a file is missing.
        """
        found = hashlib.sha256()
        for path in self._files(sample).files():
            found.update(f"{path.parent.name}/{path.name}:{sha256(path)}\n".encode())
        return found.hexdigest()

    def examine(self, sample: str) -> Facts:
        """Read all files of a sample, frame by frame, and check that they are a clip.

        Raises:
            BadInput: names the file, or says that nothing is seen of the object, or that masks do not fit each other.
        """
        files = self._files(sample)
        size, seen, outside = (0, 0), 0, 0
        for i in range(len(files.frames)):
            frame_HW3, visible_HW, amodal_HW, _ = _read(files, i)
            if i and frame_HW3.shape[:2] != size:
                raise BadInput(
                    f"{files.frames[i]} is {_size(frame_HW3)}, but the first frame {size[1]}x{size[0]}; restore it."
                )
            size = (frame_HW3.shape[0], frame_HW3.shape[1])
            seen += int(np.count_nonzero(visible_HW))
            outside += int(np.count_nonzero(visible_HW & ~amodal_HW))
        if not seen:
            raise BadInput(
                f"{files.name}: nothing is seen of the object in any frame, so there is nothing to complete."
            )
        if outside > _OUTSIDE * seen:
            raise BadInput(
                f"{files.name}: {outside / seen:.0%} of what is seen lies outside of the whole object's masks; are the"
                " folders exchanged?"
            )
        return Facts(len(files.frames), *size)

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        """A clip, or only some of its frames.

        Pixels that are seen outside of the whole mask are not counted as seen. The occluder's mask only has the part in
        front of the object. Without colours of the whole object, ``whole_FHW3`` has the visible part on white.

        Raises:
            BadInput: when a file cannot be read, or has another size than its frame.
        """
        files = self._files(sample)
        at = range(len(files.frames)) if frames is None else list(frames)
        if bad := [i for i in at if not 0 <= i < len(files.frames)]:
            raise ValueError(
                f"frame {bad[0]} of {sample} was requested, but it has frames 0 to {len(files.frames) - 1}"
            )
        read = [_read(files, i) for i in at]
        frames_FHW3 = np.stack([frame_HW3 for frame_HW3, _, _, _ in read])
        amodal_FHW = np.stack([amodal_HW for _, _, amodal_HW, _ in read])
        visible_FHW = np.stack([visible_HW for _, visible_HW, _, _ in read]) & amodal_FHW
        colours = [whole_HW3 for _, _, _, whole_HW3 in read if whole_HW3 is not None]
        return Clip(
            sample=sample,
            video=self.video(sample),
            track=sample,
            frames_FHW3=frames_FHW3,
            visible_FHW=visible_FHW,
            whole_FHW3=on_white(np.stack(colours), amodal_FHW) if colours else on_white(frames_FHW3, visible_FHW),
            amodal_FHW=amodal_FHW,
            occluder_FHW=amodal_FHW & ~visible_FHW,
        )

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        """A clip, framed for a model."""
        return frame_clip(self.render(sample, frames), framing, seen)


def open_truth(given: str) -> ExternalClips:
    """A data set, from what a user writes: ``tabe51:FOLDER``.

    Raises:
        BadInput: when the layout is unknown, or the folder has nothing in it.
    """
    name, found, folder = given.partition(":")
    if not found or not folder:
        raise BadInput(f"'--truth {given}' is not LAYOUT:FOLDER; write, for instance, --truth tabe51:/data/TABE-51.")
    if name not in LAYOUTS:
        raise BadInput(f"'--truth {given}' has an unknown layout '{name}'; {nearest(name, list(LAYOUTS))}")
    return ExternalClips(name, Path(folder).expanduser())


def _read(files: Sequence, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """One frame: the input, what is seen, the whole mask, and the whole object's colours if the data set has them."""
    frame_HW3, _ = read_picture(_bytes(files.frames[i]), str(files.frames[i]))
    if files.visible_id is None:
        visible_HW, _ = read_mask(_bytes(files.visible[i]), str(files.visible[i]))
    else:
        ids_HW = decode_indices(_bytes(files.visible[i]), str(files.visible[i]))
        visible_HW = np.where(ids_HW == files.visible_id, 255, 0).astype(np.uint8)
    amodal_HW, _ = read_mask(_bytes(files.amodal[i]), str(files.amodal[i]))
    whole_HW3 = None
    if files.whole is not None:
        whole_HW3, _ = read_picture(_bytes(files.whole[i]), str(files.whole[i]))
    sized = ((files.visible, visible_HW), (files.amodal, amodal_HW), (files.whole, whole_HW3))
    for paths, image in sized:
        if paths is not None and image is not None and image.shape[:2] != frame_HW3.shape[:2]:
            raise BadInput(f"{paths[i]} is {_size(image)}, but its frame {_size(frame_HW3)}; restore it.")
    return frame_HW3, visible_HW, amodal_HW, whole_HW3


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); restore it.") from None
