"""The baseline ProgressiveAmodal on a user's own video: frame by frame, with the occluders that the user marks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tgvac.clips.framing import FramingParams
from tgvac.complete.squares import Framed, Input, Squares
from tgvac.errors import BadInput
from tgvac.masks.runtime import Runtime
from tgvac.models.backbones import Backbones, load_backbones
from tgvac.params import Params
from tgvac.progress import Progress
from tgvac.progressive.building import build
from tgvac.progressive.completer import ProgressiveAmodal
from tgvac.progressive.networks import Inpainter, checked, load_network, whole_model
from tgvac.progressive.occluders import without_truth
from tgvac.progressive.params import ProgressiveParams
from tgvac.sampling.kept import Kept
from tgvac.sampling.params import SamplerParams

VARIANT = "progressive/oracle"
"""The method whose steps and guidance are the default."""
_STANDIN = "inpaint9"
_TIMES = 2
"""Sides of a painted square to a side of the video's square: the object is about half of that, and is not reduced."""


@dataclass(frozen=True)
class Painting:
    """The baseline on squares that follow the object; each frame is kept when it is done."""

    completer: ProgressiveAmodal
    framing: FramingParams

    @property
    def backbones(self) -> Backbones:
        return self.completer.painter.backbones

    def guides(self, text: str) -> bool:
        """Whether the network is guided: by the text alone."""
        return bool(text)

    def squares(self, given: Input, text: str, seed: int, folder: Path) -> Squares:
        """As in :class:`tgvac.complete.squares.SquareCompleter`.

        Without marked occluders, what is near the object and not of the background's colours is one.
        """
        kept, frames, size = Kept(folder), len(given.frames_FSS3), self.framing.size
        rgb_FSS3 = kept.array("squares", (frames, size, size, 3), np.uint8)
        object_FSS = kept.array("objects", (frames, size, size), np.uint8)
        around, batch = without_truth(self.completer.params, "around"), self.completer.params.batch
        with Progress("completing (frames)", frames, start=kept.done("squares")) as progress:
            for start in range(kept.done("squares"), frames, batch):
                part = slice(start, min(frames, start + batch))
                frames_FSS3, visible_FSS = given.frames_FSS3[part], given.visible_FSS[part]
                outside_FSS = None if given.outside_FSS is None else given.outside_FSS[part]
                if given.occluder_FSS is None:
                    occluder_FSS = around(frames_FSS3, visible_FSS)
                else:
                    occluder_FSS = given.occluder_FSS[part]
                made = self.completer.complete(
                    frames_FSS3, visible_FSS, occluder_FSS, text, seed, outside_FSS, first=start
                )
                rgb_FSS3[part], object_FSS[part] = made.rgb_FHW3, made.amodal_FHW
                kept.finish("squares", part.stop)
                progress.step("", part.stop - start)
        return Squares(Framed(rgb_FSS3.__getitem__, frames), Framed(object_FSS.__getitem__, frames))


def load_painting(root: Path, params: Params, model: str, sampler: SamplerParams, device: torch.device) -> Painting:
    """The baseline, which finds the whole object without weights.

    Args:
        params: for the shipped network, or for a model of its own.
        model: a whole inpainting model in diffusers' layout, a folder or a hub's name; "" for the shipped network.

    Raises:
        BadInput: when it cannot be loaded.
    """
    block = params.progressive.model_copy(update={"amodal": "grabcut"})
    inpainter = _given(model, block, device) if model else _shipped(root, params, device)
    runtime = Runtime(root, device.type)
    completer = build(inpainter, sampler, block, params.masks, params.compute.vae_batch, runtime, device)
    return Painting(completer, params.framing.model_copy(update={"mode": "follow", "size": _TIMES * block.size}))


def _given(model: str, block: ProgressiveParams, device: torch.device) -> Inpainter:
    return whole_model(model, block, Path.cwd(), device, f"--model {model}")


def _shipped(root: Path, params: Params, device: torch.device) -> Inpainter:
    folder = root / params.backbones.shipped
    if not (folder / "index.json").is_file():
        raise BadInput(f"{folder} has no shipped model; run this in the project's folder, or give --model FOLDER.")
    found = Inpainter(load_network(folder, _STANDIN, device), load_backbones(folder, device), params.diffusion)
    return checked(found, params.progressive, _STANDIN)
