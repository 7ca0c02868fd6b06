"""Parameters of the report."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class ReportParams(Block):
    """How much the page shows.

    Attributes:
        strips: samples shown frame by frame, of the easy class and of the hard class each; 0 for none.
        strip_frames: frames in each strip.
        fps: frames per second of the videos.
        zoom: whole factor by which strips and videos are enlarged.
        sheet: samples on the sheet; 0 for no sheet.
        sheet_columns: samples in each row of the sheet.
        sheet_side: the longer side of each picture on the sheet, in pixels, at most.
        listed: rows of the table of selected tracks; the files have all of them.
    """

    strips: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet: int = Field(ge=0)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
