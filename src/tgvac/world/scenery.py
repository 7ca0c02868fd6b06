"""The scenery behind and in front of the objects of a video, the light, and the drift of the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tgvac.world import backgrounds, colours, foregrounds, render
from tgvac.world.planes import Camera, Plane
from tgvac.world.wardrobe import Clothes


def scenery(
    clothes: Sequence[Clothes], camouflaged: bool, frame: tuple[int, int], generator: np.random.Generator
) -> tuple[Camera, float, list[Plane]]:
    """Camera, light and backdrop. Its colours differ from the objects', except for camouflage.

    Args:
        clothes: the colours of the objects.
        camouflaged: whether the first object's main colour is one of the backdrop's.
        frame: height and width in pixels.
        generator: source of the random draws.
    """
    small = min(frame)
    kind = str(generator.choice(sorted(backgrounds.KINDS)))
    worn = [colour for each in clothes for colour in (each.main, each.accent)]
    free = colours.clear_of(colours.QUIET, worn, 30.0, 3)
    one, two, three = (free[k] for k in generator.permutation(len(free))[:3].tolist())
    if camouflaged:
        # Nearly the same, because no two things have exactly the same colour.
        one, two = (render.shaded(clothes[0].main, shade) for shade in (0.97, 0.84))
    camera = Camera(
        0.05 * small, float(generator.uniform(0.0, 2 * math.pi)), float(generator.uniform(0.0, 2 * math.pi))
    )
    light = float(generator.uniform(-1.1, 1.1))
    backdrop = backgrounds.backdrop(kind, (one, two, three), frame, roomy(frame), generator)
    return camera, light, backdrop


def roomy(frame: tuple[int, int]) -> tuple[int, int]:
    """The size of planes: the frame plus the motion of camera and planes on each side."""
    pad = math.ceil((0.05 * foregrounds.NEARER + 0.1) * min(frame)) + 2
    return frame[0] + 2 * pad, frame[1] + 2 * pad


def hiding(
    kind: str,
    shape: foregrounds.Outlines,
    clothes: Sequence[Clothes],
    light: float,
    frame: tuple[int, int],
    generator: np.random.Generator,
) -> Plane:
    """The plane of a foreground, in a colour that differs from the objects'."""
    worn = [colour for each in clothes for colour in (each.main, each.accent)]
    free = colours.clear_of(foregrounds.COLOURS[kind], worn, 30.0, 2)
    return foregrounds.foreground(shape, free[int(generator.integers(len(free)))], light, frame, roomy(frame))
