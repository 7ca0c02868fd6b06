"""Parameters of sources and tracks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.world.params import WorldParams


class SourcesParams(Block):
    """Which sources are used, how pairs are stored, and the size of the procedural source.

    Attributes:
        use: sources of videos.
        instead: sources of videos that are used in place of these when the user gives them.
        parts: ``<source>/<part>`` for sources with several archives; a source with no part listed is used completely.
        same_footage: what to do with a video that has the same frames as another: refuse the run, or skip the video.
        faulty: what to do with a faulty video or object: refuse the run, or leave it out.
        max_faulty: the largest share of faulty videos in a source; a larger share suggests another layout.
        pairs: sources of pairs of images.
        pair_buckets: the number of files that a source's pairs are sorted into.
        pair_outside_max: the largest share of the visible mask that may be outside the whole mask.
        pair_max_bytes, pair_captions_max_bytes: limits of the size of an image, and of ``captions.json``.
    """

    use: tuple[str, ...] = Field(min_length=1)
    instead: tuple[str, ...]
    parts: tuple[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")], ...]
    same_footage: Literal["refuse", "skip"]
    faulty: Literal["refuse", "skip"]
    max_faulty: float = Field(ge=0, le=1)
    pairs: tuple[str, ...]
    pair_buckets: int = Field(ge=1, le=512)
    pair_outside_max: float = Field(ge=0, lt=1)
    pair_max_bytes: int = Field(ge=1)
    pair_captions_max_bytes: int = Field(ge=1)
    world: WorldParams

    def used(self, given: Collection[str]) -> tuple[str, ...]:
        """The sources of videos of a run: those of ``instead`` that the user gives, or else those of ``use``."""
        return tuple(name for name in self.instead if name in given) or self.use

    def needed(self) -> dict[str, tuple[str, ...]]:
        """The listed parts of each source in use, in order; () for all parts."""
        return {source: self.parts_of(source) for source in (*self.use, *self.pairs)}

    def parts_of(self, source: str) -> tuple[str, ...]:
        """The listed parts of a source."""
        return tuple(part for name, _, part in (each.partition("/") for each in self.parts) if name == source)


class TracksParams(Block):
    """How footage is stored."""

    long_side: int = Field(ge=16)
    codec: Literal["png", "jpeg"]
    max_frames: int = Field(ge=0)
