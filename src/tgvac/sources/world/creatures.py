"""The table of creatures: what draws each, how it moves, and which of its parts a caption names."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tgvac.sources.world import animals, things
from tgvac.sources.world.shapes import Part


class Creature(NamedTuple):
    """One category of object."""

    draw: Callable[[float, str], list[Part]]
    """From the articulation phase (radians) and a coat of ``COATS``, the parts back to front, facing right."""
    motion: str
    """``swim``, ``fly``, ``walk``, ``roll``, ``crawl`` or ``sway``."""
    verb: str
    accents: tuple[str, ...]
    """The parts that may have a colour of their own, named in the caption; the rest has the main colour."""
    paths: tuple[str, ...]
    """Ways it can go: ``across``, ``turn`` (there and back, facing about) or ``oscillate`` (about the middle)."""
    stretch: float
    """How much longer (and lower) or shorter (and higher) than drawn an individual may be."""


COATS = ("plain", "striped", "spotted")

CREATURES = {
    "bird": Creature(animals.bird, "fly", "flying", ("wings", "head", "tail"), ("across", "turn"), 0.1),
    "boat": Creature(things.boat, "sway", "sailing", ("sails", "flag"), ("across", "oscillate"), 0.1),
    "butterfly": Creature(animals.butterfly, "fly", "flying", ("spots", "body"), ("across", "oscillate"), 0.1),
    # A stretched car would have oval wheels.
    "car": Creature(things.car, "roll", "rolling", ("wheels", "roof"), ("across", "oscillate"), 0.0),
    "dog": Creature(animals.dog, "walk", "walking", ("legs", "head", "ears"), ("across", "turn"), 0.1),
    "fish": Creature(animals.fish, "swim", "swimming", ("tail", "fins"), ("across", "turn"), 0.12),
    "flower": Creature(things.flower, "sway", "swaying", ("pot", "leaves"), ("oscillate",), 0.1),
    "snake": Creature(animals.snake, "crawl", "crawling", ("bands", "head"), ("across", "turn"), 0.08),
    "turtle": Creature(animals.turtle, "walk", "walking", ("shell", "legs"), ("across", "turn"), 0.1),
}


def is_plural(part: str) -> bool:
    """Whether a part's name takes no article: ``wings``, not ``tail``."""
    return part.endswith("s")


def caption(category: str, main: str, accent: str, part: str, *, path: str, heading: int) -> str:
    """One sentence: ``a red fish with a blue tail swimming to the left``; ``heading`` is 1 for right, -1 for left."""
    way = {"across": "to the {}", "turn": "to the {} and back", "oscillate": "from side to side"}[path]
    with_part = f"{accent} {part}" if is_plural(part) else f"{_article(accent)} {accent} {part}"
    verb = CREATURES[category].verb
    return (
        f"{_article(main)} {main} {category} with {with_part} {verb} {way.format('right' if heading > 0 else 'left')}"
    )


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
