"""A trained model as a folder in the layout of diffusers.

model_index.json                              the pipeline's class, each part's class, and how it completes
unet/                                         the frame model, UNet2DConditionModel with 12 input channels
motion_adapter/                               the motion modules: MotionAdapter, or our PaperMotionAdapter
vae/  text_encoder/  tokenizer/  scheduler/   the backbones that it was trained with
README.md                                     the model's card
index.json                                    digests of all files
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from tgvac.completion.pipeline_files import WEIGHTS
from tgvac.completion.pipeline_params import PipelineParams
from tgvac.config import canonical
from tgvac.errors import BadInput
from tgvac.files import sha256, write_text
from tgvac.models.fit import check_prediction
from tgvac.models.trained import load_frame_unet, load_video_unet
from tgvac.models.whole import check_whole
from tgvac.params import Params, load_params
from tgvac.release.model_card import model_card
from tgvac.release.model_facts import ModelFacts, read_model_facts
from tgvac.report.paper import load_paper
from tgvac.sampling.scheduler import network_sampler
from tgvac.stage import Context
from tgvac.training.outputs import write_folder_index

PIPELINE = "VideoAmodalCompletionPipeline"
COPIED = ("vae", "text_encoder", "tokenizer")
HALF = "fp16"
"""diffusers' name of weights in ``float16``."""


def export_model(
    root: Path, scale: str, to: Path | None = None, variant: str = "full", seed: int = 0, half: bool = False
) -> Path:
    """Write the folder. An earlier export is kept until the new one is complete.

    Args:
        root: the project's folder.
        to: the output folder; None for ``results/<scale>/model/<variant>/seed<k>``.
        half: write weights in ``float16`` alone, under the names of diffusers' variant ``fp16``.

    Returns:
        the folder.

    Raises:
        BadInput: if the scale has no such model, the folder contains other files, or a weight is too large for
            ``float16``.
    """
    from tgvac.models.runtime import quiet

    quiet()
    params = load_params(root, scale)
    ctx = Context(root, scale, "model", "", options={"variant": variant, "seed": str(seed)})
    out = (to or ctx.out / variant / f"seed{seed}").absolute()
    _refuse_others(out)
    facts = read_model_facts(ctx, params)
    check_whole(ctx.results / "backbones")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _fill(ctx, params, facts, part, half)
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return out


def _refuse_others(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; give a folder that is new, empty, or an earlier export of a model.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        found = json.loads((out / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != PIPELINE:
        raise BadInput(
            f"{out} contains other files; give a folder that is new, empty, or an earlier export of a model."
        )


def _fill(ctx: Context, params: Params, facts: ModelFacts, folder: Path, half: bool) -> None:
    from tgvac.models.motion_adapter import adapter_of

    backbones, frame, motion = ctx.results / "backbones", facts.stages["frame"].folder, facts.stages["motion"].folder
    copy = partial(shutil.copytree, ignore=shutil.ignore_patterns("*.prov.json", ".*"))
    folder.mkdir(parents=True)
    for name in COPIED:
        copy(backbones / name, folder / name)
    copy(frame / "unet", folder / "unet")
    trained = json.loads((backbones / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    check_prediction(str(backbones), trained, params.diffusion.prediction)
    network_sampler(params.diffusion, params.sampler).save_pretrained(folder / "scheduler")
    video = load_video_unet(motion, params.motion_module)
    _check_frame_layers(load_frame_unet(frame), video, motion)
    adapter_of(video, params.motion_module).save_pretrained(folder / "motion_adapter")
    pipeline = _pipeline(folder, facts)
    if half:
        _halve(pipeline, folder)
    pipeline.save_config(folder)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    parts = {
        name: (index[name][1], _digest(folder / name)) for name in ("unet", "motion_adapter", *COPIED, "scheduler")
    }
    paper = load_paper(ctx.root / "reference" / "paper.yaml")
    write_text(folder / "README.md", model_card(facts, paper, parts, half))
    write_folder_index(folder, sorted(p for p in folder.rglob("*") if p.is_file()))


def _digest(folder: Path) -> str:
    """Digests of a part's weight files; "" if it has no weights. Large networks have several files."""
    return ", ".join(sha256(path) for path in sorted(folder.glob("*.safetensors")))


def _halve(pipeline: Any, folder: Path) -> None:
    """Replace the weights of all parts by half-precision ones."""
    from torch import float16, nn

    from tgvac.models.backbones import without_path

    for name in WEIGHTS:
        # Not by diffusers' own `to`, which warns of every cast.
        part = nn.Module.to(getattr(pipeline, name), float16)
        for key, value in part.state_dict().items():
            if not bool(value.isfinite().all()):
                raise BadInput(
                    f"The weights {key} of {name} are too large for float16; export the model without --half."
                )
        for path in (folder / name).glob("*.safetensors*"):
            path.unlink()
        if name != "text_encoder":  # a model of transformers, which keeps no path
            without_path(part)
        part.save_pretrained(folder / name, variant=HALF)


def _check_frame_layers(frame: Any, video: Any, folder: Path) -> None:
    """Check that the video model's frame layers equal the frame model's, to the bit."""
    state = video.state_dict()
    for name, value in frame.state_dict().items():
        if not value.equal(state[name]):
            raise BadInput(f"{folder} has another {name} than its frame model; train the motion model again.")


def settings_of(facts: ModelFacts) -> dict[str, Any]:
    """The params that the pipeline needs, as plain values."""
    params = facts.params
    settings = PipelineParams(
        framing=params.framing,
        conditions=params.variants[facts.variant].of(params.conditions),
        motion_module=params.motion_module,
        sampler=params.sampler,
        completion=params.completion,
        compute=params.compute,
    )
    plain: dict[str, Any] = json.loads(canonical(settings))
    return plain


def _pipeline(folder: Path, facts: ModelFacts) -> Any:
    """Load the exported parts as a pipeline; this also checks that they can be loaded."""
    from diffusers import DDIMScheduler, MotionAdapter, UNet2DConditionModel

    from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
    from tgvac.devices import device_of
    from tgvac.models.backbones import load_backbones
    from tgvac.models.motion_adapter import PaperMotionAdapter

    parts = load_backbones(folder, device_of("cpu"))
    kind = PaperMotionAdapter if facts.params.motion_module.block == "paper" else MotionAdapter
    return VideoAmodalCompletionPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=UNet2DConditionModel.from_pretrained(folder, subfolder="unet", use_safetensors=True),
        motion_adapter=kind.from_pretrained(folder, subfolder="motion_adapter", use_safetensors=True),
        scheduler=DDIMScheduler.from_pretrained(folder, subfolder="scheduler"),
        settings=settings_of(facts),
    )
