"""Contract 1, the track: the video of one object.

On disk a track is one stored zip, so that it is one file for a network file system and can be opened
by any tool:

    meta.json             TrackMeta; "format": "tgvac-track-2"
    frames/00000.png      RGB at working resolution (PNG, or JPEG quality 95 without subsampling)
    masks/00000.png       0 or 255; may be absent for frames that carry no annotation

Members are numbered by position in the track; the source's own frame numbers stand in the meta.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.box import Box
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.images import decode_mask, decode_rgb, encode_jpeg, encode_mask, encode_png
from tgvac.errors import BadInput

TRACK_FORMAT = "tgvac-track-2"


class TrackMeta(BaseModel):
    """All of a track but its pixels.

    Attributes:
        track: the id ``<source>/<video>/<object>``, with '/' written '--' in file names.
        frame_numbers: the source's number of each frame.
        fps: frames a second of the source, 0 when unknown.
        captions: sentences given by the source, possibly none.
        geometry: a measurement a frame, where a mask exists; else None.
        annotated: for each frame, whether the source gives its mask.
        boxes: a box a frame, in pixels of the working resolution, None where the source says that the object is
            absent; empty where the source gives no boxes. Of a video with boxes in its first frame alone (a folder of
            videos), the first is the only one, and the later frames say nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["tgvac-track-2"] = "tgvac-track-2"
    track: str
    source: str
    video: str
    object: str
    category: str
    captions: tuple[str, ...]
    licence: str
    fps: float
    height: int
    width: int
    frame_numbers: tuple[int, ...]
    annotated: tuple[bool, ...]
    geometry: tuple[FrameGeometry | None, ...]
    boxes: tuple[Box | None, ...] = ()

    @model_validator(mode="after")
    def _boxes_are_all_or_none(self) -> Self:
        if self.boxes and len(self.boxes) != self.frames:
            raise ValueError(f"{len(self.boxes)} boxes for {self.frames} frames")
        return self

    @property
    def frames(self) -> int:
        return len(self.frame_numbers)

    @property
    def source_video(self) -> str:
        """The video whose footage this is: the unit of splits and of intervals."""
        return f"{self.source}/{self.video}"


class MasksMeta(BaseModel):
    """What a segmenter says of a track's masks, beside them in their zip: a verdict and a measurement a frame.

    Attributes:
        verdicts: a word a frame, of `tgvac.masks.verdicts`.
        iou_raw: overlap of what the segmenter had said with the true visible mask, in [0, 1], None where neither shows
            anything; empty where the source does not know the truth.
        iou_refined: likewise of the masks as they are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["tgvac-masks-2"] = "tgvac-masks-2"
    track: str
    segmenter: str
    verdicts: tuple[str, ...]
    geometry: tuple[FrameGeometry, ...]
    iou_raw: tuple[float | None, ...] = ()
    iou_refined: tuple[float | None, ...] = ()


def read_masks_meta(path: Path) -> MasksMeta:
    """The meta of a zip of masks."""
    with Store(path) as store:
        try:
            return MasksMeta.model_validate_json(store.read("masks.json"))
        except ValidationError as error:
            raise BadInput(
                f"{path}: masks.json is not as it should be ({error.errors()[0]['msg']}); remake it."
            ) from None


def file_stem(identifier: str) -> str:
    """A track, recipe or sample id as a file name."""
    return identifier.replace("/", "--")


def write_track(
    path: Path,
    meta: TrackMeta,
    pixels: Iterator[tuple[np.ndarray, np.ndarray | None]],
    codec: Literal["png", "jpeg"],
) -> None:
    """Write a track from a stream of ``(frame uint8 [H,W,3], mask uint8 [H,W] or None)``, a frame at a time."""
    encode = encode_png if codec == "png" else encode_jpeg
    suffix = "png" if codec == "png" else "jpg"
    count = 0
    with zip_writing(path) as sink:
        sink.add("meta.json", meta.model_dump_json(indent=1).encode())
        for i, (frame_HW3, mask_HW) in enumerate(pixels):
            if frame_HW3.shape != (meta.height, meta.width, 3):
                raise ValueError(
                    f"frame {i} of {meta.track} is {frame_HW3.shape}, the meta says {meta.height, meta.width}"
                )
            sink.add(f"frames/{i:05d}.{suffix}", encode(frame_HW3))
            if mask_HW is not None:
                if mask_HW.shape != frame_HW3.shape[:2]:
                    raise ValueError(f"mask {i} of {meta.track} is {mask_HW.shape}, its frame {frame_HW3.shape[:2]}")
                sink.add(f"masks/{i:05d}.png", encode_mask(mask_HW))
            count = i + 1
        if count != meta.frames:
            raise ValueError(f"{meta.track}: {count} frames were given, the meta says {meta.frames}")


class Track:
    """A track on disk, with random access; use as a context manager.

    Args:
        path: the track's zip.
        masks: a zip of refined masks (``masks/00000.png`` …) that replaces the track's own.
    """

    def __init__(self, path: Path, masks: Path | None = None) -> None:
        self._store = Store(path)
        self._masks = Store(masks) if masks else self._store
        self._frame_names = self._store.names("frames/")
        raw = self._store.read("meta.json")
        try:
            if json.loads(raw)["format"] != TRACK_FORMAT:
                raise KeyError
        except (ValueError, KeyError, TypeError):
            raise BadInput(
                f"{path} is not a track of format {TRACK_FORMAT}; remake it with `tgvac stage tracks`."
            ) from None
        try:
            self.meta = TrackMeta.model_validate_json(raw)
        except ValidationError as error:
            raise BadInput(
                f"{path}: meta.json does not hold a track ({error.errors()[0]['msg']}); remake it."
            ) from None

    def __enter__(self) -> Track:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._store.__exit__(kind, error, tb)
        self._masks.__exit__(kind, error, tb)

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        name = self._frame_names[i]
        return decode_rgb(self._store.read(name), self._store.describe(name))

    def has_mask(self, i: int) -> bool:
        return f"masks/{i:05d}.png" in self._masks

    def mask(self, i: int) -> np.ndarray:
        """Mask ``i``, ``uint8 [H,W]`` in {0, 255}."""
        name = f"masks/{i:05d}.png"
        mask_HW = decode_mask(self._masks.read(name), self._masks.describe(name))
        if mask_HW.shape != (self.meta.height, self.meta.width):
            raise BadInput(
                f"{self._masks.describe(name)} is {mask_HW.shape[1]}x{mask_HW.shape[0]}, its frame"
                f" {self.meta.width}x{self.meta.height}; remake the masks with `tgvac stage masks`."
            )
        return mask_HW

    def frames(self, indices: Sequence[int]) -> np.ndarray:
        """Several frames, ``uint8 [F,H,W,3]``."""
        return np.stack([self.frame(i) for i in indices])

    def masks(self, indices: Sequence[int]) -> np.ndarray:
        """Several masks, ``uint8 [F,H,W]``."""
        masks_FHW = np.empty((len(indices), self.meta.height, self.meta.width), np.uint8)
        for f, i in enumerate(indices):
            masks_FHW[f] = self.mask(i)
        return masks_FHW
