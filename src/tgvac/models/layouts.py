"""Layouts of a UNet's input channels: the noised latents first, then its conditions in a fixed order.

A wrong order raises no error but makes a bad model. So order and widths are defined once, here, and training, inference
and the plan all use them. How conditions are scaled is ``conditions.latents`` of the params.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import torch


class TrainedOn(NamedTuple):
    """The cached latents (:mod:`tgvac.latents.encoding`) that are target, frame and mask in training."""

    target: str = "target"
    frame: str = "frame"
    mask: str = "mask"


_OBJECT = TrainedOn()
"""Completes an object that is hidden in a frame."""


@dataclass(frozen=True)
class ChannelLayout:
    """The conditions that a UNet takes beside the noised latents.

    Attributes:
        order: the conditions in the order of their channels.
        mask_channels: channels of the mask. 0: as many as the latents, since the mask is encoded as an image. An
            inpainting model has a mask of one channel, at the latents' size.
        trained_on: what target, frame and mask are in training.
    """

    order: tuple[Literal["frame", "mask"], ...]
    mask_channels: int = 0
    trained_on: TrainedOn = _OBJECT

    @property
    def has_holes(self) -> bool:
        """Whether training fills random holes of whole pictures."""
        return self.trained_on.mask == "hole"

    def channels(self, latents: int) -> int:
        """The UNet's input channels, given the latents' channels.

        >>> ChannelLayout(("frame", "mask")).channels(4), ChannelLayout(("mask", "frame"), mask_channels=1).channels(4)
        (12, 9)
        """
        widths = {"frame": latents, "mask": self.mask_channels or latents}
        return latents + sum(widths[name] for name in self.order)

    def stack(self, z_t: torch.Tensor, frame: torch.Tensor, mask: torch.Tensor, dim: int = 1) -> torch.Tensor:
        """Concatenate along the channels, ``dim``: z_t, then the conditions in their order."""
        import torch

        given = {"frame": frame, "mask": mask}
        return torch.cat([z_t, *(given[name] for name in self.order)], dim=dim)


FRAME_MASK = ChannelLayout(("frame", "mask"))
"""The paper's layout (equation 2 and Figure 3), also pix2gestalt's: latents of the input frame, then of the mask."""

INPAINT = ChannelLayout(
    ("mask", "frame"),
    mask_channels=1,
    trained_on=TrainedOn(target="frame", frame="holed", mask="hole"),
)
"""Stable Diffusion's inpainting models: the hole, then the picture without it. ProgressiveAmodal uses one."""

LAYOUTS: Mapping[str, ChannelLayout] = {"frame_mask": FRAME_MASK, "inpaint": INPAINT}
"""Layouts by the names that the params use."""
