"""The paper's method as a completer: frames, masks and a sentence in, the whole object out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tgvac.clips.completion import Completion
from tgvac.clips.framing import FramingParams, Window, frame_masks, frame_video, unframe_rgb, windows_of
from tgvac.clips.images import not_white
from tgvac.devices import device_of, pin
from tgvac.errors import BadInput
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.params import CompletionParams
from tgvac.methods.precision import in_precision
from tgvac.methods.sampler import sampler_of
from tgvac.models.backbones import Backbones, load_backbones
from tgvac.models.image_encoder import PictureBackbones
from tgvac.models.latents import decode_images
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, frame_noise_model, video_noise_model
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.models.trained import load_frame_unet, load_video_unet
from tgvac.sampling.condition import Pictures, condition_of
from tgvac.sampling.kept import Kept
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import OnStep, initial_noise, sample_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class FramedVideo:
    """A video as the model sees it.

    Attributes:
        frames_FSS3: squares of the frames, ``uint8``.
        visible_FSS: squares of the visible masks, ``uint8`` in {0, 255}.
        windows: the part of each frame that its square shows.
        height, width: of the video.
    """

    frames_FSS3: np.ndarray
    visible_FSS: np.ndarray
    windows: Sequence[Window]
    height: int
    width: int


@dataclass(frozen=True)
class TemporalDiffusion:
    """Completes a video of any length by temporal diffusion (paper, section 3.4).

    Attributes:
        on_step: called after each denoising step.
        negative: the sentence of the unconditional prediction.
        same_noise: whether all frames begin with the noise of the first, and get its fresh noise.
    """

    model: NoiseModel
    backbones: Backbones | PictureBackbones
    framing: FramingParams
    diffusion: DiffusionParams
    conditions: ConditionsParams
    sampler: SamplerParams
    completion: CompletionParams
    compute: ComputeParams
    device: torch.device
    on_step: OnStep = lambda k, t, z: None
    negative: str = ""
    same_noise: bool = False

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Complete one object; see :class:`tgvac.clips.completion.Completer`.

        Raises:
            BadInput: when the mask shows nothing in any frame, or differs from the video in size.
        """
        framed = self.framed(frames_FHW3, visible_FHW)
        return self.unframed(self.complete_squares(framed.frames_FSS3, framed.visible_FSS, text, seed), framed)

    def framed(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray) -> FramedVideo:
        """A video and its visible masks, cut and scaled to the model's size.

        Raises:
            BadInput: when the mask shows nothing in any frame, or differs from the video in size.
        """
        if visible_FHW.shape != frames_FHW3.shape[:3]:
            raise BadInput(
                f"The visible masks are {visible_FHW.shape}, the video is {frames_FHW3.shape[:3]};"
                " give one mask a frame, of the frame's size."
            )
        if not np.isin(visible_FHW, (0, 255)).all():
            raise BadInput("The visible masks hold values other than 0 and 255; write masks as pure black and white.")
        if not visible_FHW.any():
            raise BadInput("The visible mask is empty in every frame; choose the object where it can be seen.")
        windows = windows_of(self.framing, visible_FHW)
        frames_FSS3 = frame_video(self.framing, frames_FHW3, windows, self.framing.pad)
        masks_FSS = frame_masks(self.framing, visible_FHW, windows)
        return FramedVideo(frames_FSS3, masks_FSS, windows, frames_FHW3.shape[1], frames_FHW3.shape[2])

    def unframed(self, squares_FSS3: np.ndarray, framed: FramedVideo) -> Completion:
        """Completed squares in the coordinates and the resolution of the video."""
        pairs = zip(squares_FSS3, framed.windows, strict=True)
        rgb = np.stack([unframe_rgb(square, w, framed.height, framed.width, fill=255) for square, w in pairs])
        return Completion(rgb, not_white(rgb, self.completion.white_threshold))

    def complete_squares(
        self, frames_FSS3: Pictures, visible_FSS: Pictures, text: str, seed: int, kept: Kept | None = None
    ) -> np.ndarray:
        """The whole object on white at the model's size, ``uint8 [F,S,S,3]``, from framed frames and masks.

        Args:
            frames_FSS3, visible_FSS: read in parts, in the order of the video.
            kept: where latents and squares are; a stopped run goes on from what is done there.
        """
        kept, frames, size = kept or Kept(), len(frames_FSS3), self.framing.size
        squares_FSS3 = kept.array("squares", (frames, size, size, 3), np.uint8)
        if kept.done("squares") < frames:
            z_Fchw, batch = self.sample(frames_FSS3, visible_FSS, text, seed, kept), self.compute.vae_batch
            for start in range(kept.done("squares"), frames, batch):
                part = slice(start, min(frames, start + batch))
                squares_FSS3[part] = self.decode(z_Fchw[part])
                kept.finish("squares", part.stop)
        kept.forget("squares")
        return squares_FSS3

    def decode(self, z_Fchw: torch.Tensor) -> np.ndarray:
        """Sampled latents as pictures, ``uint8 [F,S,S,3]``."""
        return decode_images(self.backbones.vae, z_Fchw, self.compute.vae_batch)

    def sample(
        self, frames_FSS3: Pictures, visible_FSS: Pictures, text: str, seed: int, kept: Kept | None = None
    ) -> torch.Tensor:
        """Scaled latents of the whole object, ``float32 [F,c,h,w]`` on the CPU; see :meth:`complete_squares`."""
        kept, batch = kept or Kept(), self.compute.vae_batch
        condition = condition_of(
            self.backbones, frames_FSS3, visible_FSS, text, self.conditions, batch, self.negative, kept
        )
        shape = tuple(condition.frame_Fchw.shape[1:])

        def drawn(part: range) -> Iterable[int]:
            return [0] * len(part) if self.same_noise else part

        def noise(part: range) -> torch.Tensor:
            return initial_noise(drawn(part), shape, "video", seed)

        def step_noise(t: int, part: range) -> torch.Tensor:
            return initial_noise(drawn(part), shape, f"video at {t}", seed)

        return sample_video(
            self.model, condition, noise, self.diffusion, self.sampler, self.device, self.on_step, step_noise, kept
        )


def load(
    setup: Setup,
    *,
    framing: FramingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    motion_module: MotionModuleParams,
    sampler: SamplerParams,
    completion: CompletionParams,
    compute: ComputeParams,
) -> Complete:
    """The method with its networks loaded, under the conditions that they were trained with."""
    assert setup.backbones is not None
    assert setup.trained is not None
    pin(compute.threads)
    quiet()
    device = device_of(setup.device, compute.tf32)
    if setup.method.motion:
        network: Any = load_video_unet(setup.trained, motion_module)
        as_model: Any = video_noise_model
    else:
        network = load_frame_unet(setup.trained)
        as_model = frame_noise_model
    completer = TemporalDiffusion(
        in_precision(as_epsilon_model(as_model, diffusion)(network.to(device).eval()), completion, device),
        load_backbones(setup.backbones, device),
        framing,
        diffusion,
        variants[setup.method.trained].of(conditions),
        sampler_of(setup.method, sampler),
        completion,
        compute,
        device,
        same_noise=bool(setup.method.same_noise),
    )
    return from_input(completer)
