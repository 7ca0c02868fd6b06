"""Classifier-free guidance of a group of windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tgvac.models.noise_models import NoiseModel
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.windows import frames_of

# Shapes: F frames of the video, n frames of a window, B windows of a group, c latent channels, h, w latents.


def guided(
    model: NoiseModel,
    condition: VideoCondition,
    z_Fchw: torch.Tensor,
    t: int,
    spans: Sequence[range],
    sampler: SamplerParams,
    levels: int,
    device: torch.device,
) -> torch.Tensor:
    """Guided noise of windows of one length at noise level ``t``, ``[B,n,c,h,w]`` on the CPU.

    Only these windows are moved to the device. Each goes through the model twice, with and without the condition, in
    one batch; or once, where there is no guidance, or if it is by a text that the condition does not have.
    """
    shown = [frames_of(span, len(z_Fchw)) for span in spans]

    def cut(x_Fchw: torch.Tensor) -> torch.Tensor:
        return torch.stack([x_Fchw[frames] for frames in shown]).transpose(1, 2)

    frame, mask = cut(condition.frame_Fchw), cut(condition.mask_Fchw)
    x = condition.layout.stack(cut(z_Fchw), frame, mask)
    text = _attended(condition, shown)
    times = torch.full((len(spans),), t, dtype=torch.long)
    nothing_to_guide = sampler.unconditional == "text" and torch.equal(condition.text_KND, condition.null_text_1ND)
    if nothing_to_guide or not sampler.guided_at(t, levels):
        return model(x.to(device), times.to(device), text.to(device)).float().cpu().transpose(1, 2)
    if sampler.unconditional == "text":
        null = x
    else:
        null = condition.layout.stack(cut(z_Fchw), torch.zeros_like(frame), torch.zeros_like(mask))
    null_text = condition.null_text_1ND.expand(len(spans), -1, -1)
    both = model(
        torch.cat([null, x]).to(device), torch.cat([times, times]).to(device), torch.cat([null_text, text]).to(device)
    )
    without, with_text = both.float().cpu().chunk(2)
    return (without + sampler.guidance * (with_text - without)).transpose(1, 2)


def _attended(condition: VideoCondition, shown: Sequence[Sequence[int]]) -> torch.Tensor:
    """What each window attends to, ``[B,N,D]``: the video's sentence, or the embedding of the window's only frame."""
    if len(condition.text_KND) == 1:
        return condition.text_KND.expand(len(shown), -1, -1)
    if longest := max(len(frames) for frames in shown) - 1:
        raise ValueError(f"a window of {longest + 1} frames attends to the embedding of one; set clip_frames to 1")
    return condition.text_KND[[frames[0] for frames in shown]]
