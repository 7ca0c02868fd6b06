"""Layouts of a UNet's input channels: the noised latents first, then its conditions in a fixed order.

A mismatch of order, widths or scaling raises no error and makes a bad model, so each layout is written down once, and
training, inference and the plan read it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Layout:
    """Which conditions a UNet takes beside the noised latents.

    Attributes:
        order: the conditions in the order of their channels.
        mask_channels: of the mask; 0: as many as latents have, since it is encoded as a picture. An inpainting model
            has a mask of one channel, at the latents' size.
    """

    order: tuple[Literal["frame", "mask"], ...]
    mask_channels: int = 0

    def channels(self, latents: int) -> int:
        """Input channels of the UNet for latents of so many channels.

        >>> Layout(("frame", "mask")).channels(4), Layout(("mask", "frame"), mask_channels=1).channels(4)
        (12, 9)
        """
        widths = {"frame": latents, "mask": self.mask_channels or latents}
        return latents + sum(widths[name] for name in self.order)

    def stack(self, z_t: torch.Tensor, frame: torch.Tensor, mask: torch.Tensor, dim: int = 1) -> torch.Tensor:
        """Concatenate along the channels, ``dim``: z_t, then the conditions in their order."""
        import torch

        given = {"frame": frame, "mask": mask}
        return torch.cat([z_t, *(given[name] for name in self.order)], dim=dim)


FRAME_MASK = Layout(("frame", "mask"))
"""The paper's (equation 2 and Figure 3), and pix2gestalt's: latents of the input frame, then of the visible mask."""

LAYOUTS: Mapping[str, Layout] = {"frame_mask": FRAME_MASK}
"""By name, as the params and the registry of methods call them."""
