"""Captions of an object: category, colours, part, pattern, motion and route."""

from __future__ import annotations

from tgvac.world.creatures import CREATURES, is_plural
from tgvac.world.wardrobe import Clothes

_WAYS = {"across": "to the {}", "turn": "to the {} and back", "oscillate": "from side to side"}


def caption(category: str, clothes: Clothes, *, path: str, heading: int) -> str:
    """One sentence: ``a red fish with a blue striped tail swimming to the left``; a ``heading`` of 1 is right, -1 left.

    A pattern of the main colour is named before it (``a striped red fish``), a pattern of the part after its colour.
    """
    main, accent = clothes.main_name, clothes.accent_name
    if clothes.patterned == "main":
        main = f"{clothes.pattern} {main}"
    if clothes.patterned == "accent":
        accent = f"{accent} {clothes.pattern}"
    part = f"{accent} {clothes.part}" if is_plural(clothes.part) else f"{_article(accent)} {accent} {clothes.part}"
    return f"{_article(main)} {main} {category} with {part} {_motion(category, path, heading)}"


def _motion(category: str, path: str, heading: int) -> str:
    """The verb and the route; a rooted object moves in place, and its route, if any, is named separately."""
    creature = CREATURES[category]
    way = _WAYS[path].format("right" if heading > 0 else "left")
    if not creature.rooted:
        return f"{creature.verb} {way}"
    if path != "oscillate":
        return f"{creature.verb} and moving {way}"
    # A windmill that drifts does not turn from side to side, but a flower does sway from side to side.
    return creature.verb if creature.motion == "turn" else f"{creature.verb} {way}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
