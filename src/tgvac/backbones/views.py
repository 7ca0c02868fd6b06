"""A pool of single framed images, rendered once, that the stand-ins are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tgvac.clips.captions import Caption
from tgvac.clips.framed import ClipSource
from tgvac.clips.framing import FramingParams
from tgvac.latents.encoding import follows_masks
from tgvac.models.latents import mask_to_tensor, to_tensor
from tgvac.progress import with_progress
from tgvac.seeds import rng

# Shapes: P pictures of the pool, B of a batch, S the model's square.


@dataclass(frozen=True)
class Views:
    """Framed images ``uint8 [P,S,S,3]`` and masks ``uint8 [P,S,S]``, with their sentences."""

    frames_PSS3: np.ndarray
    masks_PSS: np.ndarray
    wholes_PSS3: np.ndarray
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def draw(self, count: int, *names: str | int) -> list[int]:
        """Indices into the pool, drawn by name, each equally likely."""
        return [int(i) for i in rng("views", *names).integers(len(self), size=count)]

    def frames(self, at: Sequence[int]) -> torch.Tensor:
        """Input frames, ``float32 [B,3,S,S]`` in [-1, 1]."""
        return to_tensor(self.frames_PSS3[list(at)])

    def masks(self, at: Sequence[int]) -> torch.Tensor:
        """Visible masks as images, ``float32 [B,3,S,S]`` in [-1, 1]."""
        return mask_to_tensor(self.masks_PSS[list(at)])

    def wholes(self, at: Sequence[int]) -> torch.Tensor:
        """Whole objects on white, ``float32 [B,3,S,S]`` in [-1, 1]."""
        return to_tensor(self.wholes_PSS3[list(at)])


def render_views(
    sources: Sequence[ClipSource], framing: FramingParams, captions: dict[str, Caption], count: int, label: str
) -> Views:
    """Render a pool. Each view is drawn by its number: sources equally likely, then clips, then frames.

    Args:
        sources: synthesised clips, pairs of images, or both; a clip without a caption has an empty text.
        count: number of views.
        label: for progress.
    """
    samples = [source.samples() for source in sources]
    drawn = [rng("view", i) for i in range(count)]
    which = [int(draw.integers(len(sources))) for draw in drawn]
    chosen = [samples[k][int(draw.integers(len(samples[k])))] for k, draw in zip(which, drawn, strict=True)]
    at = [int(d.integers(sources[k].length(c))) for d, k, c in zip(drawn, which, chosen, strict=True)]
    size = framing.size
    frames, wholes = (np.empty((count, size, size, 3), np.uint8) for _ in range(2))
    masks, texts = np.empty((count, size, size), np.uint8), [""] * count
    # In the order of clips, so that each track is opened once; the pool stays in the order of the numbers.
    for i in with_progress(sorted(range(count), key=lambda i: (which[i], chosen[i], at[i], i)), label, count):
        # A window that follows the masks depends on the whole clip, as in training.
        wanted, k = (None, at[i]) if follows_masks(framing) else ([at[i]], 0)
        clip = sources[which[i]].framed(chosen[i], framing, wanted)
        frames[i], wholes[i], masks[i] = clip.frames_FSS3[k], clip.whole_FSS3[k], clip.visible_FSS[k]
        texts[i] = captions[clip.track].text if clip.track in captions else ""
    return Views(frames, masks, wholes, tuple(texts))
