"""Motion modules that start from published weights: a ``MotionAdapter`` of diffusers, or those of a video model.

Loading is strict: all modules of the video model get all of their weights, or none does. Two parts of an adapter are
not used:
* Its table of positions. They are sinusoidal, so ours has the same numbers, for ``motion_module.max_frames`` frames.
* Its module in the middle block (AnimateDiff's second version), since the paper has none there.

From a video model, such as the shipped one, its motion modules are taken, and its frame layers are not.

The output projections are the published ones. So, unlike with ``start: ""``, the video model does not equal the frame
model before training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tgvac.errors import BadInput
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.runtime import quiet
from tgvac.models.whole import weights_digest

if TYPE_CHECKING:
    from diffusers import UNetMotionModel

_PUBLISHED = 1e-3
"""Tolerance for positions that were saved in half precision, whose steps below 1 are half of this."""


def start_from_adapter(video: UNetMotionModel, params: MotionModuleParams, root: Path) -> str:
    """Put the weights of ``params.start`` into the motion modules, in place.

    Args:
        video: from ``inflate``, with AnimateDiff's block.
        root: the folder that a local ``start`` is relative to.

    Returns:
        the digest of the weights (SHA-256 hex over names and ``float32`` values), since other weights under the same
        name make another training.

    Raises:
        BadInput: when the weights cannot be loaded, are incomplete, or are of other modules than the video model's.
    """
    named = f"motion_module.start '{params.start}'"
    published, wanted = _load(named, params, root, video), _modules(video.state_dict())
    taken: dict[str, torch.Tensor] = {}
    for name, ours in wanted.items():
        if name.endswith(".pos_embed.pe"):
            _check_positions(named, name, published[name], ours)
        else:
            taken[name] = published[name].float()
    video.load_state_dict(taken, strict=False)
    return weights_digest(taken)


def _modules(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if ".motion_modules." in name}


def _load(named: str, params: MotionModuleParams, root: Path, video: UNetMotionModel) -> dict[str, torch.Tensor]:
    from diffusers import MotionAdapter, UNetMotionModel
    from safetensors import SafetensorError

    quiet()
    origin = str(root / params.start) if (root / params.start).is_dir() else params.start
    try:
        config = MotionAdapter.load_config(origin, revision=params.start_revision)
        kinds = {"MotionAdapter": MotionAdapter, "UNetMotionModel": UNetMotionModel}
        kind: Any = kinds.get(config.get("_class_name"))
        if kind is None:
            raise BadInput(
                f"{named} is a {config.get('_class_name')}, not a MotionAdapter or a UNetMotionModel; name a motion"
                " adapter in the layout of diffusers, such as guoyww/animatediff-motion-adapter-v1-5-2."
            )
        if kind is MotionAdapter:
            with torch.device("meta"):
                shape = MotionAdapter.from_config(config).config
            _check_shape(named, shape, video.config)
        network, report = kind.from_pretrained(
            origin,
            revision=params.start_revision,
            use_safetensors=True,
            torch_dtype=torch.float32,
            low_cpu_mem_usage=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise BadInput(
            f"{named} cannot be loaded ({first}); name a local folder or a reachable hub name of a motion adapter with"
            " safetensors, or set it to '' to start at random."
        ) from None
    wrong = sorted(
        [*report["missing_keys"], *report["unexpected_keys"], *(str(key[0]) for key in report["mismatched_keys"])]
    )
    if wrong:
        raise BadInput(
            f"{named} does not fit its own config.json: {len(wrong)} of its tensors are missing, unknown or of another"
            f" size (the first is {wrong[0]}); fetch the folder again."
        )
    if kind is MotionAdapter:
        return dict(network.state_dict())
    modules = _modules(network.state_dict())
    _check_modules(named, modules, _modules(video.state_dict()))
    return modules


def _check_modules(named: str, found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Refuse the modules of another video model; the message names the first difference. Positions may be more."""
    for name in sorted({*found, *wanted}):
        theirs, ours = (str(tuple(x[name].shape)) if name in x else "missing" for x in (found, wanted))
        if theirs != ours and not name.endswith(".pos_embed.pe"):
            raise BadInput(
                f"{named} has other motion modules: {name} is {theirs} there and {ours} here; name a video model made"
                " from the same UNet with the same motion_module, or set it to '' to start at random."
            )


def _check_shape(named: str, adapter: Mapping[str, Any], video: Mapping[str, Any]) -> None:
    """Refuse an adapter made for another UNet; the message has both values."""
    theirs, ours = len(adapter["block_out_channels"]), len(video["block_out_channels"])
    compared = (
        ("channels", adapter["block_out_channels"], video["block_out_channels"], "the UNet"),
        ("layers a level", adapter["motion_layers_per_block"], video["layers_per_block"], "the UNet"),
        ("heads", adapter["motion_num_attention_heads"], video["motion_num_attention_heads"], "motion_module.heads"),
        ("blocks a module", adapter["motion_transformer_layers_per_block"], 1, "AnimateDiff"),
        ("groups of normalisation", adapter["motion_norm_num_groups"], video["norm_num_groups"], "the UNet"),
        ("input channels of its own", adapter["conv_in_channels"] or 0, 0, "AnimateDiff"),
    )
    for what, found, wanted, whose in compared:
        if _each(found, theirs) != _each(wanted, ours):
            raise BadInput(
                f"{named} has {_words(found)} {what}, {whose} {_words(wanted)}; name an adapter that was made for this"
                " UNet, or set motion_module.start to '' to start at random."
            )


def _each(value: Any, levels: int) -> list[Any]:
    """A value for each level; one value may stand for all."""
    return list(value) if isinstance(value, list | tuple) else [value] * levels


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _check_positions(named: str, name: str, published: torch.Tensor, ours: torch.Tensor) -> None:
    """Refuse positions that are not sinusoidal, since ours would replace them."""
    both = min(published.shape[1], ours.shape[1])
    if not torch.allclose(published[:, :both].float(), ours[:, :both].cpu(), rtol=0, atol=_PUBLISHED):
        raise BadInput(
            f"{named} has positions in {name} that are not sinusoidal, and the video model's are; name an adapter of"
            " AnimateDiff's."
        )
