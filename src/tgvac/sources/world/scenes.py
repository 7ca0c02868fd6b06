"""Scenes: who is in a video, dressed how, going where, before and behind what; drawn by names from seed and number."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tgvac.seeds import rng
from tgvac.sources.world import backgrounds, cast, colours, foregrounds, render
from tgvac.sources.world.captions import caption
from tgvac.sources.world.creatures import CREATURES
from tgvac.sources.world.motion import LINE, Pose, Route, placed, plan
from tgvac.sources.world.params import Layout, WorldParams
from tgvac.sources.world.patterns import following, marks, tone
from tgvac.sources.world.planes import Camera, Plane
from tgvac.sources.world.shapes import RGB, Points
from tgvac.sources.world.wardrobe import Clothes, dress

_ATTEMPTS = 24
"""Tries at letting two objects pass so that the one behind is well hidden, yet never gone."""
_LOOKS = 24
"""Frames, spread over the video, in which a try is judged."""
_MADE_AT = 1.5
"""The articulation phase, radians, in which patterns are put on: limbs and wings are spread."""


class Actor(NamedTuple):
    """One object of a video."""

    category: str
    clothes: Clothes
    route: Route
    poses: list[Pose]

    @property
    def caption(self) -> str:
        """One sentence: category, both colours, the part, its pattern, the way."""
        return caption(self.category, self.clothes, path=self.route.path, heading=self.route.heading)


class Scene(NamedTuple):
    """One video, before it is drawn."""

    kind: cast.Staging
    actors: tuple[Actor, ...]
    """Object 1 first."""
    order: tuple[int, ...]
    """Indices of the actors, back to front."""
    backdrop: list[Plane]
    foreground: Plane | None
    """What stands before all objects and is none of them."""
    camera: Camera
    light: float
    """Where the light comes from: radians from straight above, positive towards the right."""


def stage(params: WorldParams, layout: Layout, index: int) -> Scene:
    """Video ``index`` of a layout; it depends on seed, layout and sizes, not on the other videos."""
    names = cast.categories(params, layout, index)
    kind = cast.staging(params, layout, index)
    order = cast.order(params, layout, index, len(names))
    clothes = dress(params, (layout, index), names)
    actors = _actors(params, (layout, index), kind, names, clothes, order)
    generator = rng("world", params.seed, layout, index, "scenery")
    hidden_colour = cast.spread(params, layout, "camouflage", index) < params.shares.camouflaged
    frame = (params.height, params.width)
    camera, light, backdrop = scenery(clothes, hidden_colour, frame, generator)
    foreground = None
    if kind in ("fenced", "hidden"):
        foreground = _foreground("wall" if kind == "hidden" else "", clothes, light, frame, generator)
    return Scene(kind, actors, order, backdrop, foreground, camera, light)


def _actors(
    params: WorldParams,
    names: tuple[str | int, ...],
    kind: cast.Staging,
    categories: Sequence[str],
    clothes: Sequence[Clothes],
    order: tuple[int, ...],
) -> tuple[Actor, ...]:
    best: tuple[float, tuple[Actor, ...]] | None = None
    for attempt in range(_ATTEMPTS):
        routes = cast.routes(kind, categories, order, rng("world", params.seed, *names, "routes", attempt))
        actors = tuple(
            act(params, (*names, k), category, clothes[k], routes[k], attempt) for k, category in enumerate(categories)
        )
        score = _passing(params, actors, order) if kind == "crowded" else 1.0
        if best is None or score > best[0]:
            best = (score, actors)
        if score == 1.0:
            break
    assert best is not None
    return best[1]


def act(
    params: WorldParams, names: tuple[str | int, ...], category: str, clothes: Clothes, route: Route, attempt: int = 0
) -> Actor:
    """One object on its way; ``names`` name it for the draws."""
    creature = CREATURES[category]
    stretch = float(
        rng("world", params.seed, *names, "stretch").uniform(1.0 - creature.stretch, 1.0 + creature.stretch)
    )
    moves = rng("world", params.seed, *names, "moves", attempt)
    sizes = {"frames": params.frames, "height": params.height, "width": params.width}
    return Actor(category, clothes, route, plan(creature, stretch, route, moves, **sizes))


def _passing(params: WorldParams, actors: Sequence[Actor], order: tuple[int, ...]) -> float:
    """1 when the front object hides a fair share of the one behind it, and that one always shows; else less."""
    shown, hidden = [], []
    # A coarse look is enough, and its cost does not grow with the frame.
    grain = max(1.0, min(params.height, params.width) / 64)
    height, width = round(params.height / grain), round(params.width / grain)
    for frame in np.unique(np.linspace(0, params.frames - 1, _LOOKS).astype(int)).tolist():
        back_HW, front_HW = (
            render.silhouette(
                [p._replace(outline_N2=p.outline_N2 / grain) for p in paints(actors[k], frame)], height, width
            )
            for k in order[-2:]
        )
        # The front object has to show as well, though it may come from outside of the frame.
        seen = min(1.0, float(front_HW.mean()) / 0.005)
        hidden.append(float((back_HW & front_HW).sum()) / max(float(back_HW.sum()), 1.0))
        shown.append(seen * (1.0 - hidden[-1]))
    return min(min(shown) / 0.3, max(hidden) / 0.2, 1.0)


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
        one, two = (_shaded(clothes[0].main, shade) for shade in (0.97, 0.84))
    camera = Camera(
        0.05 * small, float(generator.uniform(0.0, 2 * math.pi)), float(generator.uniform(0.0, 2 * math.pi))
    )
    light = float(generator.uniform(-1.1, 1.1))
    backdrop = backgrounds.backdrop(kind, (one, two, three), small, *_roomy(frame), generator)
    return camera, light, backdrop


def _roomy(frame: tuple[int, int]) -> tuple[int, int]:
    """The size of planes: the frame's, and what camera and planes move, on each side."""
    pad = math.ceil((0.05 * foregrounds.NEARER + 0.1) * min(frame)) + 2
    return frame[0] + 2 * pad, frame[1] + 2 * pad


def _foreground(
    kind: str, clothes: Sequence[Clothes], light: float, frame: tuple[int, int], generator: np.random.Generator
) -> Plane:
    kind = kind or str(generator.choice(foregrounds.KINDS))
    worn = [colour for each in clothes for colour in (each.main, each.accent)]
    free = colours.clear_of(foregrounds.COLOURS[kind], worn, 30.0, 2)
    colour = free[int(generator.integers(len(free)))]
    return foregrounds.foreground(kind, colour, light, frame, _roomy(frame), generator)


@functools.lru_cache(maxsize=256)
def _marks(category: str, part: int, pattern: str) -> tuple[Points, tuple[Points, ...]]:
    """A part's outline in the pose in which patterns are put on, and the pattern there."""
    outline_N2 = CREATURES[category].draw(_MADE_AT)[part].outline_N2
    return outline_N2, tuple(marks(pattern, outline_N2))


def paints(actor: Actor, frame: int) -> list[render.Paint]:
    """An object's polygons in one frame, in pixels and in its own colours."""
    pose, clothes = actor.poses[frame], actor.clothes
    out = []
    for number, part in enumerate(CREATURES[actor.category].draw(pose.phase)):
        own = part.colour or (clothes.accent if part.name == clothes.part else clothes.main)
        paint = render.Paint(placed(part.outline_N2, pose), _shaded(own, part.shade), part.lined)
        if part.colour is None and clothes.pattern_on(part.name, actor.category):
            made_N2, made = _marks(actor.category, number, clothes.pattern)
            posed = tuple(placed(mark_N2, pose) for mark_N2 in following(made_N2, part.outline_N2, list(made)))
            paint = paint._replace(marks=posed, mark_colour=_shaded(tone(own), part.shade))
        out.append(paint)
    return out


def _shaded(colour: RGB, shade: float) -> RGB:
    red, green, blue = (min(255, round(channel * shade)) for channel in colour)
    return red, green, blue


def layers(scene: Scene, frame: int, height: int, width: int) -> list[render.Layer]:
    """Each object of one frame alone, object 1 first."""
    return [
        render.draw(paints(actor, frame), LINE * actor.poses[frame].scale, scene.light, height, width)
        for actor in scene.actors
    ]
