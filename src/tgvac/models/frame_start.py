"""A frame model that starts from another one with the same channels, such as pix2gestalt's in diffusers' layout.

The paper starts from Stable Diffusion, which is the default. Pix2gestalt's network has the same twelve channels in the
same order and was trained for the same task, so it is a good start for short trainings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tgvac.errors import BadInput
from tgvac.models.fit import check_prediction
from tgvac.models.params import Prediction
from tgvac.models.same_network import first_difference
from tgvac.models.whole import weights_digest

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_SCHEDULER = "scheduler/scheduler_config.json"
_CLASSES = ("UNet2DConditionModel", "UNetMotionModel")


def start_from_frame_model(
    unet: UNet2DConditionModel, start: str, revision: str, root: Path, prediction: Prediction
) -> str:
    """Put the weights of another model into the frame model, in place.

    From a video model the frame layers are taken, without the motion modules.

    Args:
        unet: the frame model, widened to its layout's channels.
        start: a folder or hub name, ``frame_model.start`` of the params.
        revision: of the hub name.
        root: the folder that a local ``start`` is relative to.
        prediction: what the frame model must predict; checked if there is a scheduler beside the weights.

    Returns:
        the digest of the weights (SHA-256 hex over names and ``float32`` values), since other weights under the same
        name make another training.

    Raises:
        BadInput: when the model cannot be loaded, predicts something else, has another config, or has weights that are
            missing, unknown or of another shape.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    named = f"frame_model.start '{start}'"
    folder = _folder(named, start, revision, root)
    _check_config(named, folder, unet.config)
    _check_scheduler(named, folder, prediction)
    try:
        published = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{named} cannot be read ({_first(error)}); fetch {folder / _WEIGHTS} again.") from None
    taken = {name: value.float() for name, value in published.items() if ".motion_modules." not in name}
    _check_fit(named, taken, unet.state_dict())
    unet.load_state_dict(taken)
    return weights_digest(taken)


def _folder(named: str, start: str, revision: str, root: Path) -> Path:
    """The local folder of the network; a hub name is fetched first."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder = root / start
    if not folder.is_dir():
        files = [f"{part}{name}" for part in ("", "unet/") for name in ("config.json", _WEIGHTS)] + [_SCHEDULER]
        try:
            folder = Path(snapshot_download(start, revision=revision, allow_patterns=files))
        except (OSError, HFValidationError, HfHubHTTPError) as error:
            raise BadInput(
                f"{named} is not a folder and cannot be fetched ({_first(error)}); name a local folder or a reachable"
                " hub name of a frame model with safetensors, or set it to '' to start from backbones/unet."
            ) from None
    # A folder of a whole model has the network in a subfolder.
    return folder / "unet" if (folder / "unet").is_dir() else folder


def _check_config(named: str, folder: Path, ours: Mapping[str, Any]) -> None:
    """Refuse a network of another class, and one whose config gives another function of the same weights."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        found = config["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{named} has no config of a diffusers network at {path}; name the folder of one.") from None
    if found not in _CLASSES:
        raise BadInput(f"{named} is a {found}, not a {' or '.join(_CLASSES)}; name a frame model or a video model.")
    if differs := first_difference(config, ours):
        raise BadInput(
            f"{named} computes something else with its weights: it has {differs[0]} in {path}, and the frame model has"
            f" {differs[1]} from backbones/unet; name a model made from the same UNet, or set it to '' to start from"
            " backbones/unet."
        )


def _check_scheduler(named: str, folder: Path, prediction: Prediction) -> None:
    """Refuse a network that predicts something else, if a scheduler in its folder or the one above says so."""
    path = next((path for path in (folder / _SCHEDULER, folder.parent / _SCHEDULER) if path.is_file()), None)
    if path is None:
        return
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{named}: {path} cannot be read ({_first(error)}); restore it, or delete it.") from None
    if not isinstance(config, dict):
        raise BadInput(f"{named}: {path} is not a scheduler's config; restore it, or delete it.")
    check_prediction(named, config, prediction)


def _check_fit(named: str, found: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Refuse weights of another network; the message names the first difference."""
    for name in sorted({*found, *wanted}):
        theirs, ours = _shape(found, name), _shape(wanted, name)
        if theirs != ours:
            raise BadInput(
                f"{named} does not fit the frame model: {name} {theirs} there and {ours} here; name a model of the same"
                " channels, or set it to '' to start from backbones/unet."
            )
    if bad := next((name for name in sorted(found) if not torch.isfinite(found[name]).all()), None):
        raise BadInput(f"{named} has numbers in {bad} that are not finite; name a model whose training converged.")


def _shape(state: Mapping[str, torch.Tensor], name: str) -> str:
    return f"has the shape {'x'.join(map(str, state[name].shape))}" if name in state else "is missing"


def _first(error: Any) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")
