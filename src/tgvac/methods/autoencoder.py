"""The ceiling: the truth through the autoencoder and back, which bounds what latents can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.framing import FramingParams, frame_video, unframe_rgb, windows_of
from tgvac.clips.images import not_white
from tgvac.methods.contract import Complete, Setup
from tgvac.methods.params import CompletionParams
from tgvac.models.params import ComputeParams


@dataclass(frozen=True)
class AutoencoderCeiling:
    """The truth, framed, encoded and decoded.

    It is no completer, since it is given what a completer must find.
    """

    vae: Any
    framing: FramingParams
    batch: int
    white_threshold: int

    def reconstruct(self, whole_FHW3: np.ndarray, visible_FHW: np.ndarray) -> Completion:
        """The truth as the autoencoder returns it, framed as ours is, its mask found by the same rule."""
        from tgvac.models.latents import round_trip

        windows = windows_of(self.framing, visible_FHW)
        squares = round_trip(self.vae, frame_video(self.framing, whole_FHW3, windows, 255), self.batch)
        height, width = whole_FHW3.shape[1:3]
        rgb = np.stack([unframe_rgb(s, w, height, width, fill=255) for s, w in zip(squares, windows, strict=True)])
        return Completion(rgb, not_white(rgb, self.white_threshold))


def load(setup: Setup, *, framing: FramingParams, completion: CompletionParams, compute: ComputeParams) -> Complete:
    """The ceiling, its autoencoder loaded."""
    from tgvac.devices import device_of, pin
    from tgvac.models.backbones import load_vae
    from tgvac.models.runtime import quiet

    assert setup.backbones is not None
    pin(compute.threads)
    quiet()
    vae = load_vae(setup.backbones, device_of(setup.device, compute.tf32))
    ceiling = AutoencoderCeiling(vae, framing, compute.vae_batch, completion.white_threshold)
    return lambda clip, text, seed: ceiling.reconstruct(clip.whole_FHW3, clip.visible_FHW)
