"""Reads the features of a UNet's decoder block while it predicts."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from tgvac.errors import BadInput


class Tap:
    """What a decoder block returned last, ``features_BChw``; use it as a context manager."""

    def __init__(self, unet: Any, block: int) -> None:
        check_block(unet, block)
        self._block = unet.up_blocks[block]
        self.features_BChw: torch.Tensor | None = None

    def __enter__(self) -> Tap:
        self._hook = self._block.register_forward_hook(self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _keep(self, block: Any, given: Any, output: torch.Tensor) -> None:
        self.features_BChw = output.detach()


def check_block(unet: Any, block: int) -> None:
    """Refuse a block that a network does not have.

    Raises:
        BadInput: with how many it has.
    """
    count = len(unet.up_blocks)
    if block >= count:
        raise BadInput(
            f"progressive.block is {block}, but the inpainting network has {count} decoder blocks, from 0 to"
            f" {count - 1}; name one of them."
        )
