"""The object's category as its sentence, by the template of the captions: ``caption: category`` of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tgvac.captions.captioners import Subject, template
from tgvac.captions.params import CaptionsParams
from tgvac.captions.sentences import clean
from tgvac.clips.clip import Clip
from tgvac.completion.given import Source
from tgvac.methods.contract import LeftOut
from tgvac.shards import read_index


def load(source: Source, *, captions: CaptionsParams) -> CategoryCaptions:
    """The categories of the shard's objects, as sentences."""
    return CategoryCaptions(
        {
            sample: clean(template(captions, Subject(recipe.target, (), category, lambda: "not looked at")))
            for sample, recipe, category in _categories(source)
        }
    )


def _categories(source: Source) -> list[tuple[str, Any, str]]:
    tracks = read_index(source.ctx.results / "tracks" / "index.json")
    return [(sample, recipe, str(tracks[recipe.target].facts["category"])) for sample, recipe in source.recipes.items()]


@dataclass(frozen=True)
class CategoryCaptions:
    """A :class:`tgvac.completion.given.Change` of sentences; ``texts`` are "" where the category is not known."""

    texts: dict[str, str]

    def key(self, sample: str) -> Any:
        return self.texts[sample]

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        if not self.texts[sample]:
            raise LeftOut(f"The source of '{clip.track}' names no category, so '{sample}' has no sentence of it.")
        return clip, self.texts[sample]

    def close(self) -> None:
        pass
