"""The sample that moved a number most, as one small picture: input, completion and truth in some of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.captions import read_captions
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import read_recipes
from tgvac.ledger.entry import Entry
from tgvac.ledger.findings import Findings
from tgvac.report.influence import Moved
from tgvac.report.page import png_uri
from tgvac.report.samples import Outputs
from tgvac.report.sheets import fitted
from tgvac.report.strips import HAIRLINE, spaced
from tgvac.synthesis.clips import RecipeClips, track_opener

SHOWN = 4
"""Frames of a sample, at most."""
SIDE = 96
"""The longer side of a frame, in pixels, at most: 66 cells are on one page."""
_GAP = 2


@dataclass(frozen=True)
class Pictured:
    """A picture with what stands around it.

    Attributes:
        image: a data URI; rows are input, completion and truth, columns the frames.
        width, height: in pixels.
        frames: the frames that are shown, with the hidden share and the value of each, as text.
        caption: the object's sentence, or "".
    """

    image: str
    width: int
    height: int
    frames: Sequence[tuple[str, str, str]]
    caption: str


class Pictures:
    """Draws samples of a scale; clips and completions are opened when they are first asked for."""

    def __init__(self, found: Findings) -> None:
        ctx = found.ctx
        recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
        self._clips = RecipeClips(recipes, track_opener(ctx))
        self._captions = read_captions(ctx.results / "captions" / "captions.parquet")
        self._outputs = Outputs(ctx, found.params.evaluation, found.params.methods)

    def draw(self, entry: Entry, decimals: int) -> Pictured | None:
        """The sample that moved an entry's number most, in frames that count in it; None without one.

        Args:
            decimals: of the values below the frames.
        """
        moved = entry.moved
        if moved is None:
            return None
        completed_FHW3 = self._outputs.read(entry.answered_by, moved.sample)
        if completed_FHW3 is None:
            return None
        at = [moved.frames[i] for i in spaced(len(moved.frames), SHOWN)]
        clip = self._clips.render(moved.sample, at)
        rows = (clip.frames_FHW3, completed_FHW3[at], clip.whole_FHW3)
        image_HW3 = tiled([frame_HW3 for row_FHW3 in rows for frame_HW3 in row_FHW3], len(at))
        recipe = self._clips.recipe(moved.sample)
        caption = self._captions[recipe.target].text if recipe.target in self._captions else ""
        height, width = image_HW3.shape[:2]
        return Pictured(png_uri(encode_png(image_HW3)), width, height, _said(moved, at, decimals), caption)


def _said(moved: Moved, at: Sequence[int], decimals: int) -> list[tuple[str, str, str]]:
    return [(f"frame {i}", f"{moved.rates[i] * 100:.0f} % hidden", f"{moved.values[i]:.{decimals}f}") for i in at]


def tiled(frames: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Frames of one size, row by row, with hairlines between and around them, ``uint8 [H,W,3]``."""
    small = [fitted(frame_HW3, SIDE) for frame_HW3 in frames]
    height, width = small[0].shape[:2]
    rows = -(-len(small) // columns)
    size = rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP
    canvas_HW3 = np.full((*size, 3), HAIRLINE, np.uint8)
    for number, frame_HW3 in enumerate(small):
        top, left = _GAP + number // columns * (height + _GAP), _GAP + number % columns * (width + _GAP)
        canvas_HW3[top : top + height, left : left + width] = frame_HW3
    return canvas_HW3
