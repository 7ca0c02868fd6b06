"""Parameters of the captions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tgvac.config import Block


class CaptionsParams(Block):
    """Where sentences come from: the first captioner of the list that has one."""

    order: tuple[Literal["given", "template"], ...] = Field(min_length=1)
    template: str = Field(min_length=1)

    @field_validator("template")
    @classmethod
    def _only_a_category(cls, template: str) -> str:
        try:
            template.format(category="object")
        except (LookupError, ValueError, AttributeError, TypeError):
            raise ValueError("the only name that may stand in braces is {category}") from None
        return template
