"""The precision of a sampling network: products in bfloat16 if asked for, everything else as before."""

from __future__ import annotations

from typing import Literal

import torch

from tgvac.methods.params import CompletionParams
from tgvac.methods.precision import in_precision
from tgvac.models.runtime import normal

CPU = torch.device("cpu")
WEIGHT = normal((4, 4), "weight")


def model(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
    """A product of the channels, which autocast takes in bfloat16, and a sum, which it does not."""
    mixed = torch.einsum("dc,bcfhw->bdfhw", WEIGHT, x_BCFhw)
    return mixed + x_BCFhw


def outputs(precision: Literal["bfloat16"] | None) -> torch.Tensor:
    x = normal((1, 4, 2, 3, 3), "x")
    params = CompletionParams(white_threshold=250, precision=precision)
    return in_precision(model, params, CPU)(x, torch.zeros(1), torch.zeros(1, 1, 1))


def test_without_a_precision_the_model_is_the_same() -> None:
    assert in_precision(model, CompletionParams(white_threshold=250), CPU) is model


def test_in_bfloat16_products_are_rounded_and_the_prediction_is_float32() -> None:
    exact, rounded = outputs(None), outputs("bfloat16")
    assert rounded.dtype == torch.float32
    # bfloat16 has 8 bits: a relative error of 2^-8 a factor, four products of which are added.
    error = (rounded - exact).abs().max() / exact.abs().max()
    assert 1e-5 < float(error) < 2e-2
