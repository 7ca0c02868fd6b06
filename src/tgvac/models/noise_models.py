"""Networks as noise models of clips, whatever they predict.

Everything outside of a network works with noise (paper, equation 2). A network that predicts the velocity
v = sqrt(a) noise - sqrt(1 - a) z (Salimans and Ho 2022) gives the noise as sqrt(a) v + sqrt(1 - a) z_t, and its error
in v is its error in the noise divided by sqrt(a). Where almost all is noise, an error of the noise becomes up to
fifteen times as large in z, while an error of v does not grow: small networks need it.

With zero terminal SNR (Lin et al. 2024) a is 0 at the last level: the noise is z_t there whatever v is, and the error
of v would be zero divided by zero. Then everything works with the velocity instead, as ``diffusion.target`` says: the
loss compares it, and the sampler takes z = sqrt(a) z_t - sqrt(1 - a) v, without a division.
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

    Where ``diffusion.target`` is the velocity, it is that. Guidance and averages weigh with numbers that add up to one,
    so that they do the same to either.
    """

    def __call__(self, x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor: ...


def frame_noise_model(unet: UNet2DConditionModel) -> NoiseModel:
    """The frame model as a noise model of clips: every frame by itself."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, height, width = x_BCFhw.shape
        x = x_BCFhw.transpose(1, 2).reshape(batch * frames, channels, height, width)
        noise: torch.Tensor = unet(x, t_B.repeat_interleave(frames), text_BND.repeat_interleave(frames, 0)).sample
        return noise.view(batch, frames, -1, height, width).transpose(1, 2)

    return predict


def video_noise_model(unet: UNetMotionModel) -> NoiseModel:
    """The video model as a noise model of clips."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        # UNetMotionModel repeats the time for each frame by itself, but not the text.
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
    """The weight of each level's squared error; None where all levels weigh the same.

    For a network that predicts the velocity, the squared error of the velocity counts: 1 / a times the noise's.
    """
    return None if diffusion.prediction == diffusion.target else 1.0 / alphas_T
