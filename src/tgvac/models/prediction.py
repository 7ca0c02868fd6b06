"""What a network's output means: the noise, or the velocity, from which the noise follows.

Everything outside of a network speaks of noise (paper, equation 2). A network that predicts the velocity
v = sqrt(a) noise - sqrt(1 - a) z (Salimans and Ho 2022) tells the noise as sqrt(a) v + sqrt(1 - a) z_t, and its error
in v is its error in the noise divided by sqrt(a). Where almost all is noise, an error of the noise becomes up to
fifteen times as large in z, while an error of v does not grow: small networks need it.

With zero terminal SNR (Lin et al. 2024) a is 0 at the last level: the noise is z_t there whatever v says, and the error
of v would be nothing divided by nothing. With it everything speaks of the velocity, as ``diffusion.told`` says: it is
what the loss compares, and the sampler takes z = sqrt(a) z_t - sqrt(1 - a) v, without a division.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tgvac.models.params import DiffusionParams
from tgvac.models.sampler import NoiseModel
from tgvac.models.schedule import alphas_cumprod


def telling_noise(as_model: Callable[[Any], NoiseModel], diffusion: DiffusionParams) -> Callable[[Any], NoiseModel]:
    """Make noise models of networks that predict what ``diffusion.prediction`` says; they tell ``diffusion.told``."""
    if diffusion.prediction == diffusion.told:
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
    """How much the squared error of what is told counts at each level; None where all count alike.

    Of a network that predicts the velocity the squared error of that is meant: 1 / a times the noise's.
    """
    return None if diffusion.prediction == diffusion.told else 1.0 / alphas_T
