"""UNet and autoencoder of a checkpoint of Latent Diffusion, as diffusers has them.

diffusers itself renames the tensors; here their shapes give the configuration, and the result is compared with the
network, so that no tensor is lost or left at random.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from tgvac.errors import BadInput

State = Mapping[str, torch.Tensor]

_UNET, _EMA, _VAE = "model.diffusion_model.", "model_ema.", "first_stage_model."
_LAYERS = 2
"""Residual blocks a level, of Stable Diffusion 1.x."""


def unet_of(state: State, name: str) -> Any:
    """The ``UNet2DConditionModel`` of a checkpoint, from its moving average where it has one.

    Args:
        name: of the checkpoint, for the message.

    Raises:
        BadInput: when it holds no UNet of Stable Diffusion 1.x.
    """
    from diffusers import UNet2DConditionModel
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    taken = {key: value.float() for key, value in _averaged(state, name).items()}
    widths = _widths(taken, _UNET + r"input_blocks\.(\d+)\.0\.out_layers\.3\.weight", _LAYERS + 1)
    attends = [value.shape[1] for key, value in taken.items() if key.endswith("attn2.to_k.weight")]
    first = taken.get(_UNET + "input_blocks.0.0.weight")
    if not widths or not attends or first is None:
        raise BadInput(f"{name} holds no UNet of Latent Diffusion; give another checkpoint.")
    deepest = len(widths) - 1
    config = {
        "in_channels": first.shape[1],
        "out_channels": taken[_UNET + "out.2.weight"].shape[0],
        "block_out_channels": widths,
        "layers_per_block": _LAYERS,
        "cross_attention_dim": attends[0],
        "attention_head_dim": 8,
        "down_block_types": ("CrossAttnDownBlock2D",) * deepest + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * deepest,
    }
    return _filled(UNet2DConditionModel, config, taken, convert_ldm_unet_checkpoint(taken, config), name, "UNet")


def autoencoder_of(state: State, name: str) -> Any:
    """The ``AutoencoderKL`` of a checkpoint; see :func:`unet_of`."""
    from diffusers import AutoencoderKL
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    taken = {key: value.float() for key, value in state.items() if key.startswith(_VAE)}
    widths = _widths(taken, _VAE + r"encoder\.down\.(\d+)\.block\.0\.conv2\.weight")
    latents = taken.get(_VAE + "post_quant_conv.weight")
    if not widths or latents is None:
        raise BadInput(f"{name} holds no autoencoder of Latent Diffusion; give another checkpoint.")
    config = {
        "block_out_channels": widths,
        "latent_channels": latents.shape[0],
        "layers_per_block": _LAYERS,
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "scaling_factor": 0.18215,
    }
    return _filled(AutoencoderKL, config, taken, convert_ldm_vae_checkpoint(taken, config), name, "autoencoder")


def _averaged(state: State, of: str) -> dict[str, torch.Tensor]:
    """The UNet's tensors, all from the moving average, whose names have no dots, or none of them.

    diffusers' own choice between them is by a count of names, and takes None where one is missing.

    Raises:
        BadInput: when a part of the average is missing.
    """
    plain = {key: value for key, value in state.items() if key.startswith(_UNET)}
    average = {key: _EMA + key.removeprefix("model.").replace(".", "") for key in plain}
    missing = [name for name in average.values() if name not in state]
    if not missing:
        return {key: state[name] for key, name in average.items()}
    if len(missing) < len(average):
        raise BadInput(f"{of} has a part of a moving average alone: it has no {missing[0]}; fetch it again.")
    return plain


def _widths(state: State, pattern: str, every: int = 1) -> tuple[int, ...]:
    """The output channels of the levels: of each convolution that the pattern names, or of the first of a level."""
    found = {int(m[1]): x.shape[0] for key, x in state.items() if (m := re.fullmatch(pattern, key))}
    return tuple(found[i] for i in sorted(found) if (i - 1) % every == 0 or every == 1)


def _filled(kind: Any, config: Mapping[str, Any], taken: State, state: State, name: str, what: str) -> Any:
    """A network with a checkpoint's tensors.

    Args:
        taken: those of the part, in the checkpoint's names.
        state: the same in diffusers' names, which leaves out those that it does not know.

    Raises:
        BadInput: when a tensor is missing, unknown or of another shape; names the first.
    """
    with torch.device("meta"):
        network = kind(**config)
    wanted = {key: tuple(x.shape) for key, x in network.state_dict().items()}
    found = {key: tuple(x.shape) for key, x in state.items()}
    if differs := [key for key in sorted({*wanted, *found}) if wanted.get(key) != found.get(key)]:
        raise BadInput(
            f"{name} does not fit Stable Diffusion's {what}: {differs[0]} is {found.get(differs[0], 'missing')} there"
            f" and {wanted.get(differs[0], 'unknown')} here; give another checkpoint."
        )
    if len(taken) != len(state):
        raise BadInput(
            f"{name} has {len(taken)} tensors of the {what}, and Stable Diffusion's has {len(state)}; give another"
            " checkpoint."
        )
    network.load_state_dict({key: x.contiguous() for key, x in state.items()}, assign=True)
    return network.eval()
