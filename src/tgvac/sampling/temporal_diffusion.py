"""Temporal diffusion: denoises a whole video by overlapping windows (paper, section 3.4).

At each step, the noise of every window is predicted with guidance, the predictions are averaged over the windows that
contain a frame, and one step of the solver is taken for the whole video. With eta = 0 a step is affine in the
prediction, so this equals averaging the steps of the windows, as MultiDiffusion does.

A video may be of any length: only the windows of one group are on the device, and only their frames are worked on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import normal
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.guidance import guided
from tgvac.sampling.kept import Kept
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.solvers import solver_of
from tgvac.sampling.windows import average_windows, windows_at

# Shapes: F frames of the video, n frames of a part, B windows of a group, c latent channels, h, w latents.

Noise = Callable[[range], torch.Tensor]
"""Frames to their initial noise ``[n,c,h,w]``."""
StepNoise = Callable[[int, range], torch.Tensor]
"""A noise level and frames to fresh noise ``[n,c,h,w]``."""
OnStep = Callable[[int, int, torch.Tensor], torch.Tensor | None]
"""A step from 0, its noise level and the latents ``[F,c,h,w]`` after it, whose memory is used again, to the latents to
go on with; None for the same."""

_CHUNK = 64
"""Frames that are checked at once."""


class NotFinite(BadInput):
    """Sampling ended with numbers that are not finite; their images would be black."""


def initial_noise(frames: Iterable[int], shape: tuple[int, ...], sample: str, seed: int) -> torch.Tensor:
    """Initial noise ``[n,*shape]``, drawn frame by frame by name, so that it does not depend on the video's length."""
    return torch.stack([normal(shape, "sample", sample, seed, i) for i in frames])


@torch.no_grad()
def sample_video(
    model: NoiseModel,
    condition: VideoCondition,
    noise: Noise,
    diffusion: DiffusionParams,
    sampler: SamplerParams,
    device: torch.device,
    on_step: OnStep = lambda k, t, z: None,
    step_noise: StepNoise | None = None,
    kept: Kept | None = None,
) -> torch.Tensor:
    """Denoise a video of any length, ``float32 [F,c,h,w]`` scaled latents on the CPU.

    Args:
        model: predicts the noise of windows.
        noise: of unit variance.
        on_step: called after each denoising step that is taken.
        step_noise: of unit variance; needed if eta is above 0.
        kept: where the latents are; sampling goes on after the last step that is finished there.

    Raises:
        NotFinite: when a latent is not finite at the end.
        ValueError: when eta is above 0 and no ``step_noise`` is given.
    """
    if sampler.eta > 0 and step_noise is None:
        raise ValueError(f"eta {sampler.eta} adds noise at every step, but step_noise is None; give it, or eta 0")
    kept = kept or Kept()
    solver, shape = solver_of(diffusion, sampler), tuple(condition.frame_Fchw.shape)
    # Two of each, in turns: a step that is stopped in its middle has changed nothing of what it reads.
    z_2Fchw = [kept.tensor(f"latents-{i}", shape) for i in (0, 1)]
    images_2Fchw = [kept.tensor(f"images-{i}", shape) for i in (0, 1)] if solver.remembers else None
    if not kept.done("noise"):
        for i in range(shape[0]):
            z_2Fchw[0][i : i + 1] = noise(range(i, i + 1))
        kept.finish("noise", shape[0])
    for k in range(kept.done("steps"), sampler.steps):
        t, here, there = int(solver.timesteps[k]), k % 2, (k + 1) % 2
        predicted = _predictions(model, condition, z_2Fchw[here], k, t, sampler, diffusion.train_steps, device)
        for frames, prediction_nchw in predicted:
            part = slice(frames.start, frames.stop)
            fresh = step_noise(t, frames) if step_noise is not None and sampler.eta > 0 else None
            before = None if images_2Fchw is None else images_2Fchw[here][part]
            stepped = solver.step(k, prediction_nchw, z_2Fchw[here][part], before, fresh)
            z_2Fchw[there][part] = stepped.z_nchw
            if images_2Fchw is not None:
                images_2Fchw[there][part] = stepped.image_nchw
        if (changed := on_step(k, t, z_2Fchw[there])) is not None:
            z_2Fchw[there].copy_(changed)
        kept.finish("steps", k + 1)
    z_Fchw = z_2Fchw[sampler.steps % 2]
    _check_finite(z_Fchw, diffusion, sampler)
    return z_Fchw


def _predictions(
    model: NoiseModel,
    condition: VideoCondition,
    z_Fchw: torch.Tensor,
    k: int,
    t: int,
    sampler: SamplerParams,
    levels: int,
    device: torch.device,
) -> Iterator[tuple[range, torch.Tensor]]:
    """Frames and their averaged prediction ``[n,c,h,w]``, in the order of the video, at step ``k`` and level ``t``."""

    def predict(some: Sequence[range]) -> torch.Tensor:
        return guided(model, condition, z_Fchw, t, some, sampler, levels, device)

    spans = windows_at(k, len(z_Fchw), sampler)
    return average_windows(predict, len(z_Fchw), spans, sampler.batch_windows, sampler.weights)


def _check_finite(z_Fchw: torch.Tensor, diffusion: DiffusionParams, sampler: SamplerParams) -> None:
    # Checked once at the end, since a number that is not finite stays so.
    bad_F = torch.cat([~part.isfinite().flatten(1).all(1) for part in torch.split(z_Fchw, _CHUNK)])
    if bad_F.any():
        advice = "set eta to 0, or " if sampler.eta > 0 else ""
        raise NotFinite(
            f"Sampling ended with latents that are not finite in {int(bad_F.sum())} of {len(bad_F)} frames"
            f" (steps {sampler.steps}, eta {sampler.eta:g}, prediction '{diffusion.prediction}');"
            f" {advice}use a model whose training converged."
        )
