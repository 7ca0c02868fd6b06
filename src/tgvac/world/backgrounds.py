"""Backdrops with structure and motion: planes at several depths with clouds, waves, trees or houses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tgvac.world.planes import Plane, premultiplied
from tgvac.world.shapes import RGB
from tgvac.world.textures import Field, checks, mix, soft, stripes, value_noise

Colours: TypeAlias = tuple[Field, Field, Field]
Kind: TypeAlias = Callable[[Field, Field, Colours, np.random.Generator], list[Plane]]


def backdrop(
    kind: str,
    colours: tuple[RGB, RGB, RGB],
    frame: tuple[int, int],
    size: tuple[int, int],
    generator: np.random.Generator,
) -> list[Plane]:
    """The planes of one backdrop, back to front; the first is opaque everywhere.

    Args:
        kind: one of ``KINDS``.
        colours: the two main colours, and a third for details.
        frame: height and width of the frame in pixels; its smaller side is the unit of length.
        size: height and width of the planes, larger than the frame by their motion.
        generator: source of the random layout; the same state gives the same planes.
    """
    if kind not in KINDS:
        raise ValueError(f"backdrop kind is {kind!r}; known are {', '.join(KINDS)}")
    unit = min(frame)
    y_HW, x_HW = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) / np.float32(unit)
    # y is 0 at the top of the frame; x is 0 at the left end of the plane, which does not matter for any kind.
    y_HW -= np.float32(0.5 * (size[0] - frame[0]) / unit)
    one, two, three = (np.array(colour, np.float32) for colour in colours)
    planes = KINDS[kind](x_HW, y_HW, (one, two, three), generator)
    # Fine grain keeps flat areas from being perfectly uniform, as in camera images.
    grain_HW = 16.0 * (value_noise(*size, max(3.0, unit / 24), generator) - 0.5)
    first = planes[0]
    grainy_HW3 = np.clip(np.rint(first.rgba_HW4[..., :3] + grain_HW[..., None]), 0, 255).astype(np.uint8)
    return [first._replace(rgba_HW4=np.concatenate([grainy_HW3, first.rgba_HW4[..., 3:]], axis=2)), *planes[1:]]


def _still(picture_HW3: Field, depth: float = 1.0) -> Plane:
    return Plane(premultiplied(picture_HW3, np.ones(picture_HW3.shape[:2], np.float32)), depth)


def _moving(
    colour_HW3: Field, alpha_HW: Field, depth: float, reach: tuple[float, float], generator: np.random.Generator
) -> Plane:
    """A plane that sways by itself, with its own period and phase; ``reach`` is in pixels."""
    period, start = float(generator.uniform(30.0, 60.0)), float(generator.uniform(0.0, 2 * math.pi))
    picture_HW3 = np.broadcast_to(colour_HW3, (*alpha_HW.shape, 3))
    return Plane(premultiplied(picture_HW3, alpha_HW), depth, reach, period, start)


def _unit(x_HW: Field) -> float:
    """Pixels per unit of length: one over the step of the coordinates."""
    return float(1.0 / (x_HW[0, 1] - x_HW[0, 0]))


def _paler(colour_3: Field, by: float) -> Field:
    paler_3: Field = np.minimum(colour_3 + np.float32(by), np.float32(250.0))
    return paler_3


def _lumps(x_HW: Field, cell: float, generator: np.random.Generator, octaves: int = 3) -> Field:
    """Noise in [0, 1] over an image; ``cell`` is the size of its largest lumps in frame heights."""
    height, width = x_HW.shape
    return value_noise(height, width, cell * _unit(x_HW), generator, octaves)


def _clouds(x_HW: Field, y_HW: Field, colour: Field, low: float, generator: np.random.Generator) -> Plane:
    """Pale drifting clouds above ``low``, which fade towards it."""
    unit = _unit(x_HW)
    lumps_HW = _lumps(x_HW, 0.38, generator)
    share_HW = np.clip(4.5 * lumps_HW - 2.1, 0, 1) * np.clip((low - y_HW) / 0.2, 0, 1) * 0.85
    return _moving(_paler(colour, 55), share_HW, 0.3, (0.09 * unit, 0.0), generator)


def _meadow(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """A sky with clouds that gets paler towards the horizon, two rows of hills, and a ground with tufts."""
    sky_3, ground_3, hills_3 = colours
    horizon = float(generator.uniform(0.5, 0.66))
    planes = [_still(mix(sky_3, _paler(sky_3, 40), np.clip(y_HW / horizon, 0, 1)), 0.2)]
    planes.append(_clouds(x_HW, y_HW, sky_3, horizon, generator))
    for near, base in ((0.35, 0.0), (0.65, 0.07)):
        waves, start = generator.uniform(2.0, 4.5), generator.uniform(0.0, 6.3)
        crest_HW = horizon - 0.09 + base + 0.05 * np.sin(waves * x_HW + start) + 0.02 * np.sin(2.7 * waves * x_HW)
        shade_3 = hills_3 + (sky_3 - hills_3) * np.float32(0.8 * (1.0 - near))
        planes.append(_moving(shade_3, soft(y_HW - crest_HW, 0.02), near, (0.0, 0.0), generator))
    lumps_HW = _lumps(x_HW, 0.12, generator)
    near_HW = np.clip((y_HW - horizon) / (1.1 - horizon), 0, 1)
    ground_HW3 = ground_3 * (1.08 - 0.25 * near_HW + 0.3 * (lumps_HW - 0.5))[..., None]
    return [*planes, _moving(ground_HW3, soft(y_HW - horizon, 0.02), 1.0, (0.0, 0.0), generator)]


def _sea(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """A sky with clouds over rows of waves, each of which rocks with its own period."""
    sky_3, water_3, far_3 = colours
    unit = _unit(x_HW)
    level = float(generator.uniform(0.36, 0.5))
    planes = [_still(mix(sky_3, _paler(sky_3, 35), np.clip(y_HW / level, 0, 1)), 0.2)]
    planes.append(_clouds(x_HW, y_HW, sky_3, level, generator))
    for row in range(4):
        near = row / 3
        length, start = float(generator.uniform(0.16, 0.22)) * (1 + near), float(generator.uniform(0.0, 6.3))
        wave_HW = np.sin(np.float32(2 * math.pi / length) * x_HW + np.float32(start))
        crest_HW = np.float32(level + 0.15 * row) + np.float32(0.014 * (1 + near)) * wave_HW
        foam_HW = soft(y_HW - crest_HW, 0.015) - np.float32(0.75) * soft(y_HW - crest_HW - 0.02, 0.03)
        tint_3 = far_3 * np.float32(0.5 * (1 - near)) + water_3 * np.float32(1 - 0.5 * (1 - near))
        tint_HW3 = mix(tint_3 * np.float32(1.0 - 0.05 * row), _paler(tint_3, 60), foam_HW * np.float32(0.7))
        reach = (0.05 * unit * (0.4 + near), 0.012 * unit)
        planes.append(_moving(tint_HW3, soft(y_HW - crest_HW, 0.015), 0.3 + 0.7 * near, reach, generator))
    return planes


def _forest(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """Trunks at two depths in front of haze, with crowns that move in the wind, and a forest floor."""
    haze_3, floor_3, leaf_3 = colours
    unit, wide = _unit(x_HW), float(x_HW[0, -1])
    planes = [_still(mix(_paler(haze_3, 25), haze_3, np.clip(y_HW, 0, 1)), 0.2)]
    for near, count, thick in ((0.4, 9, 0.028), (0.8, 5, 0.05)):
        trunk_3 = (floor_3 * np.float32(0.55)) * np.float32(near) + haze_3 * np.float32(1 - near)
        alpha_HW = np.zeros_like(x_HW)
        for k in range(count):
            x = wide * (k + generator.uniform(0.15, 0.85)) / count
            lean = generator.uniform(-0.06, 0.06)
            alpha_HW = np.maximum(
                alpha_HW, soft(np.float32(thick) - np.abs(x_HW - np.float32(x) - np.float32(lean) * y_HW), 0.015)
            )
        base = 0.62 + 0.2 * near
        planes.append(_moving(trunk_3, alpha_HW * soft(base - y_HW, 0.03), near, (0.0, 0.0), generator))
    lumps_HW = _lumps(x_HW, 0.14, generator)
    ground_HW3 = floor_3 * (0.95 + 0.3 * (lumps_HW - 0.5))[..., None]
    planes.insert(2, _moving(ground_HW3, soft(y_HW - 0.7, 0.05), 0.7, (0.0, 0.0), generator))
    crowns_HW = soft(0.1 + 0.28 * _lumps(x_HW, 0.22, generator) - y_HW, 0.05)
    shade_HW3 = leaf_3 * (0.8 + 0.4 * _lumps(x_HW, 0.07, generator))[..., None]
    return [*planes, _moving(shade_HW3, crowns_HW, 0.9, (0.025 * unit, 0.008 * unit), generator)]


def _town(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """Two rows of houses with windows under a sky with clouds, and a street with traffic."""
    sky_3, street_3, house_3 = colours
    unit, wide = _unit(x_HW), float(x_HW[0, -1])
    planes = [_still(mix(sky_3, _paler(sky_3, 35), np.clip(y_HW / 0.7, 0, 1)), 0.2)]
    planes.append(_clouds(x_HW, y_HW, sky_3, 0.55, generator))
    for near, foot in ((0.4, 0.62), (0.8, 0.74)):
        paint_HW3 = np.zeros((*x_HW.shape, 3), np.float32)
        alpha_HW = np.zeros_like(x_HW)
        left = -0.1
        while left < wide:
            width, top = generator.uniform(0.18, 0.34), foot - generator.uniform(0.2, 0.48)
            wall_3 = (house_3 * np.float32(generator.uniform(0.8, 1.1)) * np.float32(near)
                      + sky_3 * np.float32(1 - near))  # fmt: skip
            inside_HW = ((x_HW >= left) & (x_HW < left + width) & (y_HW > top)).astype(np.float32)
            pane_HW = (np.abs((x_HW - left) / 0.075 % 1.0 - 0.5) < 0.25) & (
                np.abs((y_HW - top) / 0.1 % 1.0 - 0.6) < 0.22
            )
            wall_HW3 = mix(wall_3, wall_3 * np.float32(0.72), pane_HW.astype(np.float32))
            paint_HW3 = mix(paint_HW3, np.clip(wall_HW3, 0, 250), inside_HW)
            alpha_HW = np.maximum(alpha_HW, inside_HW)
            left += width + generator.uniform(0.0, 0.05)
        planes.append(_moving(paint_HW3, alpha_HW, near, (0.0, 0.0), generator))
    lumps_HW = _lumps(x_HW, 0.1, generator)
    ground_HW3 = street_3 * (1.0 + 0.15 * (lumps_HW - 0.5))[..., None]
    planes.append(_moving(ground_HW3, soft(y_HW - 0.73, 0.01), 1.0, (0.0, 0.0), generator))
    for lane, tint in ((0.78, 0.72), (0.86, 1.12)):
        alpha_HW = np.zeros_like(x_HW)
        for k in range(4):
            x, long = wide * (k + float(generator.uniform(0.2, 0.8))) / 4, float(generator.uniform(0.06, 0.11))
            body_HW = np.hypot((x_HW - np.float32(x)) / np.float32(long), (y_HW - np.float32(lane)) / np.float32(0.035))
            alpha_HW = np.maximum(alpha_HW, soft(1.0 - body_HW, 0.3))
        traffic_3 = np.minimum(house_3 * np.float32(tint), np.float32(250.0))
        planes.append(_moving(traffic_3, alpha_HW, 1.0, (0.12 * unit, 0.0), generator))
    return planes


def _lit(picture_HW3: Field, x_HW: Field, generator: np.random.Generator) -> list[Plane]:
    """A wall with one pattern, and patches of light that drift over it."""
    unit = _unit(x_HW)
    patches_HW = np.clip(3.0 * _lumps(x_HW, 0.5, generator) - 1.4, 0, 1) * np.float32(0.22)
    white_3 = np.full(3, 255.0, np.float32)
    return [_still(picture_HW3), _moving(white_3, patches_HW, 1.0, (0.1 * unit, 0.05 * unit), generator)]


def _stripes(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    return _lit(stripes(x_HW, y_HW, colours, generator), x_HW, generator)


def _checks(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    return _lit(checks(x_HW, y_HW, colours, generator), x_HW, generator)


def _blobs(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """Out-of-focus lights at two depths that drift past each other."""
    unit = _unit(x_HW)
    planes = [_still(mix(colours[0], colours[0] * np.float32(0.82), np.clip(y_HW, 0, 1)), 0.3)]
    for near in (0, 1):
        alpha_HW = np.zeros_like(x_HW)
        for _ in range(8):
            x, y = generator.uniform(0, float(x_HW.max())), generator.uniform(0, float(y_HW.max()))
            radius = generator.uniform(0.07, 0.14) * (1 + 0.6 * near)
            alpha_HW = np.maximum(alpha_HW, 0.85 * soft(radius - np.hypot(x_HW - x, y_HW - y), 0.08))
        reach = (0.06 * unit, 0.03 * unit)
        planes.append(_moving(colours[1 + near], alpha_HW, 0.5 + 0.7 * near, reach, generator))
    return planes


def _fog(x_HW: Field, y_HW: Field, colours: Colours, generator: np.random.Generator) -> list[Plane]:
    """Banks of fog at two depths; the nearer ones move farther."""
    unit = _unit(x_HW)
    planes = [_still(mix(colours[0], colours[0] * np.float32(0.85), np.clip(y_HW, 0, 1)), 0.3)]
    for near in (0, 1):
        banks_HW = np.clip(3.2 * _lumps(x_HW, 0.42, generator, octaves=4) - 1.3, 0, 1)
        reach = (0.05 * (1 + near) * unit, 0.02 * unit)
        planes.append(_moving(colours[1 + near], banks_HW * np.float32(0.75), 0.5 + 0.5 * near, reach, generator))
    return planes


KINDS: dict[str, Kind] = {
    "meadow": _meadow,
    "sea": _sea,
    "forest": _forest,
    "town": _town,
    "stripes": _stripes,
    "checks": _checks,
    "blobs": _blobs,
    "fog": _fog,
}
