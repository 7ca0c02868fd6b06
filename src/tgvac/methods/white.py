"""Trivial baseline: a white picture and an empty mask, what each metric gives to a method that finds nothing."""

from __future__ import annotations

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.methods.contract import Complete, Setup, from_input


class White:
    """Completes to nothing at all; its consistency in time is perfect, which no method should be proud of."""

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """White, without an object.

        Args:
            frames_FHW3: the input video, ``uint8``; only its shape counts.
            visible_FHW: the visible mask, ``uint8`` in {0, 255}; likewise.
            text, seed: not used.
        """
        return Completion(np.full_like(frames_FHW3, 255), np.zeros_like(visible_FHW))


def load(setup: Setup) -> Complete:
    """The method; it has no params and no networks."""
    return from_input(White())
