"""The completion model as a pipeline of diffusers, from a folder that ``tgvac export-model`` wrote.

    pipe = VideoAmodalCompletionPipeline.from_pretrained("folder").to("cuda")
    done = pipe(frames, masks, "a brown dog", seed=0)      # done.rgb_FHW3, done.amodal_FHW, done.rgba_FHW4

It runs the same code as the phase `completion`: the same weights, params, seed and number of threads give the same
bytes on a CPU.
"""

# No `annotations` from __future__: diffusers reads the constructor's types to check what it loaded.

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline, MotionAdapter, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from tgvac.completion.pipeline_files import check_weights
from tgvac.completion.pipeline_inputs import check_call, check_callback, frames_of, masks_of, seed_of_call
from tgvac.completion.pipeline_outputs import CompletedLatents, Output, OutputType, as_images, as_tensors, as_tuple
from tgvac.completion.pipeline_params import PipelineParams, check_negative, diffusion_of, sampler_of_call, with_older
from tgvac.completion.pipeline_steps import Callback, Interrupted, StepEnd
from tgvac.completion.placed import PlacedTextEncoder, PlacedVae, check_precisions, in_precision, woken
from tgvac.config import parse
from tgvac.methods.ours import FramedVideo, TemporalDiffusion
from tgvac.models.backbones import Backbones
from tgvac.models.motion_adapter import assemble
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, video_noise_model
from tgvac.models.params import DiffusionParams
from tgvac.models.text import unread
from tgvac.sampling.temporal_diffusion import NotFinite


class VideoAmodalCompletionPipeline(DiffusionPipeline):  # type: ignore[misc]  # diffusers is untyped
    """Completes one object in a video of any length (paper, section 3.4).

    Args:
        unet: the frame model, 12 input channels.
        motion_adapter: the motion modules trained on it.
        scheduler: its config has the noise schedule and what the networks predict.
        settings: ``PipelineParams`` as plain values.
    """

    # The motion adapter is not in the chain, since it runs inside the UNet: it goes back to the CPU after a call.
    model_cpu_offload_seq = "text_encoder->unet->vae"
    _callback_tensor_inputs = ["latents"]  # noqa: RUF012  # a list, as in diffusers

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
        self._in_layers: Any = None
        self._interrupt = False
        self._guidance_scale: float | None = None
        self._num_timesteps: int | None = None

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """As in diffusers, from safetensors alone; into ``float32`` if there is no ``dtype``.

        Raises:
            BadInput: when a folder lacks the weights, or those of the ``variant``.
        """
        check_weights(Path(pretrained_model_name_or_path), kwargs.get("variant"), kwargs)
        # transformers would load a text encoder as it was saved, also in half precision.
        dtype = {} if "torch_dtype" in kwargs else {"dtype": torch.float32}
        more = {"use_safetensors": True, **dtype, **kwargs}
        loaded: Self = super().from_pretrained(pretrained_model_name_or_path, **more)
        return loaded

    @property
    def guidance_scale(self) -> float | None:
        """Of the present or last call."""
        return self._guidance_scale

    @property
    def num_timesteps(self) -> int | None:
        """Denoising steps of the present or last call."""
        return self._num_timesteps

    @property
    def interrupt(self) -> bool:
        """Whether the call ends after the present step; ``callback_on_step_end`` sets ``_interrupt``."""
        return self._interrupt

    @torch.no_grad()
    def __call__(
        self,
        frames: Any,
        masks: Any,
        prompt: str = "",
        *,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        negative_prompt: str | None = None,
        clip_length: int | None = None,
        stride: int | None = None,
        fast: bool = False,
        seed: int | None = None,
        generator: torch.Generator | None = None,
        output_type: OutputType = "np",
        return_dict: bool = True,
        callback_on_step_end: Callback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Output | tuple[Any, ...]:
        """Complete one object.

        Args:
            frames: the video: PIL images, or an array or tensor, ``uint8 [F,H,W,3]`` or floats in [0, 1].
            masks: what is visible of the object, one mask a frame, ``[F,H,W]``: boolean, 0 and 1, 0 and 255, or soft.
            prompt: the whole object in a sentence; "" for none. What the encoder does not read is named in a warning.
            num_inference_steps, guidance_scale, clip_length, stride: in place of those that the model was evaluated
                with. ``clip_length`` is the frames of a window, ``stride`` those from one window to the next.
            fast: sample by the preset :data:`tgvac.sampling.params.FAST`, for long videos a tenth of the paper's work;
                arguments of the sampler are in place of its own, but it has no ``stride``.
            negative_prompt: in place of the empty sentence of the unconditional prediction.
            seed: of the noise; 0 if there is no generator. A frame's noise depends on the seed and its number alone.
            generator: gives a seed, so that a second call with it has other noise; not together with ``seed``.
            output_type: ``np``, ``pil``, ``pt`` or ``latent``; see :mod:`tgvac.completion.pipeline_outputs`.
            return_dict: if False, a tuple of the output's fields is returned.
            callback_on_step_end: called after each step as ``callback(pipe, step, timestep, kwargs)``; returns a dict.
                Its ``latents``, ``float32 [F,c,h,w]``, are gone on with. Set ``pipe._interrupt`` to end the call there.
            callback_on_step_end_tensor_inputs: the tensors in ``kwargs``; there is ``latents`` alone.

        Raises:
            BadInput: when masks and video don't fit, nothing is visible, an argument is out of range or has no effect,
                or the scheduler is not DDIM's, before anything is computed; when latents or pictures are not finite.
        """
        check_call(
            prompt,
            negative_prompt,
            seed,
            generator,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            clip_length=clip_length,
            stride=stride,
            fast=fast,
            output_type=output_type,
        )
        names = check_callback(callback_on_step_end, callback_on_step_end_tensor_inputs, self._callback_tensor_inputs)
        video_FHW3 = frames_of(frames)
        masks_FHW = masks_of(masks, video_FHW3)
        completer = self.completer(
            num_inference_steps, guidance_scale, stride, clip_length, negative_prompt or "", fast
        )
        framed = completer.framed(video_FHW3, masks_FHW)
        self._say_unread(prompt=prompt, negative_prompt=negative_prompt or "")
        self._guidance_scale, self._num_timesteps = completer.sampler.guidance, completer.sampler.steps
        self._interrupt = False
        with self.progress_bar(total=completer.sampler.steps) as bar:
            on_step = StepEnd(self, bar.update, callback_on_step_end, names)
            z = self._sampled(replace(completer, on_step=on_step), framed, prompt, seed_of_call(seed, generator))
        output = _as_output(completer, z, framed, output_type)
        self.maybe_free_model_hooks()
        return output if return_dict else as_tuple(output)

    def completer(
        self,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        stride: int | None = None,
        clip_length: int | None = None,
        negative_prompt: str = "",
        fast: bool = False,
    ) -> TemporalDiffusion:
        """What completes by the pipeline's networks and settings; the arguments are those of a call.

        Raises:
            BadInput: when an argument is out of range or has no effect, the scheduler is not DDIM's, or the networks'
                dtypes do not fit.
        """
        check_precisions(
            unet=self.unet, motion_adapter=self.motion_adapter, vae=self.vae, text_encoder=self.text_encoder
        )
        params = self._params()
        changed = {
            "steps": num_inference_steps,
            "guidance": guidance_scale,
            "stride": stride,
            "clip_frames": clip_length,
            # The scheduler can be replaced, and says how its levels are spaced.
            "timestep_spacing": self.scheduler.config.timestep_spacing,
        }
        sampler = sampler_of_call(params.sampler, changed, self._longest_clip(), fast)
        check_negative(negative_prompt, sampler, params.conditions)
        diffusion = diffusion_of(self.scheduler.config, sampler)
        device = self._execution_device
        return TemporalDiffusion(
            self._noise_model(params, diffusion, device),
            Backbones(PlacedVae(self.vae, device), PlacedTextEncoder(self.text_encoder, device), self.tokenizer),
            params.framing,
            diffusion,
            params.conditions,
            sampler,
            params.completion,
            params.compute,
            device,
            negative=negative_prompt,
        )

    def _sampled(self, completer: TemporalDiffusion, framed: FramedVideo, prompt: str, seed: int) -> torch.Tensor:
        try:
            return completer.sample(framed.frames_FSS3, framed.visible_FSS, prompt, seed)
        except Interrupted as stopped:
            return stopped.latents_Fchw
        except NotFinite as error:
            if self.unet.dtype == torch.float32:
                raise
            raise NotFinite(
                f"Sampling ended with latents that are not finite in {self.unet.dtype}; load the pipeline in bfloat16"
                " or float32."
            ) from error

    def _params(self) -> PipelineParams:
        return parse(PipelineParams, with_older(self.config.settings or {}), "The pipeline's settings")

    def _joined(self, params: PipelineParams) -> Any:
        """The video model; its norms are new, and all else is shared with the parts."""
        video = assemble(self.unet, self.motion_adapter, params.motion_module)
        # Not by diffusers' own `to`, which warns of every cast.
        return torch.nn.Module.to(video, self.unet.dtype)

    def _longest_clip(self) -> int | None:
        """The most frames of a window; None if the motion modules have relative positions, which have no end."""
        if hasattr(self.motion_adapter.config, "max_distance"):
            return None
        return int(self.motion_adapter.config.motion_max_seq_length)

    def _noise_model(self, params: PipelineParams, diffusion: DiffusionParams, device: torch.device) -> NoiseModel:
        as_model = as_epsilon_model(in_precision(video_noise_model, self.unet.dtype), diffusion)
        if self._in_layers is not None:
            return as_model(self._in_layers)
        video = self._joined(params)
        parts = (self.unet, self.motion_adapter)
        if all(hasattr(part, "_hf_hook") for part in parts):
            return woken(as_model(video), video, parts, device)
        return as_model(video.to(device))

    def enable_sequential_cpu_offload(
        self, gpu_id: int | None = None, device: torch.device | str | None = None
    ) -> None:
        """As in diffusers; the networks are joined before their layers are offloaded one by one."""
        from accelerate import cpu_offload

        self.remove_all_hooks()
        self.to("cpu", silence_dtype_warnings=True)
        video = self._joined(self._params())
        super().enable_sequential_cpu_offload(gpu_id, device)
        # With buffers, since the positions of motion modules are in layers without parameters.
        self._in_layers = cpu_offload(video, self._offload_device, offload_buffers=True)

    def remove_all_hooks(self) -> None:
        """As in diffusers."""
        self._in_layers = None
        super().remove_all_hooks()

    def enable_vae_slicing(self) -> None:
        """Send images through the autoencoder one by one."""
        self.vae.enable_slicing()

    def disable_vae_slicing(self) -> None:
        """Undo ``enable_vae_slicing``."""
        self.vae.disable_slicing()

    def enable_vae_tiling(self) -> None:
        """Send images that are larger than the autoencoder was trained with through it in tiles."""
        self.vae.enable_tiling()

    def disable_vae_tiling(self) -> None:
        """Undo ``enable_vae_tiling``."""
        self.vae.disable_tiling()

    def set_attention_slice(self, slice_size: str | int | None) -> None:
        """Say that attention is not sliced: torch's own needs no memory for the scores, and slices make it slower."""
        if slice_size is not None:
            warnings.warn(
                "this pipeline does not slice attention, since torch's own needs little memory; give a smaller"
                " clip_length, or call enable_vae_slicing or enable_model_cpu_offload",
                stacklevel=3,
            )

    def _say_unread(self, **texts: str) -> None:
        for name, text in texts.items():
            if lost := unread(self.tokenizer, self.text_encoder.config.max_position_embeddings, text):
                warnings.warn(f"the text encoder does not read the end of {name}: '{lost}'; shorten it", stacklevel=4)


def _as_output(
    completer: TemporalDiffusion, z_Fchw: torch.Tensor, framed: FramedVideo, output_type: OutputType
) -> Output:
    if output_type == "latent":
        return CompletedLatents(z_Fchw)
    done = completer.unframed(completer.decode(z_Fchw), framed)
    if output_type == "np":
        return done
    return as_images(done) if output_type == "pil" else as_tensors(done)
