"""Networks as noise models of clips, whatever they predict.

The code outside of the networks works with noise (paper, equation 2). From a network that predicts the velocity
v = sqrt(a) noise - sqrt(1 - a) z (Salimans and Ho 2022), the noise is sqrt(a) v + sqrt(1 - a) z_t. The error in v is
the error in the noise divided by sqrt(a). At the noisiest levels, an error in the noise becomes up to fifteen times as
large in z, but an error in v does not grow. Small networks need this.

With zero terminal SNR (Lin et al. 2024), a is 0 at the last level. There the noise is z_t whatever v is, and the error
of v would be 0 / 0. In this case the code works with the velocity instead (``diffusion.target``): the loss compares it,
and the sampler computes z = sqrt(a) z_t - sqrt(1 - a) v, without a division.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch

from tgvac.models.params import DiffusionParams
from tgvac.models.schedule import alphas_cumprod

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel

# Shapes: B clips, F frames, c latent channels, C input channels, h, w latents, N tokens, D text width, T noise levels.


class NoiseModel(Protocol):
    """Predicts noise of clips: ``x [B,C,F,h,w]``, ``t [B]``, ``text [B,N,D]`` to ``[B,c,F,h,w]``.

    It predicts the velocity if ``diffusion.target`` is ``v``. Guidance and averages are the same for both, since their
    weights add up to one.
    """

    def __call__(self, x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor: ...


def frame_noise_model(unet: UNet2DConditionModel) -> NoiseModel:
    """The frame model as a noise model of clips: each frame by itself."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, height, width = x_BCFhw.shape
        x = x_BCFhw.transpose(1, 2).reshape(batch * frames, channels, height, width)
        noise: torch.Tensor = unet(x, t_B.repeat_interleave(frames), text_BND.repeat_interleave(frames, 0)).sample
        return noise.view(batch, frames, -1, height, width).transpose(1, 2)

    return predict


def video_noise_model(unet: UNetMotionModel) -> NoiseModel:
    """The video model as a noise model of clips."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        # UNetMotionModel repeats the time for each frame, but not the text.
        noise: torch.Tensor = unet(x_BCFhw, t_B, text_BND.repeat_interleave(x_BCFhw.shape[2], 0)).sample
        return noise

    return predict


def as_epsilon_model(as_model: Callable[[Any], NoiseModel], diffusion: DiffusionParams) -> Callable[[Any], NoiseModel]:
    """Make noise models that return ``diffusion.target`` from networks that predict ``diffusion.prediction``."""
    if diffusion.prediction == diffusion.target:
        return as_model
    alphas_T = alphas_cumprod(diffusion)

    def of(network: Any) -> NoiseModel:
        velocity_of = as_model(network)

        def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
            v_BcFhw = velocity_of(x_BCFhw, t_B, text_BND)
            a = alphas_T.to(v_BcFhw.device)[t_B].view(-1, 1, 1, 1, 1)
            # The first channels are z_t.
            return a.sqrt() * v_BcFhw + (1 - a).sqrt() * x_BCFhw[:, : v_BcFhw.shape[1]]

        return predict

    return of


def loss_weights(diffusion: DiffusionParams, alphas_T: torch.Tensor) -> torch.Tensor | None:
    """The weight of each level's squared error, ``[T]``; None if all levels weigh the same.

    For a network that predicts the velocity, the loss is the velocity's squared error: 1 / a times that of the noise.
    """
    return None if diffusion.prediction == diffusion.target else 1.0 / alphas_T
