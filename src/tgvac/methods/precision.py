"""The precision of a sampling network's forward passes."""

from __future__ import annotations

import torch

from tgvac.methods.params import CompletionParams
from tgvac.models.noise_models import NoiseModel


def in_precision(model: NoiseModel, params: CompletionParams, device: torch.device) -> NoiseModel:
    """A noise model whose products are taken in ``completion.precision``.

    Weights stay ``float32``, as do guidance, the sampler's steps, averages over windows, and the autoencoder.

    Args:
        params: without a precision, the model is returned as it is.
        device: where it runs.
    """
    if params.precision is None:
        return model

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            return model(x_BCFhw, t_B, text_BND).float()

    return predict
