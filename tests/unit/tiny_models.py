"""Builders that the tests of models, training and completion share: tiny networks, params, a hand-made scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from tgvac.clips.captions import Caption, write_captions
from tgvac.clips.framing import FramingParams
from tgvac.clips.recipe import Placement, Recipe, write_recipes
from tgvac.clips.track import TrackMeta, file_stem, write_track
from tgvac.files import sha256
from tgvac.latents.params import LatentsParams, MaskNoiseParams
from tgvac.models.backbones import Backbones, freeze
from tgvac.models.backbones_params import StandinParams
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import inflate
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.models.small_networks import build_text_encoder, build_tokenizer, build_unet, build_vae
from tgvac.sampling.params import SamplerParams
from tgvac.shards import Entry, write_index
from tgvac.stage import Context
from tgvac.training.params import FrameModelParams, TrainingParams
from tgvac.training.run_params import CheckpointParams, SamplesParams

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel, UNetMotionModel
    from transformers import CLIPTokenizer

torch.set_num_threads(1)

CPU = torch.device("cpu")
STANDIN = StandinParams(
    vae_channels=(16, 16, 16),
    latent_channels=4,
    text_width=16,
    text_layers=1,
    text_tokens=12,
    unet_channels=(16, 32),
    unet_layers=1,
    unet_heads=2,
    clip_width=16,
    clip_layers=1,
    clip_patch=8,
    norm_groups=4,
    vae_norm_groups=2,
)
DIFFUSION = DiffusionParams(
    train_steps=1000,
    beta_schedule="scaled_linear",
    beta_start=8.5e-4,
    beta_end=1.2e-2,
    zero_terminal_snr=False,
    prediction="epsilon",
)
CONDITIONS = ConditionsParams(
    layout="frame_mask",
    attends="text",
    mask=True,
    text=True,
    latents="unscaled",
    drop_text=0.10,
    drop_image=0.05,
    drop_both=0.05,
    drop_mask=0.0,
    drop_mask_and_text=0.0,
)
NEVER_DROPPED = CONDITIONS.model_copy(update={"drop_text": 0.0, "drop_image": 0.0, "drop_both": 0.0})
FRAME_MODEL = FrameModelParams(start="", start_revision="main")
MOTION_MODULE = MotionModuleParams(
    block="animatediff", heads=2, max_frames=16, max_distance=3, norm="frame", start="", start_revision="main"
)
SAMPLER = SamplerParams(
    steps=4,
    timestep_spacing="leading",
    eta=0.0,
    clip_frames=4,
    stride=2,
    guidance=3.0,
    unconditional="text",
    guided_levels=(0.0, 1.0),
    solver="ddim",
    overlap=1.0,
    weights="flat",
    ends="inside",
    batch_windows=2,
)
FRAMING = FramingParams(mode="frame", size=32, pad=127, margin=0.5, smooth=8)
COMPUTE = ComputeParams(threads=1, vae_batch=4, tf32=True)
EXACT_MASKS = MaskNoiseParams(share=0.0, seed=1, erode=0.1, dilate=0.1, leak_share=0.5, leak=0.2)
LATENTS = LatentsParams(
    cache=True, splits=("train",), texts=100, mask_draws=1, holes=0, images=False, mask_noise=EXACT_MASKS
)
CHECKPOINTS = CheckpointParams(every=5, seconds=0, keep=2, log_every=3)
SAMPLES = SamplesParams(every=5, pictures=4, sampling_steps=2, guidance=2.0)
TRAINING = TrainingParams(
    steps=12,
    batch=3,
    optimizer="adamw",
    fused=False,
    lr=1e-2,
    lr_schedule="cosine",
    warmup=3,
    weight_decay=1e-2,
    beta1=0.9,
    beta2=0.99,
    clip_norm=1.0,
    ema=0.9,
    seed=1,
    clip_frames=3,
    frame_step=1,
    pairs_share=0.0,
    level_power=1.0,
    precision="float32",
    diverged=0.0,
)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers that don't touch the global generator."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def randomised(module: nn.Module, seed: int = 0, scale: float = 0.2) -> nn.Module:
    """Give every parameter of a module random values, also those that start at zero or one; returns it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return module


def unet_4(seed: int = 0) -> UNet2DConditionModel:
    """A text-to-image UNet."""
    return build_unet(STANDIN, seed).eval()


def unet_12(seed: int = 0) -> UNet2DConditionModel:
    """A frame model whose condition channels matter."""
    unet = extend_conv_in(unet_4(seed))
    randomised(unet.conv_in, seed)
    return unet


def video_unet(seed: int = 0, norm: str = "frame", block: str = "animatediff") -> UNetMotionModel:
    """A video model whose motion modules matter."""
    video = inflate(unet_12(seed), MOTION_MODULE.model_copy(update={"norm": norm, "block": block}))
    for name, module in video.named_modules():
        if name.endswith((".proj_out", ".norm")) and "motion_modules" in name:
            randomised(module, seed)
    return video.eval()


def vae(seed: int = 0, scaling: float = 0.5) -> AutoencoderKL:
    """An autoencoder of random weights, not the identity's scaling."""
    module = freeze(build_vae(STANDIN, seed))
    module.register_to_config(scaling_factor=scaling)
    return module


@cache
def tokenizer() -> CLIPTokenizer:
    """A tokenizer that knows some words."""
    return build_tokenizer(STANDIN, ("a brown dog and a brown cat",))


@cache
def backbones() -> Backbones:
    """Frozen networks, built once."""
    return Backbones(vae(), freeze(build_text_encoder(STANDIN, len(tokenizer()), 0)), tokenizer())


def context(root: Path, phase: str, **more: Any) -> Context:
    """A stage's context in a project folder of its own."""
    return Context(root=root, scale="fake", phase=phase, digest="d" * 64, **more)


def recipe(name: str, target: str, frames: int, split: str = "train", occluder: str | None = None) -> Recipe:
    """A recipe of all of a target's frames."""
    return Recipe(
        recipe=name,
        target=target,
        video=target.rpartition("/")[0],
        source="world",
        split=split,  # type: ignore[arg-type]  # checked by pydantic
        start=0,
        frame_step=1,
        frames=frames,
        occluders=() if occluder is None else (Placement(track=occluder, start=0),),
        seed=0,
        mean_rate=0.3,
        max_rate=0.5,
    )


def write_synthesis(root: Path, recipes: Sequence[Recipe], captions: Mapping[str, str], scale: str = "fake") -> None:
    """The recipes and captions of a scale."""
    results = root / "results" / scale
    write_recipes(results / "synthesis" / "recipes.parquet", recipes)
    table = [Caption(track=track, captioner="given", raw=text, text=text) for track, text in captions.items()]
    write_captions(results / "captions" / "captions.parquet", table)


def entry(base: Path, identifier: str, path: Path, **facts: Any) -> Entry:
    """The entry of a file in an index."""
    return Entry(identifier, path.relative_to(base).as_posix(), sha256(path), path.stat().st_size, facts)


def write_latents(root: Path, frames: Mapping[str, int], deviation: float = 0.0, size: int = 4) -> Context:
    """A latents cache in which each track has one recipe, ``<track>/r0``, and every value shows its track and frame.

    The value of frame i of the k-th track is k + i / 100, plus 10 for the input frame and 20 for the mask.
    """
    out = context(root, "latents").out
    entries, recipes = [], []
    for k, (track, count) in enumerate(sorted(frames.items())):
        name = f"{track}/r0"
        ramp = (k + torch.arange(count) / 100).view(-1, 1, 1, 1).expand(count, 4, size, size).contiguous()
        tensors = {"target_mean": ramp, "target_std": torch.full_like(ramp, deviation)}
        tensors |= {"frame": ramp + 10, "mask": ramp + 20}
        path = out / "files" / f"{track.replace('/', '--')}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({f"{name}|{what}": value for what, value in tensors.items()}, path)
        entries.append(entry(out, track, path, recipes={name: count}))
        recipes.append(recipe(name, track, count))
    write_index(out / "index.json", entries)
    write_synthesis(root, recipes, {track: f"a picture of {track}" for track in frames})
    return context(root, "frame")


def video(frames: int, height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A noisy video with a moving square as visible part: ``uint8 [F,H,W,3]`` and ``uint8 [F,H,W]``."""
    draw = np.random.Generator(np.random.PCG64(seed))
    frames_FHW3 = draw.integers(0, 256, (frames, height, width, 3), np.uint8)
    visible_FHW = np.zeros((frames, height, width), np.uint8)
    for i in range(frames):
        visible_FHW[i, height // 4 : height // 2, width // 4 + i % 3 : width // 2 + i % 3] = 255
    return frames_FHW3, visible_FHW


def write_scale(
    root: Path, frames: int, height: int, width: int, targets: Sequence[str], split: str = "val"
) -> Context:
    """Tracks, masks, recipes and captions of a scale: each target half hidden by one striped occluder.

    Each target ``<track>`` has one recipe of the split, ``<track>/r0``.
    """
    ctx = context(root, "synthesis")
    occluder = "world/fence/1"
    for phase in ("tracks", "masks"):
        entries = []
        for k, track in enumerate([*targets, occluder]):
            frames_FHW3, visible_FHW = video(frames, height, width, seed=k)
            if track == occluder:
                visible_FHW = np.zeros_like(visible_FHW)
                visible_FHW[:, :, width // 4 : width // 3] = 255
            source, name, number = track.split("/")
            meta = TrackMeta(
                track=track,
                source=source,
                video=name,
                object=number,
                category="thing",
                captions=(),
                licence="none",
                fps=8.0,
                height=height,
                width=width,
                frame_numbers=tuple(range(frames)),
                annotated=(True,) * frames,
                geometry=(None,) * frames,
            )
            path = ctx.results / phase / "files" / f"{file_stem(track)}.zip"
            write_track(path, meta, iter(list(zip(frames_FHW3, visible_FHW, strict=True))), "png")
            entries.append(entry(ctx.results / phase, track, path))
        write_index(ctx.results / phase / "index.json", entries)
    recipes = [recipe(f"{track}/r0", track, frames, split, occluder) for track in targets]
    write_synthesis(root, recipes, {track: f"a picture of {track}" for track in targets})
    return ctx
