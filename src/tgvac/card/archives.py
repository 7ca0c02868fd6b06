"""The archives that a scale was made from: their names, their terms of use, and their checksums.

A checksum is known if a source is one archive, or if this project made its archives. For footage in a folder, or in
several archives whose publisher states no checksums, the manifest has a digest per video instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.card.facts import Facts
from tgvac.fetch.registry import Source
from tgvac.files import sha256
from tgvac.stage import Context

_ENCODINGS = {".zip": "application/zip", ".gz": "application/gzip", ".tar": "application/x-tar"}
_OURS = "truth.zip"


@dataclass(frozen=True)
class Used:
    """A source in use.

    Attributes:
        holds: the number of videos or pairs, in words.
        archives: those with a known checksum.
        pages: where its archives can be downloaded.
    """

    name: str
    layout: str
    licence: str
    terms: str
    holds: str
    made: bool
    archives: tuple[ArchiveCopy, ...]
    pages: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveCopy:
    """The copy of an archive that a scale was made from.

    Attributes:
        url: where it can be downloaded; for an archive that the run makes, its path from the card's folder.
    """

    file: str
    url: str
    sha256: str

    @property
    def encoding(self) -> str:
        """Its media type."""
        return _ENCODINGS.get(Path(self.file).suffix, "application/octet-stream")


def used_sources(ctx: Context, facts: Facts) -> list[Used]:
    """Every source in use, by name: first those of videos, then those of pairs."""
    found = []
    for entries, what in ((facts.sources, "videos"), (facts.pairs, "pairs of images")):
        for name, entry in sorted(entries.items()):
            source = facts.registry.get(name) or Source(name, entry["layout"], "given", None, None, entry["licence"])
            count = len(entry["videos"]) if what == "videos" else sum(b["pairs"] for b in entry["buckets"].values())
            offered = [archive.page or archive.places[0] for archive in source.archives if archive.places]
            found.append(
                Used(
                    name=name,
                    layout=str(entry["layout"]),
                    licence=str(entry["licence"]),
                    terms=source.terms,
                    holds=f"{count:,} {what}",
                    made=source.location == "generated",
                    archives=_archives(ctx, source, entry),
                    pages=tuple(dict.fromkeys(page for page in offered if page.startswith("http"))),
                )
            )
    return found


def _archives(ctx: Context, source: Source, entry: Mapping[str, Any]) -> tuple[ArchiveCopy, ...]:
    if source.location == "generated":
        folder = ctx.results / "sources" / source.name
        files = sorted(path for path in folder.glob("*") if path.suffix in _ENCODINGS and path.name != _OURS)
        return tuple(ArchiveCopy(path.name, f"../sources/{source.name}/{path.name}", sha256(path)) for path in files)
    offered = source.archives
    if len(offered) == 1 and entry["archive"]:
        places = [place for place in offered[0].places if place.startswith("http")]
        return (ArchiveCopy(offered[0].file, places[0], str(entry["archive"])),) if places else ()
    stated = [archive for archive in offered if archive.sha256 and archive.places[:1]]
    return tuple(
        ArchiveCopy(archive.file, archive.places[0], str(archive.sha256))
        for archive in stated
        if archive.places[0].startswith("http")
    )
