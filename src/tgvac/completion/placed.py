"""Networks in their own precision and on the device where they run, called with ``float32`` as everything else is.

A network may be in half precision, on the CPU until it is called (CPU offload), or both. What is computed around it,
such as guidance and the sampler's steps, stays ``float32``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel

# Shapes: B clips or images, F frames, C input channels, c latent channels, h, w latents, S pixels, N tokens, D width.

PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


def check_precisions(**networks: Any) -> None:
    """Refuse networks that cannot complete together.

    Raises:
        BadInput: naming the network and its dtype.
    """
    for name, network in networks.items():
        if network.dtype not in PRECISIONS:
            raise BadInput(
                f"The {name} is in {network.dtype}; load the pipeline with dtype float32, bfloat16 or float16."
            )
    if networks["unet"].dtype != networks["motion_adapter"].dtype:
        raise BadInput(
            f"The unet is in {networks['unet'].dtype}, its motion_adapter in {networks['motion_adapter'].dtype}; load"
            " both with the same dtype."
        )


@dataclass(frozen=True)
class PlacedVae:
    """An autoencoder.

    Attributes:
        device: where it runs, and not where it waits.
    """

    vae: Any
    device: torch.device

    @property
    def config(self) -> Any:
        return self.vae.config

    def encode(self, x_B3SS: torch.Tensor) -> Any:
        """As ``AutoencoderKL.encode``.

        Raises:
            BadInput: when the encoder overflows in half precision.
        """
        encoded = self.vae.encode(x_B3SS.to(self.device, self.vae.dtype))
        self._check_finite(encoded.latent_dist.mean)
        return encoded

    def decode(self, z_Bchw: torch.Tensor) -> Any:
        """As ``AutoencoderKL.decode``.

        Raises:
            BadInput: when the decoder overflows in half precision.
        """
        decoded = self.vae.decode(z_Bchw.to(self.device, self.vae.dtype))
        self._check_finite(decoded.sample)
        return decoded

    def _check_finite(self, x: torch.Tensor) -> None:
        # Pictures of such numbers would be black.
        if self.vae.dtype != torch.float32 and not bool(x.isfinite().all()):
            raise BadInput(
                f"The autoencoder's numbers are not finite in {self.vae.dtype}; call pipe.vae.to(torch.float32), the"
                " other networks may stay as they are."
            )


@dataclass(frozen=True)
class PlacedTextEncoder:
    """A text encoder.

    Attributes:
        device: where it runs, and not where it waits.
    """

    text_encoder: Any
    device: torch.device

    @property
    def config(self) -> Any:
        return self.text_encoder.config

    def __call__(self, tokens_BN: torch.Tensor) -> Any:
        return self.text_encoder(tokens_BN)


def in_precision(as_model: Callable[[Any], NoiseModel], dtype: torch.dtype) -> Callable[[Any], NoiseModel]:
    """Make noise models that take and return ``float32`` of networks in another precision."""
    if dtype == torch.float32:
        return as_model

    def of(network: Any) -> NoiseModel:
        model = as_model(network)

        def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
            return model(x_BCFhw.to(dtype), t_B, text_BND.to(dtype)).float()

        return predict

    return of


def woken(model: NoiseModel, network: Any, parts: tuple[Any, ...], device: torch.device) -> NoiseModel:
    """A noise model whose network is moved to the device when it is called.

    Args:
        network: shares the weights of the parts.
        parts: what ``enable_model_cpu_offload`` gave a hook to; the hook of the first also sends the network before it
            in ``model_cpu_offload_seq`` back to the CPU.
    """

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        for part in parts:
            part._hf_hook.pre_forward(part)
        network.to(device)
        return model(x_BCFhw, t_B, text_BND)

    return predict
