"""A pipeline of tiny networks, and its result computed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler

from tests.unit.sampling_toys import guided_by_hand
from tests.unit.tiny_models import (
    COMPUTE,
    CONDITIONS,
    DIFFUSION,
    FRAMING,
    MOTION_MODULE,
    SAMPLER,
    STANDIN,
    tokenizer,
    unet_12,
    vae,
    video,
    video_unet,
)
from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
from tgvac.completion.pipeline_params import PipelineParams
from tgvac.methods.params import CompletionParams
from tgvac.models.backbones import Backbones, freeze
from tgvac.models.latents import encode_conditions
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.motion_adapter import adapter_of
from tgvac.models.noise_models import video_noise_model
from tgvac.models.small_networks import build_text_encoder
from tgvac.models.text import encode_text
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.scheduler import network_sampler
from tgvac.sampling.temporal_diffusion import initial_noise

PROMPT = "a brown dog"
SEED = 3
VIDEO = video(4, 32, 32)
"""One window, of the size of the model's square."""


def tiny_pipeline(block: str = "animatediff", **conditions: Any) -> VideoAmodalCompletionPipeline:
    """A pipeline whose networks nothing else shares, with a silent progress bar."""
    motion = MOTION_MODULE.model_copy(update={"block": block})
    settings = PipelineParams(
        framing=FRAMING,
        conditions=CONDITIONS.model_copy(update=conditions),
        motion_module=motion,
        sampler=SAMPLER,
        completion=CompletionParams(white_threshold=200),
        compute=COMPUTE,
    )
    pipe = VideoAmodalCompletionPipeline(
        vae=vae(),
        text_encoder=freeze(build_text_encoder(STANDIN, len(tokenizer()), 0)),
        tokenizer=tokenizer(),
        unet=unet_12(),
        motion_adapter=adapter_of(video_unet(block=block), motion),
        scheduler=network_sampler(DIFFUSION, SAMPLER),
        settings=json.loads(settings.model_dump_json()),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@cache
def by_hand(
    negative: str = "", after_step: Callable[[int, torch.Tensor], torch.Tensor] = lambda index, z: z
) -> torch.Tensor:
    """The latents of :data:`VIDEO`, by guidance from its formula and diffusers' own scheduler, without windows.

    Args:
        after_step: changes the latents after each step.
    """
    parts = Backbones(vae(), freeze(build_text_encoder(STANDIN, len(tokenizer()), 0)), tokenizer())
    frames_FSS3, visible_FSS = VIDEO
    frame_Fchw, mask_Fchw = encode_conditions(parts.vae, frames_FSS3, visible_FSS, COMPUTE.vae_batch)
    states = [encode_text(parts, [text]) for text in (PROMPT, negative)]
    given = VideoCondition(frame_Fchw, mask_Fchw, *states, FRAME_MASK)
    scheduler: DDIMScheduler = network_sampler(DIFFUSION, SAMPLER)
    scheduler.set_timesteps(SAMPLER.steps)
    z, model = (
        initial_noise(range(len(frames_FSS3)), frame_Fchw.shape[1:], "video", SEED),
        video_noise_model(video_unet()),
    )
    with torch.no_grad():
        for index, t in enumerate(scheduler.timesteps):
            noise = guided_by_hand(model, given, z, int(t), range(len(z)), SAMPLER.guidance)
            z = after_step(index, scheduler.step(noise, t, z).prev_sample)
    return z


def rgb(pipe: VideoAmodalCompletionPipeline, **more: Any) -> np.ndarray:
    """The completed pictures of :data:`VIDEO`."""
    call: dict[str, Any] = {"seed": SEED, **more}
    found: np.ndarray = pipe(*VIDEO, PROMPT, **call).rgb_FHW3
    return found


def latents(pipe: VideoAmodalCompletionPipeline, **more: Any) -> torch.Tensor:
    """The sampled latents of :data:`VIDEO`."""
    call: dict[str, Any] = {"seed": SEED, **more}
    found: torch.Tensor = pipe(*VIDEO, PROMPT, output_type="latent", **call).latents_Fchw
    return found
