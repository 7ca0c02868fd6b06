"""What the tests of sampling share: conditions of a video, a noise model without weights, guidance from the formula."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tests.unit.tiny_models import CPU, randn
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.noise_models import NoiseModel
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.guidance import guided
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import Noise
from tgvac.sampling.windows import average_windows


def condition(frames: int, size: int = 4) -> VideoCondition:
    """Random conditions; those of frame i are the same for every length."""
    shape = (4, size, size)
    return VideoCondition(
        torch.stack([randn(*shape, seed=100 + i) for i in range(frames)]),
        torch.stack([randn(*shape, seed=200 + i) for i in range(frames)]),
        randn(1, 12, 16, seed=1),
        randn(1, 12, 16, seed=2),
        FRAME_MASK,
    )


def toy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
    """A noise model without weights that depends on channels, text, time, place in the window and other frames."""
    z, frame, mask = x_BCFhw.chunk(3, dim=1)
    place_F = torch.linspace(0, 0.3, x_BCFhw.shape[2]).view(1, 1, -1, 1, 1)
    text_and_time = text_BND.mean(dim=(1, 2)).view(-1, 1, 1, 1, 1) + t_B.view(-1, 1, 1, 1, 1) / 2000
    others = 0.4 * z.mean(dim=2, keepdim=True)
    return torch.tanh(0.6 * z + 0.3 * frame - 0.2 * mask + others + text_and_time + place_F)


def guided_by_hand(
    model: NoiseModel, given: VideoCondition, z_Fchw: torch.Tensor, t: int, span: range, guidance: float
) -> torch.Tensor:
    """Classifier-free guidance of one window, two calls, from the formula."""
    at = slice(span.start, span.stop)
    x_1CFhw = torch.cat([z_Fchw[at], given.frame_Fchw[at], given.mask_Fchw[at]], dim=1).transpose(0, 1)[None]
    with_text = model(x_1CFhw, torch.tensor([t]), given.text_KND)[0].transpose(0, 1)
    without = model(x_1CFhw, torch.tensor([t]), given.null_text_1ND)[0].transpose(0, 1)
    return without + guidance * (with_text - without)


def given_noise(start_Fchw: torch.Tensor) -> Noise:
    """Noise that a test has drawn."""
    return lambda part: start_Fchw[part.start : part.stop]


def averaged(
    model: NoiseModel,
    given: VideoCondition,
    z_Fchw: torch.Tensor,
    t: int,
    spans: Sequence[range],
    sampler: SamplerParams,
) -> torch.Tensor:
    """The guided noise of a whole video at one level, averaged over its windows."""

    def predict(some: Sequence[range]) -> torch.Tensor:
        return guided(model, given, z_Fchw, t, some, sampler, 1000, CPU)

    return torch.cat([part for _, part in average_windows(predict, len(z_Fchw), spans, sampler.batch_windows)])
