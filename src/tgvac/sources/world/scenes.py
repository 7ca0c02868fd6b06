"""Who is in a video, dressed how, going where, before what: drawn by names from the seed and the video's number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tgvac.seeds import rng, unit
from tgvac.sources.world import backgrounds, colours, render
from tgvac.sources.world.creatures import COATS, CREATURES, caption
from tgvac.sources.world.motion import LINE, Pose, Route, placed, plan
from tgvac.sources.world.params import WorldParams
from tgvac.sources.world.shapes import RGB

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_ATTEMPTS = 24
"""Tries at letting two objects pass so that the one behind is well hidden, yet never gone."""


class Actor(NamedTuple):
    """One object of a video."""

    category: str
    coat: str
    part: str
    """The name of the parts in the accent colour."""
    main: RGB
    accent: RGB
    route: Route
    poses: list[Pose]

    @property
    def caption(self) -> str:
        """One sentence: category, both colours, the part, the way."""
        main, accent = colours.name_of(self.main), colours.name_of(self.accent)
        return caption(self.category, main, accent, self.part, path=self.route.path, heading=self.route.heading)


class Scene(NamedTuple):
    """One video, before it is drawn."""

    name: str
    actors: tuple[Actor, ...]
    """Object 1 first."""
    order: tuple[int, ...]
    """Indices of the actors, back to front."""
    backdrop_HW3: render.Image
    """Larger than the frame by the way it drifts."""
    corners: list[tuple[float, float]]
    """The corner (x, y) of each frame in the backdrop."""


def is_crowded(params: WorldParams, index: int) -> bool:
    """Whether a video has two objects: spread evenly over the videos, at the share that is asked for."""
    return (unit("world", params.seed, "crowded") + index * _GOLDEN) % 1.0 < params.crowded


def categories(params: WorldParams, index: int) -> tuple[str, ...]:
    """The categories of a video, object 1 first; every run of len(CREATURES) videos from 0 has each once."""
    count = len(CREATURES)
    shuffled = rng("world", params.seed, "categories", index // count).permutation(sorted(CREATURES)).tolist()
    first = str(shuffled[index % count])
    if not is_crowded(params, index):
        return (first,)
    rest = sorted(set(CREATURES) - {first})
    return first, rest[int(rng("world", params.seed, index, "second").integers(len(rest)))]


def stage(params: WorldParams, index: int) -> Scene:
    """Video ``index`` of the world; it depends on the seed and the size of the video, not on the other videos."""
    names = categories(params, index)
    order = tuple(rng("world", params.seed, index, "order").permutation(len(names)).tolist())
    clothes = _dress(params, index, len(names))
    actors = _clean(params, index, names, clothes) if len(names) == 1 else _crowd(params, index, names, clothes, order)
    taken = [colour for pair in clothes for colour in pair]
    backdrop_HW3, corners = _backdrop(params, index, taken)
    return Scene(f"{'-'.join(names)}-{index:04d}", actors, order, backdrop_HW3, corners)


def _dress(params: WorldParams, index: int, count: int) -> list[tuple[RGB, RGB]]:
    """Main and accent colour of each object, all of them well apart."""
    pairs: list[tuple[RGB, RGB]] = []
    taken: list[RGB] = []
    for actor in range(count):
        generator = rng("world", params.seed, index, "clothes", actor)
        pair = []
        for _ in range(2):
            free = colours.clear_of(list(colours.PALETTE.values()), taken, 45.0, 2)
            pair.append(free[int(generator.integers(len(free)))])
            taken.append(pair[-1])
        pairs.append((pair[0], pair[1]))
    return pairs


def _actor(
    params: WorldParams, index: int, category: str, clothes: tuple[RGB, RGB], *, route: Route, attempt: int
) -> Actor:
    creature = CREATURES[category]
    generator = rng("world", params.seed, index, category, "looks")
    coat = str(generator.choice(COATS))
    part = str(generator.choice(creature.accents))
    stretch = float(generator.uniform(1.0 - creature.stretch, 1.0 + creature.stretch))
    moves = rng("world", params.seed, index, category, "moves", attempt)
    poses = plan(creature, coat, stretch, route, moves, frames=params.frames, height=params.height, width=params.width)
    return Actor(category, coat, part, *clothes, route, poses)


def _clean(
    params: WorldParams, index: int, names: Sequence[str], clothes: Sequence[tuple[RGB, RGB]]
) -> tuple[Actor, ...]:
    """One object that stays whole inside of the frame and comes through its middle."""
    generator = rng("world", params.seed, index, "route")
    route = Route(
        path=str(generator.choice(CREATURES[names[0]].paths)),
        heading=1 if generator.random() < 0.5 else -1,
        size=float(generator.uniform(0.54, 0.72)),
        reach=float(generator.uniform(0.85, 1.0)),
        level=float(generator.uniform(-0.6, 0.6)),
        outside=0.0,
    )
    return (_actor(params, index, names[0], clothes[0], route=route, attempt=0),)


def _crowd(
    params: WorldParams,
    index: int,
    names: Sequence[str],
    clothes: Sequence[tuple[RGB, RGB]],
    order: tuple[int, ...],
) -> tuple[Actor, ...]:
    """Two objects, the front one passing over the other, which stays near the middle and always shows."""
    best: tuple[float, tuple[Actor, ...]] | None = None
    for attempt in range(_ATTEMPTS):
        generator = rng("world", params.seed, index, "routes", attempt)
        side = 1.0 if generator.random() < 0.5 else -1.0
        heading = 1 if generator.random() < 0.5 else -1
        behind = Route(
            path=str(generator.choice(CREATURES[names[order[0]]].paths)),
            heading=-heading if generator.random() < 0.7 else heading,
            size=float(generator.uniform(0.58, 0.72)),
            reach=float(generator.uniform(0.2, 0.5)),
            level=float(side * generator.uniform(0.0, 0.5)),
            outside=0.0,
        )
        before = Route(
            path="across",
            heading=heading,
            size=float(generator.uniform(0.48, 0.6)),
            reach=1.0,
            level=float(-side * generator.uniform(0.0, 0.7)),
            outside=float(generator.uniform(0.5, 0.72)),
        )
        routes = dict(zip(order, (behind, before), strict=True))
        actors = tuple(
            _actor(params, index, name, clothes[k], route=routes[k], attempt=attempt) for k, name in enumerate(names)
        )
        shown, hidden = _passing(params, actors, order)
        score = min(shown / 0.3, hidden / 0.2, 1.0)
        if best is None or score > best[0]:
            best = (score, actors)
        if score == 1.0:
            break
    assert best is not None
    return best[1]


def _passing(params: WorldParams, actors: Sequence[Actor], order: tuple[int, ...]) -> tuple[float, float]:
    """The least share of the object behind that shows, and the largest share that is hidden, over the frames."""
    shown, hidden = [], []
    for frame in range(params.frames):
        back_HW, front_HW = (render.silhouette(paints(actors[k], frame), params.height, params.width) for k in order)
        # The front object has to show as well, though it may come from outside of the frame.
        seen = min(1.0, float(front_HW.mean()) / 0.005)
        hidden.append(float((back_HW & front_HW).sum()) / max(float(back_HW.sum()), 1.0))
        shown.append(seen * (1.0 - hidden[-1]))
    return min(shown), max(hidden)


def _backdrop(params: WorldParams, index: int, taken: Sequence[RGB]) -> tuple[render.Image, list[tuple[float, float]]]:
    """A backdrop in colours clear of the objects', and how it drifts."""
    generator = rng("world", params.seed, index, "backdrop")
    kind = str(generator.choice(sorted(backgrounds.KINDS)))
    free = colours.clear_of(colours.QUIET, taken, 30.0, 3)
    chosen = generator.permutation(len(free))[:3].tolist()
    one, two, three = (free[k] for k in chosen)
    drift = 0.05 * min(params.height, params.width)
    pad = math.ceil(2 * drift) + 2
    backdrop_HW3 = backgrounds.backdrop(kind, (one, two, three), params.height + pad, params.width + pad, generator)
    start, way = generator.uniform(0.0, 2 * math.pi), generator.uniform(0.0, 2 * math.pi)
    swing_F = drift * (np.sin(start + 2 * math.pi * np.arange(params.frames) / 60.0))
    corners = [(drift + math.cos(way) * s, drift + 0.4 * math.sin(way) * s) for s in swing_F.tolist()]
    return backdrop_HW3, corners


def paints(actor: Actor, frame: int) -> list[render.Paint]:
    """An object's polygons in one frame, in pixels and in its own colours."""
    pose = actor.poses[frame]
    out = []
    for part in CREATURES[actor.category].draw(pose.phase, actor.coat):
        base = part.colour or (actor.accent if part.name == actor.part else actor.main)
        red, green, blue = (min(255, round(channel * part.shade)) for channel in base)
        out.append(render.Paint(placed(part.outline_N2, pose), (red, green, blue), part.lined))
    return out


def layers(scene: Scene, frame: int, height: int, width: int) -> list[render.Layer]:
    """Each object of one frame alone, object 1 first."""
    return [render.draw(paints(actor, frame), LINE * actor.poses[frame].scale, height, width) for actor in scene.actors]
