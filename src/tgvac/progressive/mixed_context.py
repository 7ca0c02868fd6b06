"""Mixed context diffusion sampling: the object is painted on plain grey, then its own background comes back.

What is around an object tempts an inpainting model to go on with that. So until a step in the last third the model sees
the object alone, on grey. In that step its features are clustered to find the object in the noised picture; all else
becomes the noised background, without object and occluders; and from there on the model sees that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tgvac.models.backbones import Backbones
from tgvac.models.latents import decode_images, to_tensor
from tgvac.models.noise_models import NoiseModel
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import normal
from tgvac.models.schedule import noise_schedule
from tgvac.models.text import encode_text
from tgvac.progressive.canvas import Painted, Square
from tgvac.progressive.clusters import clustered, of_the_object, reduced
from tgvac.progressive.inpainting import condition_of, encode_scaled, predict
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.removal import Removal
from tgvac.progressive.taps import Tap
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.solvers import solver_of
from tgvac.seeds import seed_of

# Shapes: B squares, S their side, c latent channels, h, w latents.

Names = tuple[str | int, ...]
"""What a square's random draws are named by."""


@dataclass(frozen=True)
class MixedContext:
    """Paints squares.

    Attributes:
        unet: the network of ``model``, whose features are read.
        model: predicts ``diffusion.target`` from the channels of an inpainting model.
        sampler: steps, guidance, eta and spacing; its solver must be ``ddim``, since latents change between steps.
        batch: of the autoencoder.
    """

    unet: Any
    model: NoiseModel
    backbones: Backbones
    diffusion: DiffusionParams
    sampler: SamplerParams
    params: ProgressiveParams
    remove: Removal
    batch: int
    device: torch.device

    @torch.no_grad()
    def paint(self, squares: Sequence[Square], text: str, names: Sequence[Names]) -> list[Painted]:
        """Paint the holes of squares; each by itself, in one batch.

        Args:
            text: what the object is.
            names: of each square's noise.
        """
        vae, holes = self.backbones.vae, [square.hole_SS for square in squares]
        backgrounds = [background(square, self.remove) for square in squares]
        plain = condition_of(vae, [on_grey(square, self.params.grey) for square in squares], holes, self.batch)
        full = condition_of(vae, backgrounds, holes, self.batch)
        text_2ND = encode_text(self.backbones, ["", text])
        solver, swap = solver_of(self.diffusion, self.sampler), swap_step(self.params.swap, self.sampler.steps)
        shape = tuple(plain.holed_Bchw.shape[1:])
        z_Bchw, kept_Bhw = self._noise(shape, "start", names), np.zeros((len(squares), *shape[1:]), bool)
        for k, t in enumerate(solver.timesteps.tolist()):
            guidance = self.sampler.guidance if self.sampler.guided_at(t, self.diffusion.train_steps) else 1.0
            with Tap(self.unet, self.params.block) as tap:
                prediction = predict(
                    self.model, z_Bchw, t, plain if k <= swap else full, text_2ND, guidance, self.device
                )
            if k == swap:
                assert tap.features_BChw is not None
                # Of the pass with text, which is the last.
                features = tap.features_BChw[-len(squares) :].float().cpu().numpy()
                kept_Bhw = self._objects(squares, features, shape[1:], names)
                z_Bchw = self._swapped(z_Bchw, t, backgrounds, kept_Bhw, names)
            fresh = self._noise(shape, f"step {k}", names) if self.sampler.eta > 0 else None
            z_Bchw = solver.step(k, prediction, z_Bchw, None, fresh).z_nchw
        pictures = decode_images(vae, z_Bchw, self.batch)
        sides = functional.interpolate(torch.from_numpy(kept_Bhw)[:, None].float(), size=pictures.shape[1:3])
        objects = (sides[:, 0].numpy() * 255).astype(np.uint8)
        return [Painted(picture, mask) for picture, mask in zip(pictures, objects, strict=True)]

    def _objects(
        self, squares: Sequence[Square], features_BChw: np.ndarray, size: tuple[int, ...], names: Sequence[Names]
    ) -> np.ndarray:
        """Where each object is in the noised picture, ``bool [B,h,w]``."""
        found = []
        for square, features_Chw, name in zip(squares, features_BChw, names, strict=True):
            clusters_hw = clustered(features_Chw, self.params.clusters, seed_of("progressive", "clusters", *name))
            object_hw, hole_hw = (reduced(mask, *size) for mask in (square.object_SS, square.hole_SS))
            found.append(of_the_object(clusters_hw, object_hw, hole_hw, self.params.cluster_share))
        return np.stack(found)

    def _swapped(
        self,
        z_Bchw: torch.Tensor,
        t: int,
        backgrounds: Sequence[np.ndarray],
        kept_Bhw: np.ndarray,
        names: Sequence[Names],
    ) -> torch.Tensor:
        """Latents at noise level ``t`` whose background is the noised one of the pictures."""
        vae = self.backbones.vae
        behind = encode_scaled(vae, to_tensor(np.stack(backgrounds)), self.batch)
        noise = self._noise(tuple(behind.shape[1:]), "swap", names)
        noised = noise_schedule(self.diffusion).add_noise(behind, noise, torch.full((len(behind),), t))
        mixed = torch.where(torch.from_numpy(kept_Bhw)[:, None], z_Bchw, noised)
        if not self.params.reencode:
            return mixed
        return encode_scaled(vae, to_tensor(decode_images(vae, mixed, self.batch)), self.batch)

    @staticmethod
    def _noise(shape: tuple[int, ...], what: str, names: Sequence[Names]) -> torch.Tensor:
        return torch.stack([normal(shape, "progressive", what, *name) for name in names])


def swap_step(share: float, steps: int) -> int:
    """The step in which the background is swapped, from 0: 35 of 50 at the authors' share of 0.7.

    >>> swap_step(0.7, 50), swap_step(0.7, 10), swap_step(0.7, 1)
    (35, 7, 0)
    """
    return min(round(share * steps), steps - 1)


def on_grey(square: Square, grey: int) -> np.ndarray:
    """What is known of the object on plain grey, ``uint8 [S,S,3]``."""
    return np.where(square.object_SS[..., None] > 0, square.picture_SS3, np.uint8(grey))


def background(square: Square, remove: Removal) -> np.ndarray:
    """The picture without object and occluders, and what is known of the object laid on it, ``uint8 [S,S,3]``."""
    without_SS3 = remove(square.picture_SS3, square.object_SS | square.hole_SS)
    return np.where(square.object_SS[..., None] > 0, square.picture_SS3, without_SS3)
