"""What happens between denoising steps of a pipeline: progress, the caller's function, and an early end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tgvac.errors import BadInput

# Shapes: F frames, c latent channels, h, w latents.

Callback = Callable[[Any, int, int, dict[str, Any]], dict[str, Any]]


class Interrupted(Exception):
    """The caller's function set ``pipe._interrupt``.

    Attributes:
        latents_Fchw: after the last step.
    """

    def __init__(self, latents_Fchw: torch.Tensor) -> None:
        super().__init__()
        self.latents_Fchw = latents_Fchw


@dataclass(frozen=True)
class StepEnd:
    """Called after each denoising step, as :data:`tgvac.sampling.temporal_diffusion.OnStep`.

    Attributes:
        pipe: the pipeline; its ``_interrupt`` and ``_guidance_scale`` are read after each call.
        update: advances the progress bar.
        callback: the caller's function, or None.
        tensor_inputs: names of the tensors that it is given.
    """

    pipe: Any
    update: Callable[[], Any]
    callback: Callback | None
    tensor_inputs: Sequence[str]

    def __call__(self, index: int, t: int, latents_Fchw: torch.Tensor) -> torch.Tensor:
        """The latents to go on with.

        Raises:
            BadInput: when the caller's function returns something else than latents of the same shape, or changes the
                guidance.
            Interrupted: when it asked to stop.
        """
        if self.callback is not None:
            # A copy, since callers keep what they are given.
            latents_Fchw = self._called(index, t, latents_Fchw)
        self.update()
        if self.pipe.interrupt:
            raise Interrupted(latents_Fchw.clone())
        return latents_Fchw

    def _called(self, index: int, t: int, latents_Fchw: torch.Tensor) -> torch.Tensor:
        assert self.callback is not None
        guidance = self.pipe.guidance_scale
        found = self.callback(self.pipe, index, t, dict.fromkeys(self.tensor_inputs, latents_Fchw.clone()))
        if not isinstance(found, dict):
            raise BadInput(
                f"callback_on_step_end returned {type(found).__name__} at step {index}; return the dict of tensors that"
                " it is given."
            )
        if unknown := sorted(set(found) - {"latents"}):
            raise BadInput(f"callback_on_step_end returned '{unknown[0]}' at step {index}; only latents can change.")
        if self.pipe.guidance_scale != guidance:
            raise BadInput(
                f"callback_on_step_end changed the guidance at step {index}, which this pipeline keeps for all steps;"
                " give it as guidance_scale."
            )
        changed = found.get("latents", latents_Fchw)
        if not isinstance(changed, torch.Tensor) or changed.shape != latents_Fchw.shape:
            shape = list(changed.shape) if isinstance(changed, torch.Tensor) else type(changed).__name__
            raise BadInput(
                f"callback_on_step_end returned latents {shape} at step {index}; return a tensor"
                f" {list(latents_Fchw.shape)}."
            )
        return changed.detach().to(latents_Fchw.device, latents_Fchw.dtype)
