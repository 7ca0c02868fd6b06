"""From clips to the latents that training reads: one way, whether they are cached or made while training.

A clip is encoded in chunks of the autoencoder's batch, counted from its first frame, and a bucket of pairs in chunks of
as many pairs: whoever encodes a chunk by itself gets the bits that it has in the whole.

Where masks are augmented, a clip has several draws. A draw has masks of its own; its frames and target are those of
draw 0, unless the window that is looked at follows the masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from tgvac.clips.framed import ClipSource
from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import PairClips
from tgvac.latents.mask_noise import noisy_masks
from tgvac.latents.params import MaskNoiseParams
from tgvac.models.latents import encode_conditions, encode_mode, encode_moments, mask_to_tensor, to_tensor

Latents = dict[str, torch.Tensor]
"""``target_mean``, ``target_std``, ``frame``, ``mask``, and those of further draws as :func:`drawn` names them; each
``float32 [F,c,h,w]`` on the CPU, not scaled."""


@dataclass(frozen=True)
class Framed:
    """Pictures as the autoencoder is given them, ``uint8 [F,S,S,3]``; masks ``uint8 [F,S,S]`` in {0, 255}."""

    frames_FSS3: np.ndarray
    masks_FSS: np.ndarray
    wholes_FSS3: np.ndarray

    def part(self, first: int, stop: int) -> Framed:
        """Some of the frames."""
        return Framed(self.frames_FSS3[first:stop], self.masks_FSS[first:stop], self.wholes_FSS3[first:stop])


def drawn(what: str, draw: int) -> str:
    """The name of a draw's latents; the first draw has none of its own."""
    return f"{what}|{draw}" if draw else what


def follows_masks(framing: FramingParams) -> bool:
    """Whether a frame's window depends on the masks of its whole clip; else on the frame's size alone."""
    return framing.mode != "frame"


def framed(
    source: ClipSource,
    samples: Iterable[str],
    framing: FramingParams,
    noise: MaskNoiseParams | None,
    draw: int = 0,
    frames: Sequence[int] | None = None,
) -> Framed:
    """Clips framed by their visible masks, one after the other; masks as they are, or with the faults of a draw.

    Args:
        frames: which of each clip; None for all.
    """
    clips = []
    for sample in samples:
        seen = None if noise is None else partial(noisy_masks, noise, sample, draw=draw)
        clips.append(source.framed(sample, framing, frames, seen))
    return Framed(
        np.concatenate([clip.frames_FSS3 for clip in clips]),
        np.concatenate([clip.visible_FSS for clip in clips]),
        np.concatenate([clip.whole_FSS3 for clip in clips]),
    )


def encode_framed(vae: Any, given: Framed, batch: int) -> Latents:
    """All latents of framed pictures: the target's distribution, and the conditions' mode."""
    mean, deviation = encode_moments(vae, to_tensor(given.wholes_FSS3), batch)
    frame, mask = encode_conditions(vae, given.frames_FSS3, given.masks_FSS, batch)
    return {"target_mean": mean, "target_std": deviation, "frame": frame, "mask": mask}


def encode_clips(
    vae: Any,
    source: ClipSource,
    samples: Sequence[str],
    framing: FramingParams,
    batch: int,
    noise: MaskNoiseParams | None = None,
    draws: int = 1,
) -> Latents:
    """The latents of clips, one after the other, with all draws of their masks.

    Each draw renders anew, which takes far less than encoding what is rendered.
    """
    found = encode_framed(vae, framed(source, samples, framing, noise), batch)
    for draw in range(1, draws):
        again = framed(source, samples, framing, noise, draw)
        if follows_masks(framing):
            more = encode_framed(vae, again, batch)
        else:
            more = {"mask": encode_mode(vae, mask_to_tensor(again.masks_FSS), batch)}
        found |= {drawn(what, draw): value for what, value in more.items()}
    return found


def encode_pairs(
    vae: Any,
    pairs: PairClips,
    samples: Sequence[str],
    framing: FramingParams,
    batch: int,
    noise: MaskNoiseParams | None = None,
    draws: int = 1,
) -> Latents:
    """The latents of pairs, each ``float32 [P,c,h,w]``; as many pairs at once as the autoencoder takes."""
    parts: dict[str, list[torch.Tensor]] = defaultdict(list)
    for first in range(0, len(samples), batch):
        chunk = samples[first : first + batch]
        for what, value in encode_clips(vae, pairs, chunk, framing, batch, noise, draws).items():
            parts[what].append(value)
    return {what: torch.cat(values) for what, values in parts.items()}
