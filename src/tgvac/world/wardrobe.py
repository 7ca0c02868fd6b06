"""The colours of objects: a main colour, the colour of one part, and possibly a pattern on one of the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tgvac.seeds import rng
from tgvac.world import colours
from tgvac.world.creatures import CREATURES
from tgvac.world.params import WorldParams
from tgvac.world.patterns import PATTERNS
from tgvac.world.shapes import RGB

_APART = 45.0
"""The wanted CIELAB distance between the colours of a video's objects, if the palette allows it."""


class Clothes(NamedTuple):
    """The colours and pattern of one object."""

    main: RGB
    accent: RGB
    part: str
    """The name of the parts in the accent colour."""
    pattern: str = ""
    """One of ``PATTERNS``, or empty."""
    patterned: str = ""
    """``main`` for a pattern on the torso, ``accent`` for one on the accent part; empty without a pattern."""

    @property
    def main_name(self) -> str:
        return colours.name_of(self.main)

    @property
    def accent_name(self) -> str:
        return colours.name_of(self.accent)

    def pattern_on(self, part: str, category: str) -> bool:
        """Whether the parts with a name have the pattern."""
        if self.patterned == "main":
            return part == CREATURES[category].torso
        return self.patterned == "accent" and part == self.part


def dress(params: WorldParams, names: tuple[str | int, ...], categories: Sequence[str]) -> list[Clothes]:
    """The clothes of each object of a video; ``names`` identify the video for the random draws."""
    out: list[Clothes] = []
    taken: list[RGB] = []
    for actor, category in enumerate(categories):
        generator = rng("world", params.seed, *names, "clothes", actor)
        creature = CREATURES[category]
        part = str(generator.choice(creature.accents))
        pattern, patterned = _pattern(params, category, part, generator)
        if generator.random() < params.shares.white:
            main = colours.PALETTE["white"]
        else:
            others = [colour for name, colour in colours.PALETTE.items() if name != "white"]
            main = _draw(others, taken, generator)
        taken.append(main)
        accent = _draw(list(colours.PALETTE.values()), taken, generator)
        taken.append(accent)
        out.append(Clothes(main, accent, part, pattern, patterned))
    return out


def _draw(candidates: Sequence[RGB], taken: Sequence[RGB], generator: np.random.Generator) -> RGB:
    free = colours.clear_of(candidates, taken, _APART, 2)
    return free[int(generator.integers(len(free)))]


def _pattern(params: WorldParams, category: str, part: str, generator: np.random.Generator) -> tuple[str, str]:
    creature = CREATURES[category]
    places = ["main"] if creature.torso and creature.torso != part else []
    places += ["accent"] if part in creature.patterned else []
    wanted, place, pattern = (
        generator.random() < params.shares.patterned,
        generator.random(),
        generator.choice(PATTERNS),
    )
    if not (wanted and places):
        return "", ""
    return str(pattern), places[int(place * len(places))]
