"""Methods without weights, for completing a user's own video: they take what is hidden from what is seen elsewhere."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tgvac.clips.framing import FramingParams
from tgvac.complete.squares import Framed, Input, Squares
from tgvac.errors import BadInput
from tgvac.methods.contract import Complete, Setup
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import REGISTRY, method_of
from tgvac.params import Params
from tgvac.phases import block_names
from tgvac.sampling.kept import Kept

OURS = "ours"
PIX2GESTALT, PROGRESSIVE = "pix2gestalt", "progressive"
_SIDE = 512
"""Pixels of the squares; a larger object is reduced to it, and only what is hidden is taken from there."""


@dataclass(frozen=True)
class Plain:
    """A method of the registry on squares of ``_SIDE`` pixels; the whole video is in memory."""

    complete: Complete
    framing: FramingParams

    def squares(self, given: Input, text: str, seed: int, folder: Path) -> Squares:
        """As in :class:`tgvac.complete.squares.SquareCompleter`."""
        kept, frames, size = Kept(folder), len(given.frames_FSS3), self.framing.size
        rgb_FSS3 = kept.array("squares", (frames, size, size, 3), np.uint8)
        object_FSS = kept.array("objects", (frames, size, size), np.uint8)
        if kept.done("squares") < frames:
            # A method gets the input alone, never a clip, which would hold the truth.
            clip = SimpleNamespace(frames_FHW3=given.frames_FSS3[:], visible_FHW=given.visible_FSS[:])
            made = self.complete(clip, text, seed)  # type: ignore[arg-type]
            rgb_FSS3[:], object_FSS[:] = made.rgb_FHW3, made.amodal_FHW
            kept.finish("squares", frames)
        return Squares(Framed(rgb_FSS3.__getitem__, frames), Framed(object_FSS.__getitem__, frames))


def names() -> list[str]:
    """The methods that can complete a user's own video: ours, the baselines, and those without weights and truth."""
    return [
        OURS,
        PIX2GESTALT,
        PROGRESSIVE,
        *(
            name
            for name, method in REGISTRY.items()
            if method.given == "input" and not (method.networks or method.training_phases)
        ),
    ]


def load_plain(name: str, params: Params) -> Plain:
    """A method without weights.

    Raises:
        BadInput: when there is no such method, or it needs weights.
    """
    if name not in names()[3:]:
        raise BadInput(f"--method {name} cannot complete a video of yours; choose of {', '.join(names())}.")
    method = method_of(name)
    blocks = {key: getattr(params, key) for key in block_names(method.params)}
    load = importlib.import_module(method.module).load
    framing = params.framing.model_copy(update={"mode": "follow", "size": _SIDE})
    return Plain(load(Setup(MethodParams()), **blocks), framing)
