"""Render a scene: its frames one by one, with the amodal and visible mask of each object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tgvac.world import annotation, planes, render, scenes
from tgvac.world.params import WorldParams


class Shot(NamedTuple):
    """One frame of a video."""

    frame_HW3: render.Image
    """uint8 RGB."""
    amodal: list[render.Mask]
    """The amodal mask of each object inside the frame, bool (H, W), object 1 first."""
    visible: list[render.Mask]
    """The visible mask of each object, bool (H, W)."""


def film(params: WorldParams, scene: scenes.Scene) -> Iterator[Shot]:
    """The frames of a scene, one in memory at a time."""
    size = (params.height, params.width)
    for frame in range(params.frames):
        layers = scenes.layers(scene, frame, *size)
        behind_HW3 = planes.view(scene.backdrop, scene.camera, frame, *size)
        frame_HW3 = render.composite(behind_HW3, [layers[k] for k in scene.order])
        covered_HW = np.zeros(size, np.bool_)
        if scene.foreground is not None:
            before_HW4 = planes.look(scene.foreground, scene.camera, frame, *size)
            frame_HW3 = planes.over(frame_HW3, before_HW4)
            covered_HW = before_HW4[..., 3] >= 128
        amodal = [render.amodal(layer, *size) for layer in layers]
        yield Shot(frame_HW3, amodal, annotation.visible(amodal, scene.order, covered_HW))
