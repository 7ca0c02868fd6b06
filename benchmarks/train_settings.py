"""What `make bench-train` trains: the stages of scale `tiny`, and the frame stage at Stable Diffusion 1.5's shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.figures import ROOT
from benchmarks.train_data import TEXT
from tgvac.models.backbones import Backbones, freeze
from tgvac.models.cost.networks import Networks
from tgvac.models.cost.published import STABLE_DIFFUSION_1
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.motion_unet import inflate
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, frame_noise_model, video_noise_model
from tgvac.models.params import ConditionsParams, DiffusionParams
from tgvac.models.small_networks import build_text_encoder, build_tokenizer, build_unet, build_vae
from tgvac.params import Params, load_params
from tgvac.planning.model_costs import ModelCosts
from tgvac.training.params import TrainingParams


@dataclass(frozen=True)
class Setting:
    """One training with its networks; weights are random, which changes no time.

    Attributes:
        size: the side of the model's square in pixels.
        threads: of torch.
        flops: of a step's forward and backward pass.
        encoding_flops: of the frozen networks, for what a step is given.
    """

    name: str
    backbones: Backbones
    module: Any
    as_model: Callable[[Any], NoiseModel]
    params: TrainingParams
    conditions: ConditionsParams
    diffusion: DiffusionParams
    size: int
    threads: int
    flops: int
    encoding_flops: int


def tiny(stage: str) -> Setting:
    """Stage ``frame`` or ``motion`` of scale `tiny`."""
    params, shipped = load_params(ROOT, "tiny"), load_params(ROOT, "standins").backbones
    # Scale `tiny` takes the shipped stand-ins, which are those of scale `standins`.
    tree = params.model_copy(update={"backbones": shipped})
    shape = shipped.standin
    tokenizer = build_tokenizer(shape, (TEXT,))
    text_encoder = build_text_encoder(shape, len(tokenizer), 0)
    backbones = Backbones(freeze(build_vae(shape, 0)), freeze(text_encoder), tokenizer)
    unet: Any = extend_conv_in(build_unet(shape, 0))
    if stage == "motion":
        return _setting("tiny motion", stage, tree, backbones, inflate(unet, params.motion_module))
    return _setting("tiny frame", stage, tree, backbones, unet)


def real() -> Setting:
    """Stage ``frame`` of scale `paper` with a batch of one: the published shapes of Stable Diffusion 1.5."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    params = load_params(ROOT, "paper")
    torch.manual_seed(0)
    vae = AutoencoderKL.from_config(STABLE_DIFFUSION_1["vae"])
    vae.decoder = None  # nothing is decoded
    text_encoder = CLIPTextModel(CLIPTextConfig(**STABLE_DIFFUSION_1["text_encoder"]))
    tokenizer = build_tokenizer(params.backbones.standin, (TEXT,))
    unet = extend_conv_in(UNet2DConditionModel.from_config(STABLE_DIFFUSION_1["unet"]))
    one = params.model_copy(update={"frame": params.frame.model_copy(update={"batch": 1})})
    return _setting(
        "SD 1.5 frame, batch 1", "frame", one, Backbones(freeze(vae), freeze(text_encoder), tokenizer), unet
    )


def _setting(name: str, stage: str, tree: Params, backbones: Backbones, module: Any) -> Setting:
    block: TrainingParams = getattr(tree, stage)
    # Pairs are read like clips of one frame; losses of random networks tell nothing.
    block = block.model_copy(update={"pairs_share": 0.0, "diverged": 0.0})
    costs = ModelCosts(Networks(tree.backbones, tree.motion_module, tree.framing.size))
    frames = block.clip_frames
    step = costs.frame_step if stage == "frame" else costs.motion_step(frames)
    return Setting(
        name,
        backbones,
        module,
        as_epsilon_model(frame_noise_model if stage == "frame" else video_noise_model, tree.diffusion),
        block,
        tree.conditions,
        tree.diffusion,
        tree.framing.size,
        tree.compute.threads,
        block.batch * step.all,
        block.batch * (3 * frames * costs.encode + costs.text),
    )
