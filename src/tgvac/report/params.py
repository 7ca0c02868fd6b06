"""Parameters of the report; their values are in ``params.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tgvac.config import Block


class ReportParams(Block):
    """How much the page shows, and which differences count.

    Attributes:
        strips: samples shown frame by frame, of the easy class and of the hard class each; 0 for none.
        strip_frames: frames in each strip.
        fps: frames per second of the videos.
        zoom: whole factor by which strips and videos are enlarged.
        sheet: samples on the sheet; 0 for no sheet.
        sheet_columns: samples in each row of the sheet.
        sheet_side: the longer side of each picture on the sheet, in pixels, at most.
        listed: rows of the table of selected tracks; the files have all of them.
        smallest: the smallest difference of interest of each metric, in its unit. A mark and a claim's verdict need
            more than this, or, to call two methods alike, less.
    """

    strips: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet: int = Field(ge=0)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
    smallest: dict[str, Annotated[float, Field(ge=0)]]
