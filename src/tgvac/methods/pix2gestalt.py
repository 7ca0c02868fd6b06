"""Pix2gestalt (Ozguroglu et al. 2024), a baseline of the paper: each frame is completed by itself, without a sentence.

Its network takes what ours does, latents of frame and visible mask, and attends to an embedding of the frame in place
of a sentence. As its authors sample it: DDIM with fresh noise (eta 1), 200 steps, guidance 2 away from all conditions
at once, and of several samples the majority is the amodal mask.

The network is one that was trained here, in the place of the published one, or the published one itself
(:mod:`tgvac.published.pix2gestalt`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.devices import device_of, pin
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.precision import in_precision
from tgvac.methods.sampler import sampler_of_frames
from tgvac.models.image_encoder import load_picture_backbones
from tgvac.models.noise_models import as_epsilon_model, frame_noise_model
from tgvac.models.runtime import quiet
from tgvac.models.trained import load_frame_unet
from tgvac.published.converted import digests_of, open_converted
from tgvac.seeds import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from tgvac.clips.framing import FramingParams
    from tgvac.methods.params import CompletionParams, MethodParams
    from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
    from tgvac.sampling.params import SamplerParams

KIND = "pix2gestalt"
"""The kind of converted folders that hold its weights."""

# F frames, H height, W width.


@dataclass(frozen=True)
class Voting:
    """Completes a video several times.

    Attributes:
        model: completes it once.
        votes: how often.
    """

    model: TemporalDiffusion
    votes: int

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Complete one object; see :class:`tgvac.clips.completion.Completer`. The sentence is not read."""
        framed = self.model.framed(frames_FHW3, visible_FHW)

        def draw(number: int) -> Completion:
            own = seed_of("vote", seed, number) % 2**31 if number else seed
            squares_FSS3 = self.model.complete_squares(framed.frames_FSS3, framed.visible_FSS, "", own)
            return self.model.unframed(squares_FSS3, framed)

        return voted([draw(number) for number in range(self.votes)])


def voted(samples: Sequence[Completion]) -> Completion:
    """Of several completions of a video, in each frame the majority as the amodal mask, and the nearest as the picture.

    A pixel is in the mask if more than half of the samples have it. The nearest sample is that whose own mask has the
    highest IoU with the majority, of equal ones the first. Its authors score the mask by a majority, and name no rule
    for the picture.
    """
    if len(samples) == 1:
        return samples[0]
    masks_NFHW = np.stack([sample.amodal_FHW > 0 for sample in samples])
    majority_FHW = 2 * np.count_nonzero(masks_NFHW, axis=0) > len(samples)
    shared_NF = np.count_nonzero(masks_NFHW & majority_FHW, axis=(2, 3))
    either_NF = np.count_nonzero(masks_NFHW | majority_FHW, axis=(2, 3))
    nearest_F = np.argmax(shared_NF / np.maximum(either_NF, 1), axis=0)
    rgb_FHW3 = np.stack([samples[n].rgb_FHW3[frame] for frame, n in enumerate(nearest_F)])
    return Completion(rgb_FHW3, np.where(majority_FHW, 255, 0).astype(np.uint8))


def load(
    setup: Setup,
    *,
    framing: FramingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    sampler: SamplerParams,
    completion: CompletionParams,
    compute: ComputeParams,
) -> Complete:
    """The method with its networks loaded.

    Raises:
        BadInput: when published weights are missing, damaged, of another model or of another noise schedule.
    """
    conditions = variants[setup.method.trained].of(conditions)
    if setup.method.published is not None:
        frozen = open_converted(setup.root / setup.method.published, KIND, diffusion, framing.size)
        network = load_frame_unet(frozen)
        conditions = as_published(conditions)
    else:
        assert setup.trained is not None
        assert setup.backbones is not None
        frozen, network = setup.backbones, load_frame_unet(setup.trained)
    on = device_of(setup.device, compute.tf32)
    blocks = framing, diffusion, conditions, sampler, completion, compute
    return from_input(Voting(sampling(network, frozen, setup.method, *blocks, on), setup.method.votes or 1))


def as_published(conditions: ConditionsParams) -> ConditionsParams:
    """The conditions of the published network, whatever a scale's own have: a mask, and latents that are not scaled."""
    return conditions.model_copy(update={"mask": True, "latents": "unscaled"})


def sampling(
    network: Any,
    frozen: Path,
    method: MethodParams,
    framing: FramingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    sampler: SamplerParams,
    completion: CompletionParams,
    compute: ComputeParams,
    device: torch.device,
) -> TemporalDiffusion:
    """What completes a video once.

    Args:
        network: the UNet.
        frozen: the folder of its autoencoder and image encoder.
        conditions: those that it was trained with.
    """
    pin(compute.threads)
    quiet()
    return TemporalDiffusion(
        in_precision(as_epsilon_model(frame_noise_model, diffusion)(network.to(device).eval()), completion, device),
        load_picture_backbones(frozen, device, compute.vae_batch),
        framing,
        diffusion,
        conditions,
        sampler_of_frames(method, sampler),
        completion,
        compute,
        device,
        same_noise=bool(method.same_noise),
    )


def local_weights(setup: Setup, **blocks: Any) -> list[str]:
    """Digests of published weights; none where the network was trained in a phase."""
    return [] if setup.method.published is None else digests_of(setup.root / setup.method.published)
