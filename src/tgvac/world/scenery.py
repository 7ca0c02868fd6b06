"""What stands behind and before the objects of a video, in which light, and how the camera drifts."""

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
    """Camera, light and backdrop, in colours clear of the objects', or, camouflaged, with the first one's main colour.

    Args:
        clothes: what the objects wear.
        camouflaged: whether the first object's main colour is one of the backdrop's.
        frame: height and width in pixels.
        generator: source of the draws.
    """
    small = min(frame)
    kind = str(generator.choice(sorted(backgrounds.KINDS)))
    worn = [colour for each in clothes for colour in (each.main, each.accent)]
    free = colours.clear_of(colours.QUIET, worn, 30.0, 3)
    one, two, three = (free[k] for k in generator.permutation(len(free))[:3].tolist())
    if camouflaged:
        # Nearly the same: no two things share a paint.
        one, two = (render.shaded(clothes[0].main, shade) for shade in (0.97, 0.84))
    camera = Camera(
        0.05 * small, float(generator.uniform(0.0, 2 * math.pi)), float(generator.uniform(0.0, 2 * math.pi))
    )
    light = float(generator.uniform(-1.1, 1.1))
    backdrop = backgrounds.backdrop(kind, (one, two, three), frame, roomy(frame), generator)
    return camera, light, backdrop


def roomy(frame: tuple[int, int]) -> tuple[int, int]:
    """The size of planes: the frame's, and what camera and planes move, on each side."""
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
    """The plane of a foreground, in a colour clear of the objects'."""
    worn = [colour for each in clothes for colour in (each.main, each.accent)]
    free = colours.clear_of(foregrounds.COLOURS[kind], worn, 30.0, 2)
    return foregrounds.foreground(shape, free[int(generator.integers(len(free)))], light, frame, roomy(frame))
