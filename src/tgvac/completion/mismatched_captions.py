"""The sentence of another object, of another category: ``caption: mismatched`` of a method.

Which one is decided by names: all objects of the evaluation stand on a ring, each at the place that its name gives, and
a sample takes the next one after its own place that is of another category. So an object that comes or goes changes the
sentences of few samples, and the cost does not grow with the square of the objects.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from tgvac.clips.clip import Clip
from tgvac.completion.given import Source
from tgvac.methods.contract import LeftOut
from tgvac.seeds import unit
from tgvac.shards import read_index

_NAME = "mismatched caption"


def load(source: Source) -> MismatchedCaptions:
    """For each sample of the shard, the object whose sentence it is given."""
    tracks = read_index(source.ctx.results / "tracks" / "index.json")
    categories = {track: str(tracks[track].facts["category"]) for track in source.objects if track in tracks}
    # Without a category, nobody knows that it is another one.
    ring = sorted((unit(_NAME, t), t) for t in source.objects if t in source.captions and categories.get(t))
    texts = {}
    for sample, recipe in source.recipes.items():
        other = _next(ring, sample, categories.get(recipe.target, ""), categories)
        texts[sample] = source.captions[other].text if other else ""
    return MismatchedCaptions(texts)


def _next(ring: list[tuple[float, str]], sample: str, mine: str, categories: dict[str, str]) -> str:
    """The first object after the sample's place on the ring that is of another category; "" if there is none."""
    start = bisect_left(ring, (unit(_NAME, sample), ""))
    after = (track for _, track in (*ring[start:], *ring[:start]))
    return next((track for track in after if mine and categories[track] != mine), "")


@dataclass(frozen=True)
class MismatchedCaptions:
    """A :class:`tgvac.completion.given.Change` of sentences; ``texts`` are "" where no other category is known."""

    texts: dict[str, str]

    def key(self, sample: str) -> Any:
        return self.texts[sample]

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        if not self.texts[sample]:
            raise LeftOut(
                f"No object of another category than that of '{clip.track}' is known and has a sentence, so '{sample}'"
                " has none that is wrong."
            )
        return clip, self.texts[sample]

    def close(self) -> None:
        pass
