"""Parameters of the report."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class ReportParams(Block):
    """How much the page shows."""

    strips: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet: int = Field(ge=0)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
