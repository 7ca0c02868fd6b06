"""Parameters of the captions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from tgvac.config import Block


class Blip2Params(Block):
    """The captioning model, its input and its generation."""

    model: str = Field(min_length=1)
    revision: str = Field(min_length=1)
    dtype: Literal["float32", "bfloat16", "float16"]
    batch: int = Field(ge=1)
    prompt: str
    max_new_tokens: int = Field(ge=1)
    beams: int = Field(ge=1)
    repetition_penalty: float = Field(ge=1)
    min_area: float = Field(ge=0, le=1)
    margin: float = Field(ge=0)
    drop: tuple[str, ...]


class CaptionsParams(Block):
    """Captioners in order; the first one that has a caption is used."""

    order: tuple[Literal["blip2", "given", "template"], ...] = Field(min_length=1)
    template: str = Field(min_length=1)
    pairs: Literal["captioned", "empty"]
    blip2: Blip2Params

    @field_validator("template")
    @classmethod
    def _only_a_category(cls, template: str) -> str:
        try:
            template.format(category="object")
        except (LookupError, ValueError, AttributeError, TypeError):
            raise ValueError("the only placeholder in braces may be {category}") from None
        return template
