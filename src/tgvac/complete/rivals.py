"""Other methods with weights, for completing a user's own video: published weights, or the stand-in that ships."""

from __future__ import annotations

from pathlib import Path

from tgvac.complete.model import DEMONSTRATION, Asked, Loaded
from tgvac.complete.squares import Diffusing
from tgvac.config import digest, parse
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams
from tgvac.methods.pix2gestalt import KIND, as_published, sampling
from tgvac.methods.sampler import sampler_of_frames
from tgvac.models.params import DiffusionParams
from tgvac.models.trained import load_frame_unet
from tgvac.params import load_params
from tgvac.published.converted import digests_of, open_converted
from tgvac.sampling.params import SamplerParams, check_sampling

RIVALS = (KIND,)
UNUSED = ("text", "stride", "fast")
"""Options that they do not have: no sentence is read, and each frame is a window of its own."""

_STAND_IN = "image_conditioned"


def load_rival(root: Path, model: str, asked: Asked, device: str) -> Loaded:
    """Pix2gestalt, ready to complete a video by one sample a frame.

    Args:
        root: the project's folder, which has the shipped networks.
        model: a folder of converted weights, from the working folder; "" for the stand-in.

    Raises:
        BadInput: when it cannot be loaded, or cannot sample as asked.
    """
    # The stand-in is used as in the scale that evaluates it.
    scale, name = ("paper", "published") if model else ("tiny", "full")
    params = load_params(root, scale)
    method = params.methods[f"{KIND}/{name}"]
    changes = {"steps": asked.steps, "guidance": asked.guidance}
    given = {key: value for key, value in changes.items() if value is not None}
    method = parse(MethodParams, method.model_dump() | given, "The command's options")
    _check(sampler_of_frames(method, params.sampler), params.diffusion)
    conditions = params.variants[method.trained].of(params.conditions)
    if model:
        folder = open_converted(Path(model).expanduser(), KIND, params.diffusion, params.framing.size)
        network, conditions = load_frame_unet(folder), as_published(conditions)
    else:
        folder = root / DEMONSTRATION
        network = load_frame_unet(folder, _STAND_IN)
    made = sampling(
        network,
        folder,
        method,
        # The square follows the object, so that a small one in a large frame is not lost.
        params.framing.model_copy(update={"mode": "follow"}),
        params.diffusion,
        conditions,
        params.sampler,
        params.completion,
        params.compute,
        device_of(device, params.compute.tf32),
    )
    blocks = (made.framing, made.diffusion, made.conditions, made.sampler, made.completion, made.compute)
    decided = [KIND, digests_of(folder), [block.model_dump(mode="json") for block in blocks], made.device.type]
    return Loaded(Diffusing(made), digest(decided))


def describe_rival(model: str) -> str:
    """The first line that a user reads."""
    if model:
        return f"completing with pix2gestalt, {model}"
    return (
        "completing with a small stand-in for pix2gestalt: it has seen cartoons alone, and paints 64 x 64 pixels; give"
        " --model FOLDER (what `tgvac convert pix2gestalt` wrote) for the published weights"
    )


def _check(sampler: SamplerParams, diffusion: DiffusionParams) -> None:
    try:
        check_sampling(sampler, diffusion, "--steps")
    except ValueError as error:
        raise BadInput(f"The model cannot sample so: {error}.") from None
