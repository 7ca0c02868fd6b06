"""Parameters of the report; their values are in ``params.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tgvac.config import Block

_Difference = Annotated[float, Field(ge=0)]


class SmallestParams(Block):
    """The smallest difference of interest of each metric, in its unit.

    A mark in a table and a claim's verdict need more than this, or, to call two methods alike, less.

    Attributes:
        clip: of similarities.
        lpips: of distances.
        tc: of temporal consistencies.
        user_preference: of shares of votes.
        iou: of overlaps of amodal masks.
        hidden_iou: of overlaps in the hidden part alone.
        hidden_psnr: in dB, in the hidden part.
        visible_psnr: in dB, in the visible part.
        hidden_ssim: of structural similarities in the hidden part.
        warp_error: of colours between 0 and 1.
        clip_t: of similarities with the sentence.
        lpips_alex, lpips_vgg: of distances by a named network.
        clip_frame, lpips_frame: of the whole frame.
        clip_box, lpips_box: of the true object's box.
    """

    clip: _Difference
    lpips: _Difference
    tc: _Difference
    user_preference: _Difference
    iou: _Difference
    hidden_iou: _Difference
    hidden_psnr: _Difference
    visible_psnr: _Difference
    hidden_ssim: _Difference
    warp_error: _Difference
    clip_t: _Difference
    lpips_alex: _Difference
    lpips_vgg: _Difference
    clip_frame: _Difference
    lpips_frame: _Difference
    clip_box: _Difference
    lpips_box: _Difference

    def by_metric(self) -> dict[str, float]:
        """The differences by the metrics' names in rows."""
        found: dict[str, float] = self.model_dump()
        return found


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
        smallest: which differences count.
    """

    strips: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet: int = Field(ge=0)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
    smallest: SmallestParams
