"""Parameters of the captions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block


class CaptionsParams(Block):
    """Where sentences come from: the first captioner of the list that has one."""

    order: tuple[Literal["given", "template"], ...] = Field(min_length=1)
    template: str = Field(min_length=1)
