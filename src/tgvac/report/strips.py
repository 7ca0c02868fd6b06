"""Pictures of a sample: a strip (rows are input, completions and truth; columns are frames) and a video of panels.

Pictures are enlarged by a whole factor, so that every generated pixel stays visible as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tgvac.clips.images import on_white
from tgvac.methods.registry import label_of
from tgvac.report.methods import HEADLINE
from tgvac.report.samples import Sample

if TYPE_CHECKING:
    from PIL import ImageFont

VISIBLE = "Visible part"
INK, QUIET, HAIRLINE, PAPER = (25, 28, 33), (105, 112, 122), (222, 225, 230), (255, 255, 255)
TEXT, LINE, GAP, LABEL = 13, 19, 6, 130
"""Font size, line height, gap between tiles, and width at which labels wrap, in pixels."""


class Layer(NamedTuple):
    """A row of a picture: its name, its video ``uint8 [F,H,W,3]`` or None, and a note below the name, or ""."""

    label: str
    video_FHW3: np.ndarray | None
    note: str = ""


def spaced(frames: int, count: int) -> list[int]:
    """At most ``count`` positions, evenly spaced from the first frame to the last.

    >>> spaced(7, 3)
    [0, 3, 6]
    """
    count = min(count, frames)
    return [0] if count == 1 else [i * (frames - 1) // (count - 1) for i in range(count)]


def layers(sample: Sample) -> list[tuple[str, np.ndarray | None]]:
    """The videos to show, with their labels; None if a method has no completion."""
    clip = sample.clip
    return [
        ("Input", clip.frames_FHW3),
        (VISIBLE, on_white(clip.frames_FHW3, clip.visible_FHW)),
        *((label_of(method), rgb) for method, rgb in sample.completions.items()),
        ("Truth", clip.whole_FHW3),
    ]


def strip(sample: Sample, count: int, zoom: int) -> np.ndarray:
    """A still picture of the sample, ``uint8 [H,W,3]``, with labels, caption and occlusion rates."""
    values = {label_of(method): f"{value:.1f} dB" for method, value in sample.hidden_psnr.items()}
    rows = [Layer(label, video_FHW3, values.get(label, "")) for label, video_FHW3 in layers(sample)]
    head = f"“{sample.caption}”" if sample.caption else "(no caption)"
    return draw_rows([head], rows, sample.clip.occlusion_F, count, zoom)


def draw_rows(head: Sequence[str], rows: Sequence[Layer], rate_F: np.ndarray, count: int, zoom: int) -> np.ndarray:
    """Videos below each other, frame by frame, ``uint8 [H,W,3]``.

    Args:
        head: what stands above, all but the first in grey.
        rows: the first has the occlusion rates below it, and a video.
        rate_F: occlusion rates of all frames, NaN where the object is absent.
        count: how many frames are shown, evenly from the first to the last.
        zoom: the whole factor by which frames are enlarged.
    """
    first_FHW3 = rows[0].video_FHW3
    assert first_FHW3 is not None
    shown = spaced(len(first_FHW3), count)
    rates = [rate_words(rate_F[frame]) for frame in shown]
    height, width = (side * zoom for side in first_FHW3.shape[1:3])
    cell = max(width, *(width_of(rate) for rate in rates)) + GAP
    left = max(width_of(word) for row in rows for word in wrapped(row.label, LABEL)) + 2 * GAP
    total = left + len(shown) * cell
    heads = [(wrapped(line, total - 2 * GAP), QUIET if number else INK) for number, line in enumerate(head)]
    y = GAP + LINE * sum(len(lines) for lines, _ in heads) + GAP
    canvas = Canvas(y + len(rows) * (height + GAP) + LINE, total)
    top = GAP
    for lines, colour in heads:
        canvas.text(lines, GAP, top, colour)
        top += LINE * len(lines)
    for number, row in enumerate(rows):
        words, note = wrapped(row.label, LABEL), [row.note] if row.note else []
        top = y + (height - LINE * (len(words) + len(note))) // 2
        canvas.text(words, GAP, top)
        canvas.text(note, GAP, top + LINE * len(words), QUIET)
        for column, frame in enumerate(shown):
            tile_HW3 = None if row.video_FHW3 is None else row.video_FHW3[frame]
            canvas.tile(tile_HW3, left + column * cell, y, zoom)
        y += height + GAP
        if number == 0:
            for column, rate in enumerate(rates):
                canvas.text([rate], left + column * cell + (width - width_of(rate)) // 2, y - GAP + 2, QUIET)
            y += LINE
    return canvas.pixels()


def side_by_side(sample: Sample, zoom: int, columns: int = 3) -> np.ndarray:
    """A video of labelled panels, ``uint8 [F,H,W,3]``: input, ours and truth first, then other methods."""
    found = {label: video for label, video in layers(sample) if video is not None and label != VISIBLE}
    first = [label for label in ("Input", label_of(HEADLINE), "Truth") if label in found]
    panels = [(label, found[label]) for label in (*first, *(label for label in found if label not in first))]
    height, width = (side * zoom for side in sample.clip.frames_FHW3.shape[1:3])
    cell = max(width, *(width_of(label) for label, _ in panels))
    below = LINE + height + GAP
    size = GAP + math.ceil(len(panels) / columns) * below, GAP + min(columns, len(panels)) * (cell + GAP)
    out = []
    for frame in range(len(sample.clip.frames_FHW3)):
        canvas = Canvas(*size)
        for i, (label, video_FHW3) in enumerate(panels):
            x, y = GAP + (i % columns) * (cell + GAP), GAP + (i // columns) * below
            canvas.text([label], x + (cell - width_of(label)) // 2, y)
            canvas.tile(video_FHW3[frame], x + (cell - width) // 2, y + LINE, zoom)
        out.append(canvas.pixels())
    return np.stack(out)


class Canvas:
    """A white image for text and frames."""

    def __init__(self, height: int, width: int) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, lines: Sequence[str], x: int, y: int, colour: tuple[int, int, int] = INK) -> None:
        """Draw lines of text; ``x`` and ``y`` are the top left corner of the first, in pixels."""
        for i, line in enumerate(lines):
            self._draw.text((x, y + i * LINE), line, fill=colour, font=_font())

    def tile(self, frame_HW3: np.ndarray | None, x: int, y: int, zoom: int) -> None:
        """Draw a frame, enlarged by a whole factor, or "no completion" if there is none."""
        from PIL import Image

        if frame_HW3 is None:
            self.text(["no", "completion"], x, y, QUIET)
            return
        large = enlarged(frame_HW3, zoom)
        self._image.paste(Image.fromarray(large), (x, y))
        # A hairline, because both the background of the objects and the page are white.
        self._draw.rectangle((x - 1, y - 1, x + large.shape[1], y + large.shape[0]), outline=HAIRLINE)

    def pixels(self) -> np.ndarray:
        """The image, ``uint8 [H,W,3]``."""
        return np.asarray(self._image)


def enlarged(frame_HW3: np.ndarray, zoom: int) -> np.ndarray:
    """A frame enlarged by a whole factor."""
    return np.repeat(np.repeat(frame_HW3, zoom, axis=0), zoom, axis=1)


def rate_words(rate: float) -> str:
    """An occlusion rate in [0, 1] as text for a label; NaN means that the object is absent."""
    return "absent" if math.isnan(rate) else f"{rate * 100:.0f} % hidden"


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(TEXT)


def width_of(text: str) -> int:
    """Width of a line of text on a canvas, in pixels."""
    return math.ceil(_font().getlength(text))


def wrapped(text: str, width: int) -> list[str]:
    """Lines of whole words that fit the width; a longer word gets a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]
