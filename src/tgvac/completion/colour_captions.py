"""A sentence of the colours of what is seen, without a captioning model: ``caption: colours`` of a method."""

from __future__ import annotations

from typing import Any

from tgvac.captions.colour_words import describe_colours
from tgvac.clips.clip import Clip
from tgvac.completion.given import Source


def load(source: Source) -> ColourCaptions:
    """The sentences are made from the clips."""
    return ColourCaptions()


class ColourCaptions:
    """A :class:`tgvac.completion.given.Change` of sentences; an object that is never seen has none."""

    def key(self, sample: str) -> Any:
        return None

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        seen = clip.visible_FHW > 0
        return clip, describe_colours(clip.frames_FHW3[seen]) if seen.any() else ""

    def close(self) -> None:
        pass
