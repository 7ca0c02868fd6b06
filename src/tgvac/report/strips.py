"""Pictures of a sample: a strip (rows are what is seen, made and true; columns are frames) and a video of panels.

All pictures are enlarged by whole pixels, so that what a method painted is seen as it is.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from tgvac.clip.images import on_white
from tgvac.report.samples import Sample
from tgvac.report.scores import label_of

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

GAP, INK, QUIET, PAPER = 6, (25, 28, 33), (105, 112, 122), (255, 255, 255)
TEXT = 13


def spaced(frames: int, count: int) -> list[int]:
    """At most ``count`` positions, evenly spaced from the first frame to the last.

    >>> spaced(7, 3)
    [0, 3, 6]
    """
    count = min(count, frames)
    return [0] if count == 1 else [i * (frames - 1) // (count - 1) for i in range(count)]


def layers(sample: Sample) -> list[tuple[str, np.ndarray | None]]:
    """What there is to show, with its label; None where a method made nothing."""
    clip = sample.clip
    return [
        ("Input", clip.frames_FHW3),
        ("Visible part", on_white(clip.frames_FHW3, clip.visible_FHW)),
        *((label_of(method), rgb) for method, rgb in sample.completions.items()),
        ("Truth", clip.whole_FHW3),
    ]


def strip(sample: Sample, count: int, zoom: int) -> np.ndarray:
    """A still picture of the sample, ``uint8 [H,W,3]``, with labels, caption and occlusion rates."""
    shown = spaced(len(sample.clip.frames_FHW3), count)
    rows = layers(sample)
    height, width = (side * zoom for side in sample.clip.frames_FHW3.shape[1:3])
    line = TEXT + 6
    margin = max(_width(word) for label, _ in rows for word in _wrap(label, 130)) + 2 * GAP
    total = margin + len(shown) * (width + GAP)
    head = _wrap(f"“{sample.caption}”" if sample.caption else "(no caption)", total - 2 * GAP)
    top = GAP + line * len(head) + GAP
    bottom = top + len(rows) * (height + GAP) + line
    image, draw = _canvas(bottom, total)
    for i, text in enumerate(head):
        draw.text((GAP, GAP + i * line), text, fill=INK, font=_font())
    y = top
    for label, video_FHW3 in rows:
        words = _wrap(label, 130)
        start = y + (height - line * len(words)) // 2
        for i, text in enumerate(words):
            draw.text((GAP, start + i * line), text, fill=INK, font=_font())
        for column, frame in enumerate(shown):
            _tile(image, draw, None if video_FHW3 is None else video_FHW3[frame], margin + column * (width + GAP), y, zoom)
        y += height + GAP
        if label == "Input":
            for column, frame in enumerate(shown):
                text = _rate(sample.clip.occlusion_F[frame])
                place = margin + column * (width + GAP) + (width - _width(text)) // 2
                draw.text((place, y - GAP + 2), text, fill=QUIET, font=_font())
            y += line
    return np.asarray(image)


def side_by_side(sample: Sample, zoom: int, columns: int = 3) -> np.ndarray:
    """A video of labelled panels, ``uint8 [F,H,W,3]``: input, ours and truth first, then the rest."""
    found = [(label, video) for label, video in layers(sample) if video is not None]
    first = [label for label in ("Input", label_of("ours/full"), "Truth") if label in dict(found)]
    panels = [(label, dict(found)[label]) for label in first] + [item for item in found if item[0] not in first]
    height, width = (side * zoom for side in sample.clip.frames_FHW3.shape[1:3])
    cell = max(width, *(_width(label) for label, _ in panels))
    line = TEXT + 8
    rows = math.ceil(len(panels) / columns)
    out = []
    for frame in range(len(sample.clip.frames_FHW3)):
        image, draw = _canvas(GAP + rows * (line + height + GAP), GAP + columns * (cell + GAP))
        for i, (label, video_FHW3) in enumerate(panels):
            x, y = GAP + (i % columns) * (cell + GAP), GAP + (i // columns) * (line + height + GAP)
            draw.text((x + (cell - _width(label)) // 2, y), label, fill=INK, font=_font())
            _tile(image, draw, video_FHW3[frame], x + (cell - width) // 2, y + line, zoom)
        out.append(np.asarray(image))
    return np.stack(out)


def _rate(rate: float) -> str:
    return "object absent" if math.isnan(rate) else f"{rate * 100:.0f} % hidden"


def _canvas(height: int, width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), PAPER)
    return image, ImageDraw.Draw(image)


def _tile(
    image: Image.Image, draw: ImageDraw.ImageDraw, frame_HW3: np.ndarray | None, x: int, y: int, zoom: int
) -> None:
    from PIL import Image

    if frame_HW3 is None:
        draw.text((x, y), "no completion", fill=QUIET, font=_font())
        return
    large = np.repeat(np.repeat(frame_HW3, zoom, axis=0), zoom, axis=1)
    image.paste(Image.fromarray(large), (x, y))
    # A hairline, since objects stand on white and the page is white as well.
    draw.rectangle((x - 1, y - 1, x + large.shape[1], y + large.shape[0]), outline=(222, 225, 230))


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(TEXT)


def _width(text: str) -> int:
    return math.ceil(_font().getlength(text))


def _wrap(text: str, width: int) -> list[str]:
    """Lines of whole words that fit; a word longer than a line stands alone."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]
