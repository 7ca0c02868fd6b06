"""Scenes: the objects of a video, their routes, and the scenery. All draws depend on seed, layout and index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tgvac.seeds import rng
from tgvac.world import cast, foregrounds, render
from tgvac.world.actors import Actor, act, paints
from tgvac.world.motion import LINE
from tgvac.world.params import Layout, WorldParams
from tgvac.world.planes import Camera, Plane
from tgvac.world.scenery import hiding, scenery
from tgvac.world.shapes import Points
from tgvac.world.wardrobe import Clothes, dress

_ATTEMPTS = 24
"""Attempts to place an occluder so that an object is clearly, but not fully, hidden."""
_LOOKS = 24
"""Frames, spread over the video, in which an attempt is scored."""
_LOOK = 64
"""Smaller side, in pixels, of the masks for scoring; coarse masks are enough."""


class Scene(NamedTuple):
    """One video, before it is drawn."""

    kind: cast.Staging
    actors: tuple[Actor, ...]
    """Object 1 first."""
    order: tuple[int, ...]
    """Indices of the actors, back to front."""
    backdrop: list[Plane]
    foreground: Plane | None
    """Scenery in front of all objects."""
    camera: Camera
    light: float
    """Direction of the light, in radians from straight above, positive to the right."""


def stage(params: WorldParams, layout: Layout, index: int) -> Scene:
    """Video ``index`` of a layout. It depends on seed, layout and sizes, not on the other videos."""
    names = (layout, index)
    categories = cast.categories(params, layout, index)
    kind = cast.staging(params, layout, index)
    order = cast.order(params, layout, index, len(categories))
    clothes = dress(params, names, categories)
    actors = _actors(params, names, kind, categories, clothes, order)
    camouflaged = cast.spread(params, layout, "camouflage", index) < params.shares.camouflaged
    generator = rng("world", params.seed, *names, "scenery")
    frame = (params.height, params.width)
    camera, light, backdrop = scenery(clothes, camouflaged, frame, generator)
    foreground = None
    if kind in ("fenced", "hidden"):
        what = "wall" if kind == "hidden" else str(generator.choice(foregrounds.KINDS))
        foreground = hiding(what, _shape(params, names, what, actors[0]), clothes, light, frame, generator)
    return Scene(kind, actors, order, backdrop, foreground, camera, light)


def _actors(
    params: WorldParams,
    names: tuple[str | int, ...],
    kind: cast.Staging,
    categories: Sequence[str],
    clothes: Sequence[Clothes],
    order: tuple[int, ...],
) -> tuple[Actor, ...]:
    """The objects. If one passes over another, the best attempt is used: it hides a clear share, but not all."""
    best: tuple[float, tuple[Actor, ...]] | None = None
    for attempt in range(_ATTEMPTS):
        routes = cast.routes(kind, categories, order, rng("world", params.seed, *names, "routes", attempt))
        actors = tuple(
            act(params, (*names, k), category, clothes[k], routes[k], attempt) for k, category in enumerate(categories)
        )
        score = 1.0
        if kind == "crowded":
            back_FHW, front_FHW = (_looks(params, actors[k]) for k in order[-2:])
            hidden_F = _hidden(back_FHW, front_FHW)
            # The front object must also be visible, although it may enter from outside the frame.
            seen_F = np.minimum(1.0, front_FHW.mean(axis=(1, 2)) / 0.005)
            score = min(float((seen_F * (1.0 - hidden_F)).min()) / 0.3, float(hidden_F.max()) / 0.2, 1.0)
        if best is None or score > best[0]:
            best = (score, actors)
        if score == 1.0:
            break
    assert best is not None
    return best[1]


def _shape(params: WorldParams, names: tuple[str | int, ...], kind: str, actor: Actor) -> foregrounds.Outlines:
    """The best attempt at a foreground: it hides a part of the object, but the first frame shows enough of it."""
    best: tuple[float, foregrounds.Outlines] | None = None
    object_FHW = _looks(params, actor)
    for attempt in range(_ATTEMPTS):
        generator = rng("world", params.seed, *names, "foreground", attempt)
        outlines = foregrounds.shape(kind, (params.height, params.width), generator)
        hidden_F = _hidden(object_FHW, _look(params, [outline_N2 for outline_N2, _ in outlines])[None])
        score = min(float(1.0 - hidden_F[0]) / 0.45, float(hidden_F.max()) / 0.2, 1.0)
        if best is None or score > best[0]:
            best = (score, outlines)
        if score == 1.0:
            break
    assert best is not None
    return best[1]


def _looks(params: WorldParams, actor: Actor) -> render.Mask:
    """Coarse masks of an object in some frames, including the first, bool (F, H, W)."""
    frames = np.unique(np.linspace(0, params.frames - 1, _LOOKS).astype(int)).tolist()
    return np.stack([_look(params, [paint.outline_N2 for paint in paints(actor, frame)]) for frame in frames])


def _look(params: WorldParams, outlines: Sequence[Points]) -> render.Mask:
    grain = max(1.0, min(params.height, params.width) / _LOOK)
    height, width = round(params.height / grain), round(params.width / grain)
    return render.silhouette([outline_N2 / grain for outline_N2 in outlines], height, width)


def _hidden(object_FHW: render.Mask, before_FHW: render.Mask) -> npt.NDArray[np.float64]:
    """The hidden share of an object in each frame, (F,)."""
    area_F = np.maximum(object_FHW.sum(axis=(1, 2)), 1)
    share_F: npt.NDArray[np.float64] = (object_FHW & before_FHW).sum(axis=(1, 2)) / area_F
    return share_F


def layers(scene: Scene, frame: int, height: int, width: int) -> list[render.Layer]:
    """The layer of each object in one frame, object 1 first."""
    return [
        render.draw(paints(actor, frame), LINE * actor.poses[frame].scale, scene.light, height, width)
        for actor in scene.actors
    ]
