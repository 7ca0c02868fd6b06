"""``tgvac demo``: a clip of the procedural world, completed by the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tgvac.complete.command import Completing, Options
from tgvac.complete.outputs import write_pictures
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.progress import with_progress
from tgvac.tracking.prompts import Selection
from tgvac.world import scenes
from tgvac.world.film import Shot, film
from tgvac.world.params import WorldParams

FRAMES, HEIGHT, WIDTH = 28, 192, 256
SEED = 40
"""A world of its own: nothing was trained or chosen on it."""
_TRIED = 300
_HIDDEN = (0.25, 0.7)
"""Share of the object that is hidden at most over the clip: something to complete, and enough to complete from."""


def demo(root: Path, out: Path) -> Path:
    """Draw a clip in which one object passes behind another, and complete it; returns the file to look at.

    The masks are the world's own, so that the clip shows completion and not tracking.
    """
    world = load_params(root, "paper").sources.world.model_copy(
        update={"seed": SEED, "frames": FRAMES, "height": HEIGHT, "width": WIDTH}
    )
    scene, shots, number = _staged(world)
    write_pictures(out / "clip", (shot.frame_HW3 for shot in shots))
    write_pictures(out / "masks", (np.where(shot.visible[number], 255, 0).astype(np.uint8) for shot in shots))
    caption = scene.actors[number].caption
    print(f"the object: {caption}; its visible masks are the world's own, in {out / 'masks'}", flush=True)
    selection = Selection(every=str(out / "masks"))
    return Completing(root, Options(video=str(out / "clip"), selection=selection, text=caption), out).run()


def _staged(world: WorldParams) -> tuple[scenes.Scene, list[Shot], int]:
    """The first clip of the world in which an object is seen whole at first, and partly hidden later; and which one."""
    for index in range(_TRIED):
        scene = scenes.stage(world, "davis", index)
        if scene.kind != "crowded":
            continue
        shots = list(with_progress(film(world, scene), "drawing the clip", world.frames))
        for number in range(len(scene.actors)):
            hidden = [_hidden(shot, number) for shot in shots]
            if hidden[0] == 0 and _HIDDEN[0] <= np.nanmax(hidden) <= _HIDDEN[1] and not np.isnan(hidden).any():
                return scene, shots, number
    raise BadInput(f"None of the first {_TRIED} clips of the world has an object that is seen whole and then hidden.")


def _hidden(shot: Shot, number: int) -> float:
    """The hidden share of an object; NaN where it is not in the frame."""
    whole = int(shot.amodal[number].sum())
    return 1 - float(shot.visible[number].sum()) / whole if whole else float("nan")
