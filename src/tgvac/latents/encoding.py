"""Encodes clips to the latents that training reads, in the same way with and without a cache.

Clips are encoded in chunks of the autoencoder's batch, counted from the first frame, and buckets of pairs in chunks of
as many pairs. So a chunk encoded alone has the same bits as in the whole clip.

With mask noise, a clip can have several draws. Each draw has its own masks. Frames and target are those of draw 0,
unless the window follows the masks.

On request there are random holes for inpainting models, drawn several times a frame, and the embedding of each frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tgvac.clips.framed import ClipSource
from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import PairClips
from tgvac.latents.holes import hole
from tgvac.latents.mask_noise import noisy_masks
from tgvac.latents.params import MaskNoiseParams
from tgvac.models.latents import encode_conditions, encode_mode, encode_moments, mask_to_tensor, to_tensor

Latents = dict[str, torch.Tensor]
"""``target_mean``, ``target_std``, ``frame``, ``mask``, and those of further draws as :func:`drawn` names them; each
``float32 [F,c,h,w]`` on the CPU, not scaled. On request ``hole``, ``[F,1,h,w]`` in {0, 1}, and ``holed``, the frame
without it, by draw; and ``image``, the frame's embedding, ``[F,1,D]``."""

Embed = Callable[[np.ndarray], torch.Tensor]
"""Pictures ``uint8 [F,S,S,3]`` to embeddings ``float32 [F,1,D]`` on the CPU."""


@dataclass(frozen=True)
class Framed:
    """The autoencoder's input: images ``uint8 [F,S,S,3]``, masks ``uint8 [F,S,S]`` in {0, 255}.

    Attributes:
        names: of each frame: its clip, and its number there.
    """

    frames_FSS3: np.ndarray
    masks_FSS: np.ndarray
    wholes_FSS3: np.ndarray
    names: tuple[tuple[str, int], ...]

    def part(self, first: int, stop: int) -> Framed:
        """Frames ``first`` to before ``stop``."""
        at = slice(first, stop)
        return Framed(self.frames_FSS3[at], self.masks_FSS[at], self.wholes_FSS3[at], self.names[at])


def drawn(what: str, draw: int) -> str:
    """The name of a draw's latents; that of draw 0 has no suffix."""
    return f"{what}|{draw}" if draw else what


def follows_masks(framing: FramingParams) -> bool:
    """Whether a frame's window depends on the masks of its whole clip, and not only on the frame's size."""
    return framing.mode != "frame"


def framed(
    source: ClipSource,
    samples: Iterable[str],
    framing: FramingParams,
    noise: MaskNoiseParams | None,
    draw: int = 0,
    frames: Sequence[int] | None = None,
) -> Framed:
    """Clips framed by their visible masks, concatenated; masks are exact, or have the noise of a draw.

    Args:
        frames: which frames of each clip; None for all.
    """
    clips, names = [], []
    for sample in samples:
        seen = None if noise is None else partial(noisy_masks, noise, sample, draw=draw)
        clips.append(source.framed(sample, framing, frames, seen))
        names += [(sample, i) for i in (frames or range(len(clips[-1].frames_FSS3)))]
    return Framed(
        np.concatenate([clip.frames_FSS3 for clip in clips]),
        np.concatenate([clip.visible_FSS for clip in clips]),
        np.concatenate([clip.whole_FSS3 for clip in clips]),
        tuple(names),
    )


def encode_framed(vae: Any, given: Framed, batch: int, embed: Embed | None = None) -> Latents:
    """All latents of framed images: the target's distribution, the conditions' mode, and embeddings if asked for."""
    mean, deviation = encode_moments(vae, to_tensor(given.wholes_FSS3), batch)
    frame, mask = encode_conditions(vae, given.frames_FSS3, given.masks_FSS, batch)
    found = {"target_mean": mean, "target_std": deviation, "frame": frame, "mask": mask}
    return found if embed is None else found | {"image": embed(given.frames_FSS3)}


def encode_holes(vae: Any, given: Framed, batch: int, draw: int) -> Latents:
    """A draw of holes in framed images, and the latents of what they leave.

    As in diffusers' inpainting pipeline, what is missing is grey, 0 in [-1, 1], and the hole is reduced to the latents'
    size by taking the nearest pixel.
    """
    size = given.frames_FSS3.shape[1]
    holes_F1SS = torch.from_numpy(np.stack([hole(size, *name, draw) for name in given.names]))[:, None].float() / 255
    holed = encode_mode(vae, to_tensor(given.frames_FSS3) * (1 - holes_F1SS), batch)
    reduced = functional.interpolate(holes_F1SS, size=holed.shape[-2:], mode="nearest")
    return {drawn("hole", draw): reduced.contiguous(), drawn("holed", draw): holed}


def encode_clips(
    vae: Any,
    source: ClipSource,
    samples: Sequence[str],
    framing: FramingParams,
    batch: int,
    noise: MaskNoiseParams | None = None,
    draws: int = 1,
    holes: int = 0,
    embed: Embed | None = None,
) -> Latents:
    """The latents of clips, concatenated, with all draws of their masks and holes.

    Each draw renders the clips again, which takes far less time than encoding them.
    """
    given = framed(source, samples, framing, noise)
    found = encode_framed(vae, given, batch, embed)
    for draw in range(holes):
        found |= encode_holes(vae, given, batch, draw)
    for draw in range(1, draws):
        again = framed(source, samples, framing, noise, draw)
        if follows_masks(framing):
            more = encode_framed(vae, again, batch, embed)
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
    holes: int = 0,
    embed: Embed | None = None,
) -> Latents:
    """The latents of pairs, each ``float32 [P,c,h,w]``; encoded in chunks of ``batch`` pairs."""
    parts: dict[str, list[torch.Tensor]] = defaultdict(list)
    for first in range(0, len(samples), batch):
        chunk = samples[first : first + batch]
        for what, value in encode_clips(vae, pairs, chunk, framing, batch, noise, draws, holes, embed).items():
            parts[what].append(value)
    return {what: torch.cat(values) for what, values in parts.items()}
