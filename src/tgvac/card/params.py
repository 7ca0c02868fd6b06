"""Parameters of the data set's card."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class DatasetParams(Block):
    """What the card shows, and facts about its publication that a run cannot know.

    Attributes:
        samples: samples shown frame by frame, with ``strip_frames`` frames each, enlarged by the whole factor ``zoom``.
        sheet_rows, sheet_columns: samples on the contact sheet.
        sheet_side: the longer side of each picture on the sheet, in pixels, at most.
        listed: rows of the table of selected tracks on the page; the files have all of them.
        rate_bins, length_bins: bins of the histograms of occlusion rates and of lengths.
        categories, words: bars of the figures of categories and of words.
        published: the date of publication, YYYY-MM-DD, or "".
        url: where the data set is published, or "" for the paper's page.
    """

    samples: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet_rows: int = Field(ge=1)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
    rate_bins: int = Field(ge=1)
    length_bins: int = Field(ge=1)
    categories: int = Field(ge=1)
    words: int = Field(ge=1)
    published: str = Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    url: str = Field(pattern=r"^(https?://\S+)?$")
