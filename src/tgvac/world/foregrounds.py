"""Scenery in front of the objects, without annotation: a fence, a post, a bush, a wall."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from tgvac.world import render
from tgvac.world.planes import Plane
from tgvac.world.shapes import RGB, Points, ellipse, polygon

_WOOD: tuple[RGB, ...] = ((104, 82, 62), (150, 128, 96), (60, 62, 72), (196, 190, 178))
_LEAVES: tuple[RGB, ...] = ((70, 84, 66), (96, 112, 70), (110, 84, 60), (74, 98, 92))
_STONE: tuple[RGB, ...] = ((92, 96, 104), (150, 128, 96), (168, 160, 148), (116, 88, 78))
COLOURS = {"fence": _WOOD, "post": _WOOD, "bush": _LEAVES, "wall": _STONE}
"""The possible colours of each kind; no object has one of them."""
KINDS = ("fence", "post", "bush")
"""The kinds that hide a part of an object; a ``wall`` hides all of a small object."""
NEARER = 1.3
"""The drift of foregrounds, relative to that of the objects."""


Outlines: TypeAlias = list[tuple[Points, float]]
"""Polygons in pixels of the frame, each with a brightness factor, back to front."""


def shape(kind: str, frame: tuple[int, int], generator: np.random.Generator) -> Outlines:
    """The shape of a foreground, in front of the middle of the frame, where the objects pass.

    Args:
        kind: one of ``KINDS``, or ``wall``, which hides a small object completely.
        frame: height and width of the frame in pixels.
        generator: source of the random shape.
    """
    draw = {"fence": _fence, "post": _post, "bush": _bush, "wall": _wall}
    if kind not in draw:
        raise ValueError(f"foreground kind is {kind!r}; known are {', '.join(draw)}")
    return draw[kind](*frame, generator)


def foreground(outlines: Outlines, colour: RGB, light: float, frame: tuple[int, int], size: tuple[int, int]) -> Plane:
    """A foreground as a plane of scenery.

    Args:
        outlines: its shape.
        colour: its main colour.
        light: direction of the light, as in ``render.draw``.
        frame: height and width of the frame in pixels.
        size: height and width of the plane in pixels, larger than the frame by its motion.
    """
    corner_2 = np.array([(size[1] - frame[1]) / 2, (size[0] - frame[0]) / 2])
    paints = [
        render.Paint(outline_N2 + corner_2, render.shaded(colour, shade), lined=True) for outline_N2, shade in outlines
    ]
    layer = render.draw(paints, max(1.0, min(frame) / 90), light, *size)
    rgba_HW4 = np.zeros((*size, 4), np.uint8)
    x0, y0, x1, y1 = layer.box
    rgba_HW4[y0:y1, x0:x1, :3] = np.rint(layer.rgb_hw3)
    rgba_HW4[y0:y1, x0:x1, 3] = np.rint(255.0 * layer.alpha_hw)
    return Plane(rgba_HW4, NEARER)


def _slab(left: float, top: float, right: float, bottom: float) -> Points:
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def _fence(height: int, width: int, generator: np.random.Generator) -> Outlines:
    """Pickets from side to side, with two rails."""
    small = min(height, width)
    pitch, thick = small * generator.uniform(0.24, 0.34), small * generator.uniform(0.05, 0.075)
    top = height * generator.uniform(0.12, 0.3)
    rails = [(_slab(-width, y, 2 * width, y + 0.7 * thick), 0.85) for y in (top + 0.12 * height, 0.78 * height)]
    start = -pitch * generator.uniform(0.5, 1.5)
    pickets = []
    for k in range(int((width + 3 * pitch) / pitch)):
        left = start + k * pitch
        tip = (left + thick / 2, top - thick)
        outline_N2 = polygon((left, top), tip, (left + thick, top), (left + thick, 1.5 * height), (left, 1.5 * height))
        pickets.append((outline_N2, 1.0))
    return [*rails, *pickets]


def _post(height: int, width: int, generator: np.random.Generator) -> Outlines:
    """One post from top to bottom, near the middle."""
    middle, half = width * generator.uniform(0.38, 0.62), 0.5 * min(height, width) * generator.uniform(0.11, 0.17)
    return [(_slab(middle - half, -height, middle + half, 2 * height), 1.0)]


def _bush(height: int, width: int, generator: np.random.Generator) -> Outlines:
    """A heap of leaves at the bottom, near the middle."""
    small = min(height, width)
    middle, top = width * generator.uniform(0.38, 0.62), height - small * generator.uniform(0.45, 0.62)
    out = []
    for _ in range(16):
        x, y = middle + small * generator.uniform(-0.3, 0.3), top + small * generator.uniform(0.08, 0.6)
        radius = small * generator.uniform(0.1, 0.16)
        out.append((ellipse(x, y, radius, radius), float(generator.uniform(0.8, 1.1))))
    low_N2 = ellipse(middle, float(height), 0.42 * small, height - top - 0.1 * small)
    return [(low_N2, 0.8), *sorted(out, key=lambda leaf: float(leaf[0][:, 1].mean()))]


def _wall(height: int, width: int, generator: np.random.Generator) -> Outlines:
    """A broad stone pillar from top to bottom, in the middle."""
    left, right = 0.31 * width, 0.69 * width
    rows = 6
    tall = height / rows
    out = [(_slab(left, -height, right, 2 * height), 0.9)]
    for row in range(-2, rows + 2):
        split = left + (right - left) * generator.uniform(0.3, 0.7)
        for one, other in ((left, split), (split, right)):
            out.append((_slab(one, row * tall, other, (row + 1) * tall), float(generator.uniform(0.85, 1.08))))
    return out
