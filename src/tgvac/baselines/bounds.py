"""Floors and ceilings: what costs nothing, and what nothing in the latents can surpass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tgvac.clip.completion import Completion
from tgvac.clip.framing import FramingParams, frame_video, unframe_rgb, windows_of
from tgvac.clip.images import on_white
from tgvac.completion.amodal import not_white


class CopyVisible:
    """A floor: the visible part on white, nothing added."""

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        return Completion(on_white(frames_FHW3, visible_FHW), visible_FHW)


@dataclass(frozen=True)
class AutoencoderCeiling:
    """A ceiling: the truth, framed, through the autoencoder and back.

    It is no completer, since it is given what a completer must find.
    """

    vae: Any
    framing: FramingParams
    batch: int
    white_threshold: int

    def reconstruct(self, whole_FHW3: np.ndarray, visible_FHW: np.ndarray) -> Completion:
        """The truth as the autoencoder gives it back, in the framing of ours, its mask found by the rule of ours."""
        from tgvac.models.latents import round_trip

        windows = windows_of(self.framing, visible_FHW)
        squares = round_trip(self.vae, frame_video(self.framing, whole_FHW3, windows, 255), self.batch)
        height, width = whole_FHW3.shape[1:3]
        rgb = np.stack([unframe_rgb(s, w, height, width, fill=255) for s, w in zip(squares, windows, strict=True)])
        return Completion(rgb, not_white(rgb, self.white_threshold))
