"""Parameters of the masks."""

from __future__ import annotations

from typing import Literal

from tgvac.config import Block


class MasksParams(Block):
    """Where visible masks come from."""

    segmenter: Literal["given"]
