"""How often a frame goes through the UNet: once a window, step and pass of guidance; end windows and padding count."""

from __future__ import annotations

from tgvac.models.params import DiffusionParams
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.solvers import solver_of
from tgvac.sampling.windows import windows_at


def calls(
    frames: int, sampler: SamplerParams, diffusion: DiffusionParams, guides: bool, first: int = 0
) -> list[tuple[int, int]]:
    """Each window that goes through the UNet to complete a video: its length, and the passes of guidance.

    Args:
        frames: of the video.
        guides: whether there is something to guide by; without text, guidance by text is one pass.
        first: the first step that counts.
    """
    found = []
    for k, t in list(enumerate(solver_of(diffusion, sampler).timesteps.tolist()))[first:]:
        passes = 2 if guides and sampler.guided_at(t, diffusion.train_steps) else 1
        found += [(len(span), passes) for span in windows_at(k, frames, sampler)]
    return found


def evaluations(
    frames: int, sampler: SamplerParams, diffusion: DiffusionParams, guides: bool = True, first: int = 0
) -> int:
    """Frames that go through the UNet to complete a video; see :func:`calls`."""
    return sum(length * passes for length, passes in calls(frames, sampler, diffusion, guides, first))
