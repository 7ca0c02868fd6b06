"""The sampler as a method has it: the block ``sampler`` with the method's own keys. No network is imported here."""

from __future__ import annotations

from typing import Any

from tgvac.methods.params import MethodParams
from tgvac.sampling.params import SamplerParams

WHOLE_VIDEO = 2**31
"""Longer than any video: a shorter video is one window of its own length."""

PUBLISHED = {"timestep_spacing": "leading", "solver": "ddim", "guided_levels": (0.0, 1.0)}
"""What goes with published weights, whatever a scale samples with."""

_OWN = sorted(set(SamplerParams.model_fields) & set(MethodParams.model_fields))
"""Keys of the sampler that a method may have of its own."""


def sampler_of(method: MethodParams, sampler: SamplerParams) -> SamplerParams:
    """The sampler as a method has it.

    Raises:
        ValueError: when the method's stride is longer than a window.
    """
    own = {key: value for key in _OWN if (value := getattr(method, key)) is not None}
    if method.one_window:
        own |= {"clip_frames": WHOLE_VIDEO, "stride": WHOLE_VIDEO}
    if not method.motion:
        # Frames are independent without motion modules, so overlapping windows would only repeat work.
        own |= {"stride": own.get("clip_frames", sampler.clip_frames), "overlap": 1.0, "ends": "inside"}
    return SamplerParams(**(sampler.model_dump() | own))


def sampler_of_frames(method: MethodParams, sampler: SamplerParams) -> SamplerParams:
    """The sampler of a method that completes frames one by one, since each attends to its own embedding.

    As many frames go through the network at once as otherwise are in a group of windows.

    Raises:
        ValueError: when a value is out of range, or two contradict each other.
    """
    base = SamplerParams(**(sampler.model_dump() | PUBLISHED)) if method.published is not None else sampler
    own = sampler_of(method, base)
    together = own.batch_windows * own.clip_frames
    alone: dict[str, Any] = {"clip_frames": 1, "stride": 1, "overlap": 1.0, "ends": "inside"}
    return own.model_copy(update={**alone, "batch_windows": together})
