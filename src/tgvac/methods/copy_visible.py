"""Trivial baseline: the visible part on white, nothing added."""

from __future__ import annotations

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.methods.contract import Complete, Setup, from_input


class CopyVisible:
    """Completes nothing: what every method must improve on."""

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """The visible part on white, with the visible mask as amodal mask.

        Args:
            frames_FHW3: the input video, ``uint8``.
            visible_FHW: the visible mask, ``uint8`` in {0, 255}.
            text, seed: not used.
        """
        return Completion(on_white(frames_FHW3, visible_FHW), visible_FHW)


def load(setup: Setup) -> Complete:
    """The method; it has no params and no networks."""
    return from_input(CopyVisible())
