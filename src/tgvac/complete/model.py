"""The model that completes: one that was exported, or the small one that ships with the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tgvac.code_digests import code_digest
from tgvac.complete.plain_methods import load_plain
from tgvac.complete.progressive import VARIANT, Painting, load_painting
from tgvac.complete.squares import Diffusing, SquareCompleter
from tgvac.config import digest, parse
from tgvac.devices import device_of, pin
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.progressive import sampler_for
from tgvac.methods.registry import method_of
from tgvac.models.backbones import Backbones, load_backbones
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import quiet
from tgvac.models.text import unread
from tgvac.params import load_params
from tgvac.progressive.networks import weights_folder
from tgvac.sampling.params import SamplerParams, check_sampling, with_changes

DEMONSTRATION = "standins"
"""The folder of the shipped networks."""
_SCALE = "tiny"
"""The scale whose params the shipped completion model is used with."""


@dataclass(frozen=True)
class Asked:
    """What a user may set of the sampler; None for the model's own, or for that of the preset *fast*."""

    steps: int | None = None
    guidance: float | None = None
    stride: int | None = None
    fast: bool = False

    def changes(self) -> dict[str, Any]:
        return {"steps": self.steps, "guidance": self.guidance, "stride": self.stride}


@dataclass(frozen=True)
class Loaded:
    """A model, ready to complete.

    Attributes:
        digest: of its weights and of everything that it is used with.
        backbones: its frozen networks; None for a method without any.
    """

    completer: SquareCompleter
    digest: str
    backbones: Backbones | None = None

    def guides(self, text: str) -> bool:
        """Whether there is something to guide by."""
        return isinstance(self.completer, Diffusing | Painting) and self.completer.guides(text)

    def not_read(self, text: str) -> str:
        """The end of a sentence that is not read; all of it by a model that was trained without text; "" for none."""
        backbones = self.backbones
        reads = isinstance(self.completer, Painting) or (
            isinstance(self.completer, Diffusing) and self.completer.model.conditions.text
        )
        if backbones is None or not reads:
            return text
        return unread(backbones.tokenizer, backbones.text_encoder.config.max_position_embeddings, text)


def load_model(root: Path, model: str, asked: Asked, device: str) -> Loaded:
    """Load a model for completing videos.

    Args:
        root: the project's folder, which has the shipped networks.
        model: a folder that ``tgvac export-model`` wrote, or its name on a hub; "" for the shipped one.

    Raises:
        BadInput: when it cannot be loaded, or cannot sample as asked.
    """
    quiet()
    folder = _folder(model) if model else root / DEMONSTRATION
    found = _exported(folder, model, asked, device) if model else _demonstration(root, folder, asked, device)
    # The square follows the object, so that a small one in a large frame is not lost.
    found = replace(found, framing=found.framing.model_copy(update={"mode": "follow"}))
    blocks = (found.framing, found.diffusion, found.conditions, found.sampler, found.completion, found.compute)
    # An exported model's motion module is among its files.
    motion = "" if model else load_params(root, _SCALE).motion_module.model_dump(mode="json")
    decided = digest([_weights(folder), [block.model_dump(mode="json") for block in blocks], motion, found.device.type])
    backbones = found.backbones
    assert isinstance(backbones, Backbones)
    return Loaded(Diffusing(found), decided, backbones)


def load_progressive(root: Path, model: str, asked: Asked, device: str) -> Loaded:
    """The baseline ProgressiveAmodal, ready to complete.

    Args:
        model: a whole inpainting model in diffusers' layout, a folder or a hub's name; "" for the shipped network.

    Raises:
        BadInput: when it cannot be loaded, or cannot sample as asked.
    """
    quiet()
    params = load_params(root, "paper" if model else _SCALE)
    pin(params.compute.threads)
    on = device_of(device, params.compute.tf32)
    sampler = _sampler(sampler_for(params.methods[VARIANT], params.sampler), params.diffusion, asked)
    painting = load_painting(root, params, model, sampler, on)
    block = painting.completer.params
    folder = weights_folder(model, block.revision, Path.cwd(), f"--model {model}") if model else root / DEMONSTRATION
    blocks = [
        each.model_dump(mode="json") for each in (painting.framing, params.diffusion, sampler, block, params.compute)
    ]
    decided = [method_of(VARIANT).label, _weights(folder), blocks, on.type, code_digest("tgvac.complete.progressive")]
    return Loaded(painting, digest(decided), painting.backbones)


def load_method(root: Path, name: str) -> Loaded:
    """A method without weights, ready to complete.

    Raises:
        BadInput: when there is no such method.
    """
    params = load_params(root, "paper")
    plain = load_plain(name, params)
    blocks = [getattr(params, key).model_dump(mode="json") for key in method_of(name).params]
    decided = [name, blocks, plain.framing.model_dump(mode="json"), code_digest(method_of(name).module)]
    return Loaded(plain, digest(decided))


def describe_progressive(model: str) -> str:
    """The first line that a user of the baseline reads."""
    if model:
        return f"completing by ProgressiveAmodal with {model}"
    return (
        "completing by ProgressiveAmodal with a shipped stand-in of its network: it is small, has seen cartoons alone,"
        " and paints 64 x 64 pixels; give --model FOLDER (an inpainting model in diffusers' layout) for a real one"
    )


def describe(model: str) -> str:
    """The first line that a user reads."""
    if model:
        return f"completing with {model}"
    return (
        "completing with the demonstration model: it is small, has seen cartoons alone, and paints 64 x 64 pixels;"
        " give --model FOLDER (what tgvac export-model wrote) for a model of your own"
    )


def _weights(folder: Path) -> list[list[str]]:
    """The names and digests of a model's files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [[path.relative_to(folder).as_posix(), sha256(path)] for path in files]


def _folder(model: str) -> Path:
    """The folder of an exported model; that of a name on a hub is fetched first."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    try:
        # Neither code nor pickles.
        return Path(snapshot_download(model, ignore_patterns=["*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl", "*.py"]))
    except (OSError, HFValidationError, HfHubHTTPError) as error:
        raise BadInput(
            f"--model {model} is not a folder and cannot be fetched ({_first(error)}); give a folder that tgvac"
            " export-model wrote."
        ) from None


def _exported(folder: Path, model: str, asked: Asked, device: str) -> TemporalDiffusion:
    from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
    from tgvac.completion.pipeline_files import only_variant

    try:
        pipeline = VideoAmodalCompletionPipeline.from_pretrained(str(folder), variant=only_variant(folder))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"--model {model} cannot be loaded ({_first(error)}); give a folder that tgvac export-model wrote."
        ) from None
    found: TemporalDiffusion = pipeline.to(device_of(device)).completer(
        asked.steps, asked.guidance, asked.stride, fast=asked.fast
    )
    pin(found.compute.threads)
    device_of(device, found.compute.tf32)
    return found


def _demonstration(root: Path, folder: Path, asked: Asked, device: str) -> TemporalDiffusion:
    from tgvac.models.motion_unet import load_inflated
    from tgvac.models.noise_models import as_epsilon_model, video_noise_model

    if not (folder / "index.json").is_file():
        raise BadInput(f"{folder} has no shipped model; run this in the project's folder, or give --model FOLDER.")
    params = load_params(root, _SCALE)
    pin(params.compute.threads)
    on = device_of(device, params.compute.tf32)
    video = load_inflated(folder / "motion", params.motion_module)
    return TemporalDiffusion(
        as_epsilon_model(video_noise_model, params.diffusion)(video.to(on)),
        load_backbones(folder, on),
        params.framing,
        params.diffusion,
        params.conditions,
        _sampler(params.sampler, params.diffusion, asked),
        params.completion,
        params.compute,
        on,
    )


def _sampler(sampler: SamplerParams, diffusion: DiffusionParams, asked: Asked) -> SamplerParams:
    changed = parse(SamplerParams, with_changes(sampler, asked.changes(), asked.fast), "The command's options")
    try:
        check_sampling(changed, diffusion, "--steps")
    except ValueError as error:
        raise BadInput(f"The model cannot sample so: {error}.") from None
    return changed


def _first(error: Exception) -> str:
    """The first line of an error."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
