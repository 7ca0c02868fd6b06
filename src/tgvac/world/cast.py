"""How a video is staged: the number of objects, their categories, depth order and routes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from tgvac.seeds import rng, unit
from tgvac.world.creatures import CREATURES
from tgvac.world.motion import Route
from tgvac.world.params import Layout, WorldParams

Staging: TypeAlias = Literal["clean", "crowded", "company", "fenced", "late", "hidden", "leaving"]

Choice: TypeAlias = Literal["staging", "camouflage", "later start", "rate"]

_STEPS: dict[Choice, float] = {
    "staging": (math.sqrt(5.0) - 1.0) / 2.0,
    "camouflage": math.sqrt(2.0) - 1.0,
    "later start": math.sqrt(3.0) - 1.0,
    "rate": (math.sqrt(5.0) - 1.0) / 2.0,
}
"""Steps on a circle of length 1. They are irrational and differ between the choices for one video, so that the choices
are uncorrelated."""


def spread(params: WorldParams, layout: Layout, what: Choice, index: int) -> float:
    """A number in [0, 1) for each video. The numbers are evenly spread, so a few videos also have the right shares."""
    return (unit("world", params.seed, layout, what) + index * _STEPS[what]) % 1.0


def staging(params: WorldParams, layout: Layout, index: int) -> Staging:
    """The staging of a video; ``clean`` is one object that is unoccluded in every frame."""
    shares = params.shares
    wanted: list[tuple[Staging, float]] = [
        ("crowded", shares.crowded),
        ("company", shares.company),
        ("fenced", shares.fenced),
    ]
    if layout == "youtube_vos":
        wanted.append(("late", shares.late))
    if layout == "lasot":
        wanted += [("hidden", shares.hidden), ("leaving", shares.leaving)]
    place = spread(params, layout, "staging", index)
    for kind, share in wanted:
        if place < share:
            return kind
        place -= share
    return "clean"


def categories(params: WorldParams, layout: Layout, index: int) -> tuple[str, ...]:
    """The categories of a video, object 1 first. In each block of len(CREATURES) videos, each is once the first.

    Pairs in the layout of pix2gestalt have two: the object, and the occluder.
    """
    count = len(CREATURES)
    shuffled = rng("world", params.seed, layout, "categories", index // count).permutation(sorted(CREATURES)).tolist()
    first = str(shuffled[index % count])
    kind = staging(params, layout, index)
    others = 1 if layout == "pix2gestalt" or kind in ("crowded", "company", "late") else 0
    if kind == "crowded" and layout != "pix2gestalt":
        others += unit("world", params.seed, layout, index, "third") < params.shares.third
    rest = sorted(set(CREATURES) - {first})
    picked = rng("world", params.seed, layout, index, "others").permutation(len(rest))[:others].tolist()
    return first, *(rest[k] for k in picked)


def order(params: WorldParams, layout: Layout, index: int, count: int) -> tuple[int, ...]:
    """Indices of the objects, back to front."""
    if count == 3:
        # The third object stays behind the two that pass each other.
        first_two = rng("world", params.seed, layout, index, "order").permutation(2).tolist()
        return 2, *first_two
    if staging(params, layout, index) == "late":
        return 0, 1
    return tuple(rng("world", params.seed, layout, index, "order").permutation(count).tolist())


def routes(kind: Staging, names: Sequence[str], order: Sequence[int], generator: np.random.Generator) -> list[Route]:
    """The route of each object of a video, object 1 first."""
    if kind == "crowded":
        return _passing(names, order, generator)
    if kind == "company":
        return _company(names, generator)
    if kind == "late":
        resident = _alone(names[0], generator)._replace(reach=float(generator.uniform(0.3, 0.7)))
        return [resident, _across(generator, size=(0.44, 0.56), outside=1.2, delay=(0.2, 0.35))]
    if kind == "hidden":
        heading = _either(generator)
        return [Route("across", heading, float(generator.uniform(0.36, 0.46)), 1.0, _level(generator), widest=0.29)]
    if kind == "leaving":
        size = float(generator.uniform(0.46, 0.6))
        return [Route("turn", _either(generator), size, 1.0, _level(generator), (0.0, 1.25))]
    return [_alone(names[0], generator)]


def _either(generator: np.random.Generator) -> int:
    return 1 if generator.random() < 0.5 else -1


def _level(generator: np.random.Generator) -> float:
    return float(generator.uniform(-0.6, 0.6))


def _alone(name: str, generator: np.random.Generator) -> Route:
    """A route that keeps the whole object inside the frame and passes through the middle."""
    return Route(
        path=str(generator.choice(CREATURES[name].paths)),
        heading=_either(generator),
        size=float(generator.uniform(0.54, 0.72)),
        reach=float(generator.uniform(0.85, 1.0)),
        level=_level(generator),
    )


def _across(
    generator: np.random.Generator, *, size: tuple[float, float], outside: float, delay: tuple[float, float]
) -> Route:
    """A route that enters the frame from outside, crosses it and leaves it."""
    return Route(
        path="across",
        heading=_either(generator),
        size=float(generator.uniform(*size)),
        reach=1.0,
        level=_level(generator),
        outside=(outside, outside),
        delay=float(generator.uniform(*delay)),
    )


def _company(names: Sequence[str], generator: np.random.Generator) -> list[Route]:
    """The routes of two objects, each in its own half of the frame."""
    sides = generator.permutation([0.0, 0.5]).tolist()
    out = []
    for name, side in zip(names, sides, strict=True):
        path = str(generator.choice([path for path in CREATURES[name].paths if path != "across"]))
        out.append(
            Route(
                path=path,
                heading=_either(generator),
                size=float(generator.uniform(0.44, 0.56)),
                reach=float(generator.uniform(0.85, 1.0)),
                level=_level(generator),
                lane=(side, side + 0.5),
                widest=0.75,
            )
        )
    return out


def _passing(names: Sequence[str], order: Sequence[int], generator: np.random.Generator) -> list[Route]:
    """Routes where the front object passes over another near the middle; a third is small and at one side."""
    *rest, back, front = order
    side, heading = float(_either(generator)), _either(generator)
    found = {
        back: Route(
            path=str(generator.choice(CREATURES[names[back]].paths)),
            heading=-heading if generator.random() < 0.7 else heading,
            size=float(generator.uniform(0.58, 0.72)),
            reach=float(generator.uniform(0.2, 0.5)),
            level=float(side * generator.uniform(0.0, 0.5)),
        ),
        front: Route(
            path="across",
            heading=heading,
            size=float(generator.uniform(0.48, 0.6)),
            reach=1.0,
            level=float(-side * generator.uniform(0.0, 0.7)),
            outside=(float(generator.uniform(0.5, 0.72)),) * 2,
        ),
    }
    for third in rest:
        left = 0.0 if generator.random() < 0.5 else 0.6
        path = str(generator.choice([path for path in CREATURES[names[third]].paths if path != "across"]))
        size, high = float(generator.uniform(0.26, 0.36)), float(generator.uniform(-0.8, -0.3))
        found[third] = Route(path, _either(generator), size, 0.9, high, lane=(left, left + 0.4))
    return [found[k] for k in range(len(names))]
