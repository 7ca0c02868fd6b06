"""The completion model as a pipeline of diffusers, from a folder that ``tgvac export-model`` wrote.

    pipe = VideoAmodalCompletionPipeline.from_pretrained("folder").to("cuda")
    done = pipe(frames, masks, "a brown dog", seed=0)      # done.rgb_FHW3, done.amodal_FHW, done.rgba_FHW4

It runs the same code as the phase `completion`: the same weights, params, seed and number of threads give the same
bytes on a CPU.
"""

# No `annotations` from __future__: diffusers reads the constructor's types to check what it loaded.

import warnings
from dataclasses import replace
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline, MotionAdapter, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from tgvac.clips.completion import Completion
from tgvac.completion.pipeline_inputs import check_call, frames_of, masks_of
from tgvac.completion.pipeline_params import PipelineParams, diffusion_of
from tgvac.config import parse
from tgvac.methods.ours import TemporalDiffusion
from tgvac.models.backbones import Backbones
from tgvac.models.motion_adapter import assemble
from tgvac.models.noise_models import as_epsilon_model, video_noise_model
from tgvac.models.text import unread
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import OnStep


class VideoAmodalCompletionPipeline(DiffusionPipeline):  # type: ignore[misc]  # diffusers is untyped
    """Completes one object in a video of any length (paper, section 3.4).

    Args:
        unet: the frame model, 12 input channels.
        motion_adapter: the motion modules trained on it.
        scheduler: its config has the noise schedule and what the networks predict.
        settings: ``PipelineParams`` as plain values.
    """

    def __init__(
        self,
        vae: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        unet: UNet2DConditionModel,
        motion_adapter: MotionAdapter,
        scheduler: DDIMScheduler,
        settings: dict | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            motion_adapter=motion_adapter,
            scheduler=scheduler,
        )
        self.register_to_config(settings=settings)

    @torch.no_grad()
    def __call__(
        self,
        frames: Any,
        masks: Any,
        prompt: str = "",
        seed: int = 0,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        stride: int | None = None,
    ) -> Completion:
        """Complete one object.

        Args:
            frames: the video: PIL images, or an array or tensor, ``uint8 [F,H,W,3]`` or floats in [0, 1].
            masks: what is visible of the object, one mask a frame, ``[F,H,W]``: boolean, 0 and 1, 0 and 255, or soft.
            prompt: the whole object in a sentence; "" for none. What the encoder does not read is named in a warning.
            seed: of the noise.
            num_inference_steps, guidance_scale, stride: in place of those that the model was evaluated with.

        Raises:
            BadInput: when masks and video don't fit, nothing is visible, an argument is out of range, or the scheduler
                is not DDIM's; before anything is computed.
            ValueError: when the networks were loaded in another precision than float32.
        """
        if self.unet.dtype != torch.float32:
            raise ValueError(f"the networks are in {self.unet.dtype}; load the folder without a dtype")
        check_call(prompt, seed, num_inference_steps, guidance_scale, stride)
        video_FHW3 = frames_of(frames)
        masks_FHW = masks_of(masks, video_FHW3)
        if lost := unread(self.tokenizer, self.text_encoder.config.max_position_embeddings, prompt):
            warnings.warn(f"the text encoder does not read the end of the prompt: '{lost}'; shorten it", stacklevel=2)
        completer = self.completer(num_inference_steps, guidance_scale, stride)
        with self.progress_bar(total=completer.sampler.steps) as bar:
            stepping = replace(completer, on_step=lambda *_: bar.update())
            return stepping.complete(video_FHW3, masks_FHW, prompt, int(seed))

    def completer(
        self,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        stride: int | None = None,
        on_step: OnStep = lambda k, t, z: None,
    ) -> TemporalDiffusion:
        """What completes by the pipeline's networks and settings.

        Args:
            num_inference_steps, guidance_scale, stride: as in a call.
            on_step: called after each denoising step.

        Raises:
            BadInput: when an argument is out of range, or the scheduler is not DDIM's.
        """
        params = parse(PipelineParams, self.config.settings or {}, "The pipeline's settings")
        changed = {"steps": num_inference_steps, "guidance": guidance_scale, "stride": stride}
        asked = {key: value for key, value in changed.items() if value is not None}
        # The scheduler can be replaced, and says how its levels are spaced.
        asked["timestep_spacing"] = self.scheduler.config.timestep_spacing
        sampler = parse(SamplerParams, {**params.sampler.model_dump(), **asked}, "The call's arguments")
        diffusion = diffusion_of(self.scheduler.config, sampler)
        video = assemble(self.unet, self.motion_adapter, params.motion_module).to(self.device)
        return TemporalDiffusion(
            as_epsilon_model(video_noise_model, diffusion)(video),
            Backbones(self.vae, self.text_encoder, self.tokenizer),
            params.framing,
            diffusion,
            params.conditions,
            sampler,
            params.completion,
            params.compute,
            self.device,
            on_step,
        )
