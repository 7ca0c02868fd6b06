"""Backdrops with structure: a quiet scene, larger than the frame, that drifts slowly behind the objects."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from tgvac.sources.world.render import Image
from tgvac.sources.world.shapes import RGB

Field: TypeAlias = npt.NDArray[np.float32]


def backdrop(
    kind: str, colours: tuple[RGB, RGB, RGB], height: int, width: int, generator: np.random.Generator
) -> Image:
    """One still backdrop, uint8 (height, width, 3).

    Args:
        kind: one of ``KINDS``.
        colours: the two main colours, and a third for the kinds that have one.
        height: in pixels.
        width: in pixels.
        generator: source of the layout; the same state gives the same picture.
    """
    if kind not in KINDS:
        raise ValueError(f"backdrop kind is {kind!r}; known are {', '.join(KINDS)}")
    unit = float(min(height, width))
    y_HW, x_HW = np.mgrid[0:height, 0:width].astype(np.float32) / unit
    one, two, three = (np.array(colour, np.float32) for colour in colours)
    picture_HW3 = KINDS[kind](x_HW, y_HW, (one, two, three), generator)
    # A fine grain keeps flat areas from being perfectly flat, as no camera's picture is.
    grain_HW = value_noise(height, width, max(3.0, unit / 24), generator) - 0.5
    return np.clip(np.rint(picture_HW3 + 16.0 * grain_HW[..., None]), 0, 255).astype(np.uint8)


def value_noise(height: int, width: int, cell: float, generator: np.random.Generator, octaves: int = 3) -> Field:
    """Smooth noise in [0, 1], float32 (height, width); ``cell`` is the size in pixels of its largest lumps."""
    total_HW = np.zeros((height, width), np.float32)
    weight = 0.0
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        knots = generator.random((math.ceil(height / step) + 3, math.ceil(width / step) + 3), dtype=np.float32)
        size = (round(knots.shape[1] * step), round(knots.shape[0] * step))
        fine_HW = cv2.resize(knots, size, interpolation=cv2.INTER_CUBIC)
        total_HW += 0.5**octave * fine_HW[:height, :width]
        weight += 0.5**octave
    noise_HW: Field = np.clip(total_HW / weight, 0.0, 1.0)
    return noise_HW


def _mix(one_3: Field, two_3: Field, share_HW: Field) -> Field:
    mixed_HW3: Field = one_3 + (two_3 - one_3) * share_HW[..., None]
    return mixed_HW3


def _soft(edge_HW: Field, width: float) -> Field:
    """A step from 0 to 1 where ``edge_HW`` passes 0, over about ``width``."""
    step_HW: Field = np.clip(edge_HW / width + 0.5, 0.0, 1.0).astype(np.float32)
    return step_HW


def _meadow(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    """A sky that pales towards the horizon, far hills, and a ground with tufts."""
    sky_3, ground_3, hills_3 = colours
    horizon = generator.uniform(0.5, 0.66)
    picture_HW3 = _mix(sky_3, np.minimum(sky_3 + 40, 255), np.clip(y_HW / horizon, 0, 1))
    for depth, base in ((0.55, 0.0), (0.2, 0.07)):
        waves, start = generator.uniform(2.0, 4.5), generator.uniform(0.0, 6.3)
        crest_HW = horizon - 0.09 + base + 0.05 * np.sin(waves * x_HW + start) + 0.02 * np.sin(2.7 * waves * x_HW)
        shade_3 = hills_3 + (sky_3 - hills_3) * depth
        picture_HW3 = _mix(picture_HW3, shade_3, _soft(y_HW - crest_HW, 0.02))
    lumps_HW = value_noise(x_HW.shape[0], x_HW.shape[1], 0.12 * min(x_HW.shape), generator)
    near_HW = np.clip((y_HW - horizon) / (1.1 - horizon), 0, 1)
    ground_HW3 = ground_3 * (1.08 - 0.25 * near_HW + 0.3 * (lumps_HW - 0.5))[..., None]
    return _mix(picture_HW3, ground_HW3, _soft(y_HW - horizon, 0.02))


def _stripes(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    angle, pitch = generator.uniform(0.0, math.pi), generator.uniform(0.16, 0.34)
    across_HW = x_HW * math.cos(angle) + y_HW * math.sin(angle)
    bend_HW = generator.uniform(0.0, 0.05) * np.sin(5.0 * (y_HW * math.cos(angle) - x_HW * math.sin(angle)))
    wave_HW = np.sin(2 * math.pi * (across_HW + bend_HW) / pitch)
    return _mix(colours[0], colours[1], _soft(wave_HW, 0.35))


def _checks(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    angle, pitch = generator.uniform(-0.5, 0.5), generator.uniform(0.3, 0.5)
    u_HW = x_HW * math.cos(angle) + y_HW * math.sin(angle)
    v_HW = y_HW * math.cos(angle) - x_HW * math.sin(angle)
    wave_HW = np.sin(2 * math.pi * u_HW / pitch) * np.sin(2 * math.pi * v_HW / pitch)
    return _mix(colours[0], colours[1], _soft(wave_HW, 0.2))


def _blobs(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    picture_HW3 = _mix(colours[0], colours[0] * 0.82, np.clip(y_HW, 0, 1))
    for k in range(14):
        x, y = generator.uniform(0, float(x_HW.max())), generator.uniform(0, float(y_HW.max()))
        radius = generator.uniform(0.07, 0.22)
        share_HW = 0.85 * _soft(radius - np.hypot(x_HW - x, y_HW - y), 0.08)
        picture_HW3 = _mix(picture_HW3, colours[1 + k % 2], share_HW)
    return picture_HW3


def _noise(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    share_HW = value_noise(x_HW.shape[0], y_HW.shape[1], 0.4 * min(x_HW.shape), generator, octaves=4)
    return _mix(colours[0], colours[1], np.clip(2.2 * share_HW - 0.6, 0, 1))


KINDS: dict[str, Callable[[Field, Field, tuple[Field, Field, Field], np.random.Generator], Field]] = {
    "meadow": _meadow,
    "stripes": _stripes,
    "checks": _checks,
    "blobs": _blobs,
    "noise": _noise,
}


def window(backdrop_HW3: Image, x: float, y: float, height: int, width: int) -> Image:
    """The part of a backdrop that a frame shows, uint8 (height, width, 3); (x, y) is its corner, may be fractional."""
    move_23 = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]])
    size = (width, height)
    seen_HW3: Image = cv2.warpAffine(
        backdrop_HW3, move_23, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen_HW3
