"""Which videos a study shows: so many of each class, drawn by a named seed among those that every method completed.

A video is hard when its mean occlusion rate over the frames that have the object reaches ``metrics.hard_from``.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tgvac.clips.recipe import Recipe
from tgvac.clips.votes import Difficulty
from tgvac.errors import BadInput
from tgvac.seeds import unit

CLASSES: tuple[Difficulty, ...] = ("easy", "hard")


@dataclass(frozen=True)
class Candidate:
    """A video that may be shown; ``rate`` is its mean occlusion rate."""

    recipe: Recipe
    rate: float
    difficulty: Difficulty

    @property
    def sample(self) -> str:
        return self.recipe.recipe


def candidates(recipes: Iterable[Recipe], rates: Mapping[str, Sequence[float]], hard_from: float) -> list[Candidate]:
    """The videos with their classes, without those that never have the object.

    Args:
        rates: by sample, of the frames that are completed; NaN where the object is absent.
    """
    found = []
    for recipe in recipes:
        known = [rate for rate in rates[recipe.recipe] if not math.isnan(rate)]
        if known:
            mean = sum(known) / len(known)
            found.append(Candidate(recipe, mean, "hard" if mean >= hard_from else "easy"))
    return found


def choose(
    found: Sequence[Candidate], per_class: int, spare: int, seed: str, scale: str
) -> tuple[list[Candidate], list[Candidate]]:
    """Draw videos of each class, and others for attention checks.

    Videos of one source resemble each other, so a second one of a source is taken only when every source of the class
    has one.

    Args:
        spare: how many more are wanted for checks; taken from the rest, or else from the drawn ones.
        seed: a name; another one draws others.

    Returns:
        the drawn ones, easy first, and those for checks.

    Raises:
        BadInput: with the class of which there are too few.
    """
    by_class = {name: _drawn([c for c in found if c.difficulty == name], seed) for name in CLASSES}
    counts = ", ".join(f"{len(by_class[name])} {name}" for name in CLASSES)
    for name in CLASSES:
        if len(by_class[name]) < per_class:
            fewest = min(map(len, by_class.values()))
            more = f"give --per-class {fewest}, or " if fewest else ""
            raise BadInput(
                f"Scale '{scale}' has {len(by_class[name])} {name} videos that all methods completed, fewer than the"
                f" {per_class} asked for (it has {counts}); {more}evaluate more videos."
            )
    drawn = [each for name in CLASSES for each in by_class[name][:per_class]]
    rest = [each for name in CLASSES for each in by_class[name][per_class:]]
    rest = sorted(rest, key=lambda c: (unit("study check", seed, c.sample), c.sample))
    return drawn, (rest + drawn)[:spare]


def _drawn(found: Sequence[Candidate], seed: str) -> list[Candidate]:
    """In the order in which they are taken: in rounds, one of each source video a round."""
    named = sorted(found, key=lambda c: (unit("study video", seed, c.sample), c.sample))
    before: Counter[str] = Counter()
    rounds: dict[int, list[Candidate]] = defaultdict(list)
    for each in named:
        rounds[before[each.recipe.video]].append(each)
        before[each.recipe.video] += 1
    return [each for number in sorted(rounds) for each in rounds[number]]
