"""Contract 3, the completion: the output of every method, and its files.

    <sample>/rgba/00000.png      the whole object on white; alpha is the amodal mask
    <sample>/amodal/00000.png    the amodal mask, 0 or 255
    <sample>/completion.json     CompletionMeta
    draw-1/<sample>/...          a second completion of the sample, from another noise; and so on

The tree is the same inside ``shard-<i>.zip`` and unpacked in a folder. RGB is saved as the method painted it, also
outside of the mask, so that the alpha channel loses nothing of the raw picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.clips.archive import Store, ZipSink, zip_writing
from tgvac.clips.images import decode_mask, decode_rgba, encode_png
from tgvac.errors import BadInput

COMPLETION_FORMAT = "tgvac-completion-1"
_DRAW = re.compile(r"draw-\d+/")
"""The folder of further completions of all samples."""


class CompletionMeta(BaseModel):
    """The sample and the method of a completion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["tgvac-completion-1"] = "tgvac-completion-1"
    sample: str
    method: str
    variant: str
    mask_source: str
    train_seed: int
    sample_seed: int
    frames: int = Field(ge=1)
    height: int = Field(ge=1)
    width: int = Field(ge=1)


@dataclass(frozen=True)
class Completion:
    """The whole object, in the coordinates and the resolution of the input.

    Attributes:
        rgb_FHW3: the object on white, ``uint8``, as the method painted it.
        amodal_FHW: the amodal mask, ``uint8`` in {0, 255}.
    """

    rgb_FHW3: np.ndarray
    amodal_FHW: np.ndarray

    @property
    def rgba_FHW4(self) -> np.ndarray:
        """The object as a layer with straight alpha, ``uint8 [F,H,W,4]``."""
        return np.concatenate([self.rgb_FHW3, self.amodal_FHW[..., None]], axis=-1)

    def check(self, frames_FHW3: np.ndarray) -> None:
        """Check that the completion fits its input.

        Raises:
            ValueError: names the shapes that differ.
        """
        if self.rgb_FHW3.shape != frames_FHW3.shape or self.rgb_FHW3.dtype != np.uint8:
            raise ValueError(
                f"the completed RGB is {self.rgb_FHW3.dtype} {self.rgb_FHW3.shape}, not uint8 {frames_FHW3.shape} like"
                " the input"
            )
        if self.amodal_FHW.shape != frames_FHW3.shape[:3] or not np.isin(self.amodal_FHW, (0, 255)).all():
            raise ValueError(
                f"the amodal mask is {self.amodal_FHW.shape} or has values other than 0 and 255; the input is"
                f" {frames_FHW3.shape}"
            )


class Completer(Protocol):
    """The interface of every method: ours, ablations, baselines and trivial baselines."""

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Complete one object.

        Args:
            frames_FHW3: the input video, ``uint8``.
            visible_FHW: the visible mask, ``uint8`` in {0, 255}.
            text: the caption; "" for none.
            seed: seed of the sampling noise.
        """
        ...


def add_completion(sink: ZipSink, completion: Completion, meta: CompletionMeta, draw: int = 0) -> None:
    """Add one completion to an open zip, in the sample's folder, or in that of a further draw."""
    folder = _folder(meta.sample, draw)
    for i, rgba_HW4 in enumerate(completion.rgba_FHW4):
        sink.add(f"{folder}/rgba/{i:05d}.png", encode_png(rgba_HW4))
    for i, mask_HW in enumerate(completion.amodal_FHW):
        sink.add(f"{folder}/amodal/{i:05d}.png", encode_png(mask_HW))
    sink.add(f"{folder}/completion.json", meta.model_dump_json(indent=1).encode())


def write_completion(path: Path, draws: Iterable[Completion], meta: CompletionMeta) -> None:
    """Write the completions of one sample to a zip of their own, one after the other."""
    with zip_writing(path) as sink:
        for draw, completion in enumerate(draws):
            add_completion(sink, completion, meta, draw)


def _folder(sample: str, draw: int) -> str:
    return f"draw-{draw}/{sample}" if draw else sample


def join_completions(path: Path, parts: Iterator[Path]) -> None:
    """Join zips of completions into one shard, in the order of the parts; without parts, the shard is empty."""
    with zip_writing(path) as sink:
        for part in parts:
            with Store(part) as store:
                for name in store.names():
                    sink.add(name, store.read(name))


class Completions:
    """Reads completions by sample, from a shard zip or the same tree unpacked."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        suffix = "/completion.json"
        found = (n.removesuffix(suffix) for n in self.store.names() if n.endswith(suffix))
        self._samples = tuple(name for name in found if not _DRAW.match(name))

    def samples(self) -> tuple[str, ...]:
        return self._samples

    def draws(self, sample: str) -> Iterator[Completion]:
        """All completions of a sample, in order; at least one."""
        draw = 0
        while f"{_folder(sample, draw)}/completion.json" in self.store:
            yield self.read(sample, draw)
            draw += 1

    def meta(self, sample: str, draw: int = 0) -> CompletionMeta:
        name = f"{_folder(sample, draw)}/completion.json"
        try:
            return CompletionMeta.model_validate_json(self.store.read(name))
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"{self.store.describe(name)} has a wrong '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
                f" correct it to format {COMPLETION_FORMAT} (docs/formats.md)."
            ) from None

    def read(self, sample: str, draw: int = 0) -> Completion:
        """One completion.

        Raises:
            BadInput: when the number or the size of its images differs from its meta.
        """
        meta, folder = self.meta(sample, draw), _folder(sample, draw)
        rgb = self._images(meta, f"{folder}/rgba", decode_rgba)[..., :3]
        return Completion(rgb, self._images(meta, f"{folder}/amodal", decode_mask))

    def _images(self, meta: CompletionMeta, folder: str, decode: Callable[[bytes, str], np.ndarray]) -> np.ndarray:
        found = sum(name.endswith(".png") for name in self.store.names(f"{folder}/"))
        if found != meta.frames:
            raise BadInput(
                f"{self.store.describe(folder)} has {found} images, but its completion.json says {meta.frames} frames;"
                " make both agree."
            )
        images = []
        for i in range(meta.frames):
            name = f"{folder}/{i:05d}.png"
            image = decode(self.store.read(name), self.store.describe(name))
            if image.shape[:2] != (meta.height, meta.width):
                raise BadInput(
                    f"{self.store.describe(name)} is {image.shape[1]}x{image.shape[0]},"
                    f" but its completion.json says {meta.width}x{meta.height}; make both agree."
                )
            images.append(image)
        return np.stack(images)
