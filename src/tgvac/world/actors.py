"""Objects of a video: their looks, route and poses, and their polygons in each frame."""

from __future__ import annotations

import functools
from typing import NamedTuple

from tgvac.seeds import rng
from tgvac.world import render
from tgvac.world.captions import caption
from tgvac.world.creatures import CREATURES
from tgvac.world.motion import Pose, Route, placed, plan
from tgvac.world.params import WorldParams
from tgvac.world.patterns import following, marks, tone
from tgvac.world.shapes import Points
from tgvac.world.wardrobe import Clothes

_MADE_AT = 1.5
"""The articulation phase, in radians, at which patterns are made: limbs and wings are spread."""


class Actor(NamedTuple):
    """One object of a video."""

    category: str
    clothes: Clothes
    route: Route
    poses: list[Pose]

    @property
    def caption(self) -> str:
        """One sentence with the category, both colours, the part, the pattern and the route."""
        return caption(self.category, self.clothes, path=self.route.path, heading=self.route.heading)


def act(
    params: WorldParams, names: tuple[str | int, ...], category: str, clothes: Clothes, route: Route, attempt: int = 0
) -> Actor:
    """One object with its poses; ``names`` identify it for the random draws."""
    creature = CREATURES[category]
    stretch = float(
        rng("world", params.seed, *names, "stretch").uniform(1.0 - creature.stretch, 1.0 + creature.stretch)
    )
    moves = rng("world", params.seed, *names, "moves", attempt)
    sizes = {"frames": params.frames, "height": params.height, "width": params.width}
    return Actor(category, clothes, route, plan(creature, stretch, route, moves, **sizes))


@functools.lru_cache(maxsize=256)
def _marks(category: str, part: int, pattern: str) -> tuple[Points, tuple[Points, ...]]:
    """A part's outline in the pose for making patterns, and the pattern in that pose."""
    outline_N2 = CREATURES[category].draw(_MADE_AT)[part].outline_N2
    return outline_N2, tuple(marks(pattern, outline_N2))


def paints(actor: Actor, frame: int) -> list[render.Paint]:
    """The coloured polygons of an object in one frame, in pixels."""
    pose, clothes = actor.poses[frame], actor.clothes
    out = []
    for number, part in enumerate(CREATURES[actor.category].draw(pose.phase)):
        own = part.colour or (clothes.accent if part.name == clothes.part else clothes.main)
        paint = render.Paint(placed(part.outline_N2, pose), render.shaded(own, part.shade), part.lined)
        if part.colour is None and clothes.pattern_on(part.name, actor.category):
            made_N2, made = _marks(actor.category, number, clothes.pattern)
            posed = tuple(placed(mark_N2, pose) for mark_N2 in following(made_N2, part.outline_N2, list(made)))
            paint = paint._replace(marks=posed, mark_colour=render.shaded(tone(own), part.shade))
        out.append(paint)
    return out
