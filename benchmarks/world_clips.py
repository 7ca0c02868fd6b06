"""Long clips of the procedural world in which one object passes behind another, with the truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.figures import ROOT
from tgvac.clips.clip import Clip
from tgvac.params import load_params
from tgvac.world import annotation, planes, render, scenes
from tgvac.world.params import WorldParams

SIDE = 64
"""Pixels of a frame: the demonstration model's own."""
_HIDDEN = (0.1, 0.6)
"""Mean hidden share of the object."""
_SEEN = 0.9
"""Share of the frames that show some of it."""


def world_clips(seed: int, count: int, frames: int, side: int = SIDE) -> Iterator[tuple[Clip, str]]:
    """The first clips of a world's crowded scenes that hide enough of one object, each with the object's sentence.

    Args:
        seed: of the world.
    """
    world = load_params(ROOT, "paper").sources.world.model_copy(
        update={"seed": seed, "frames": frames, "height": side, "width": side}
    )
    found = index = 0
    while found < count:
        scene = scenes.stage(world, "davis", index)
        if scene.kind == "crowded" and (clip := _clip(world, scene, f"seed-{seed}-{index}")) is not None:
            yield clip
            found += 1
        index += 1


def _clip(world: WorldParams, scene: scenes.Scene, name: str) -> tuple[Clip, str] | None:
    """The clip of the scene's object that is hidden enough and seen often enough; None if there is none."""
    size = world.height, world.width
    if scene.foreground is not None:
        return None
    frames_FHW3, amodal_F, visible_F, layers_F = [], [], [], []
    for frame in range(world.frames):
        layers = scenes.layers(scene, frame, *size)
        behind_HW3 = planes.view(scene.backdrop, scene.camera, frame, *size)
        frames_FHW3.append(render.composite(behind_HW3, [layers[k] for k in scene.order]))
        amodal_F.append([render.amodal(layer, *size) for layer in layers])
        visible_F.append(annotation.visible(amodal_F[-1], scene.order, np.zeros(size, np.bool_)))
        layers_F.append(layers)
    for k, actor in enumerate(scene.actors):
        amodal_FHW = np.stack([masks[k] for masks in amodal_F])
        visible_FHW = np.stack([masks[k] for masks in visible_F])
        whole_F, seen_F = amodal_FHW.sum(axis=(1, 2)), visible_FHW.sum(axis=(1, 2))
        if (
            not whole_F.all()
            or (seen_F > 0).mean() < _SEEN
            or not _HIDDEN[0] <= 1 - (seen_F / whole_F).mean() <= _HIDDEN[1]
        ):
            continue
        white_HW3 = np.full((*size, 3), 255, np.uint8)
        whole_FHW3 = np.stack([render.composite(white_HW3, [layers[k]]) for layers in layers_F])
        masks = [
            np.where(mask, 255, 0).astype(np.uint8) for mask in (visible_FHW, amodal_FHW, amodal_FHW & ~visible_FHW)
        ]
        clip = Clip(
            name, f"world/{name}", f"world/{name}/{k}", np.stack(frames_FHW3), masks[0], whole_FHW3, masks[1], masks[2]
        )
        return clip, actor.caption
    return None
