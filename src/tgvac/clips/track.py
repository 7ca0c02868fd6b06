"""Contract 1, the track: the video of one object.

On disk a track is one stored zip, so that it is a single file on a network file system and any tool can open it:

    meta.json             TrackMeta; "format": "tgvac-track-2"
    frames/00000.png      RGB at working resolution (PNG, or JPEG quality 95 without subsampling)
    masks/00000.png       0 or 255; missing for frames without an annotation

Members are numbered by position in the track; the source's frame numbers are in the meta.
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
    """Everything about a track except its pixels.

    Attributes:
        track: the id ``<source>/<video>/<object>``, with '/' written '--' in file names.
        frame_numbers: the source's number of each frame.
        fps: the source's frames per second, 0 if unknown.
        captions: captions from the source, possibly none.
        geometry: one measurement per frame; None if the frame has no mask.
        annotated: for each frame, whether the source gives its mask.
        boxes: one box per frame, in pixels of the working resolution; None if the source says that the object is
            absent. Empty if the source gives no boxes. A video of a video folder may only have a box in its first
            frame; then the None of later frames has no meaning.
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
        """The video that the frames come from: the unit of splits and of confidence intervals."""
        return f"{self.source}/{self.video}"


class MasksMeta(BaseModel):
    """Information on the masks of a track, in the same zip: a verdict and a measurement for each frame.

    Attributes:
        verdicts: one verdict per frame (`tgvac.masks.verdicts`).
        iou_raw: IoU of the segmenter's masks with the true visible masks, in [0, 1]; None if both are empty. The tuple
            is empty if the source has no ground truth.
        iou_refined: the same for the final, refined masks.
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
                f"{path}: masks.json is invalid ({error.errors()[0]['msg']}); run `tgvac stage masks` again."
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
    """Write a track frame by frame, from a stream of ``(frame uint8 [H,W,3], mask uint8 [H,W] or None)``."""
    encode = encode_png if codec == "png" else encode_jpeg
    suffix = "png" if codec == "png" else "jpg"
    count = 0
    with zip_writing(path) as sink:
        sink.add("meta.json", meta.model_dump_json(indent=1).encode())
        for i, (frame_HW3, mask_HW) in enumerate(pixels):
            if frame_HW3.shape != (meta.height, meta.width, 3):
                raise ValueError(
                    f"frame {i} of {meta.track} is {frame_HW3.shape}, but the meta says {meta.height, meta.width}"
                )
            sink.add(f"frames/{i:05d}.{suffix}", encode(frame_HW3))
            if mask_HW is not None:
                if mask_HW.shape != frame_HW3.shape[:2]:
                    raise ValueError(
                        f"mask {i} of {meta.track} is {mask_HW.shape}, but its frame is {frame_HW3.shape[:2]}"
                    )
                sink.add(f"masks/{i:05d}.png", encode_mask(mask_HW))
            count = i + 1
        if count != meta.frames:
            raise ValueError(f"{meta.track}: {count} frames were given, but the meta says {meta.frames}")


class Track:
    """A track on disk, with random access; use it as a context manager.

    Args:
        path: the track's zip.
        masks: a zip of refined masks (``masks/00000.png`` …) to use instead of the track's own.
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
            raise BadInput(f"{path} is not a track of format {TRACK_FORMAT}; run `tgvac stage tracks` again.") from None
        try:
            self.meta = TrackMeta.model_validate_json(raw)
        except ValidationError as error:
            raise BadInput(
                f"{path}: meta.json is invalid ({error.errors()[0]['msg']}); run `tgvac stage tracks` again."
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
                f"{self._masks.describe(name)} is {mask_HW.shape[1]}x{mask_HW.shape[0]}, but its frame is"
                f" {self.meta.width}x{self.meta.height}; run `tgvac stage masks` again."
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
