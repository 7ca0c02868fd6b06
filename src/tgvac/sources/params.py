"""Parameters of sources and tracks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.world.params import WorldParams


class SourcesParams(Block):
    """Which sources are used, how pairs are kept, and the procedural source's size.

    Attributes:
        use: sources of videos.
        parts: ``<source>/<part>`` of sources that come in several archives; all of a source of which none is named.
        same_footage: what becomes of a video whose frames another one has: its run is refused, or it is skipped.
        faulty: what becomes of a video or an object that is not as it should be: its run is refused, or it is left out.
        max_faulty: share of a source's videos that may be left out so; more, and its layout is another.
        pairs: sources of pairs of images.
        pair_buckets: into how many files a source's pairs are sorted; each is put together in one go.
        pair_outside_max: share of the visible mask that may lie outside of the whole mask.
        pair_max_bytes, pair_captions_max_bytes: of an image, and of ``captions.json``; more is not read.
    """

    use: tuple[str, ...] = Field(min_length=1)
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

    def needed(self) -> dict[str, tuple[str, ...]]:
        """By source, in order, the parts of it that are named; () for all."""
        return {source: self.parts_of(source) for source in (*self.use, *self.pairs)}

    def parts_of(self, source: str) -> tuple[str, ...]:
        """The parts that are named of a source."""
        return tuple(part for name, _, part in (each.partition("/") for each in self.parts) if name == source)


class TracksParams(Block):
    """How footage is kept."""

    long_side: int = Field(ge=16)
    codec: Literal["png", "jpeg"]
    max_frames: int = Field(ge=0)
