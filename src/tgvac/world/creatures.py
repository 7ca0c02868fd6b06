"""The table of creatures: how each is drawn, how it moves, and which parts captions name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tgvac.world import crawlers, fliers, swimmers, things, walkers
from tgvac.world.shapes import Part


class Creature(NamedTuple):
    """One category of object."""

    draw: Callable[[float], list[Part]]
    """Maps the articulation phase (radians) to the parts, back to front, facing right; their number is constant."""
    motion: str
    """``swim``, ``fly``, ``walk``, ``roll``, ``turn``, ``crawl`` or ``sway``."""
    verb: str
    accents: tuple[str, ...]
    """The parts that may have their own colour, which the caption names; the rest has the main colour."""
    torso: str
    """The part in the main colour that may have a pattern; empty for none."""
    patterned: tuple[str, ...]
    """The accents that are large enough for a pattern."""
    paths: tuple[str, ...]
    """Its possible routes: ``across``, ``turn`` (there and back) or ``oscillate`` (around the middle)."""
    stretch: float
    """The largest relative change of its length; its height changes inversely."""
    rooted: bool = False
    """Whether it stays in place and moves little."""


_WAY, _SWAY = ("across", "turn"), ("across", "oscillate")

CREATURES = {
    "bird": Creature(fliers.bird, "fly", "flying", ("wings", "head", "tail"), "body", ("wings", "tail"), _WAY, 0.1),
    "boat": Creature(things.boat, "sway", "sailing", ("sails", "flag"), "hull", ("sails",), _SWAY, 0.1),
    "butterfly": Creature(fliers.butterfly, "fly", "flying", ("spots", "body"), "wings", (), _SWAY, 0.1),
    # A stretched car would have oval wheels.
    "car": Creature(things.car, "roll", "rolling", ("wheels", "roof"), "body", (), _SWAY, 0.0),
    "caterpillar": Creature(
        crawlers.caterpillar, "crawl", "crawling", ("feet", "head", "horns"), "body", (), _WAY, 0.08
    ),
    "dog": Creature(walkers.dog, "walk", "walking", ("legs", "head", "ears"), "body", (), _WAY, 0.1),
    "elephant": Creature(walkers.elephant, "walk", "walking", ("ears", "trunk", "legs"), "body", ("ears",), _WAY, 0.08),
    "fish": Creature(swimmers.fish, "swim", "swimming", ("tail", "fins"), "body", ("tail",), _WAY, 0.12),
    "flower": Creature(things.flower, "sway", "swaying", ("pot", "leaves"), "", ("pot",), ("oscillate",), 0.1, True),
    "jellyfish": Creature(swimmers.jellyfish, "swim", "swimming", ("arms", "rim"), "bell", (), _SWAY, 0.1),
    "snake": Creature(crawlers.snake, "crawl", "crawling", ("bands", "head"), "", (), _WAY, 0.08),
    "turtle": Creature(walkers.turtle, "walk", "walking", ("shell", "legs"), "", ("shell",), _WAY, 0.1),
    "windmill": Creature(
        things.windmill, "turn", "turning", ("blades", "cap", "door"), "tower", (), ("oscillate",), 0.08, True
    ),
}


def is_plural(part: str) -> bool:
    """Whether a part's name takes no article: ``wings``, not ``tail``."""
    return part.endswith("s") or part == "feet"
