"""Where a run's backbones and videos come from, and so whether its numbers are comparable with the paper's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from tgvac.errors import BadInput
from tgvac.stage import Context

STANDINS = {
    "train": "stand-ins, trained in this run",
    "shipped": "stand-ins, shipped with the project",
    "fit": "stand-ins shipped with the project, the autoencoder fitted to this run's own footage",
}
"""Origins of stand-in backbones, in words."""

WORLD = "world"
"""The prefix of the names of all sources that come from the procedural world."""

PAPER_SOURCES = {"davis": "davis", "youtube_vos": "youtube_vos", "lasot": "lasot"}
"""Our sources that the paper uses too, with their columns in its Table 1."""


@dataclass(frozen=True)
class Basis:
    """Where backbones and videos come from.

    Attributes:
        origin: 'stand-ins', wherever they were trained; 'pretrained' for published weights.
        verdict: whether numbers are comparable, in a few words for a cell.
        sentence: the same in full, for the text above a table.
    """

    origin: Literal["stand-ins", "pretrained", "unknown"]
    sources: tuple[str, ...]
    verdict: str
    sentence: str

    @property
    def comparable(self) -> bool:
        """Whether our numbers may be compared with the paper's."""
        return self.verdict == COMPARABLE

    @property
    def place(self) -> str:
        """Where a claim was tested, as part of its verdict; "" for pretrained backbones on the paper's sources."""
        if self.comparable:
            return ""
        if self.sources and all(source.startswith(WORLD) for source in self.sources):
            return "in the world"
        return "with stand-ins" if self.origin == "stand-ins" else "here"

    def word(self, verdict: Verdict) -> str:
        """A verdict in words; ``reproduced`` is only for pretrained backbones on the paper's sources."""
        words: dict[Verdict, str] = {
            "holds": "reproduced" if self.comparable else "holds",
            "fails": "not reproduced" if self.comparable else "fails",
            "undecided": "inconclusive" if self.comparable else "undecided",
            "undecidable": "not decidable at this scale",
            "untestable": "not testable",
            "unmeasured": "not measured",
            "untested": "not tested",
        }
        return words[verdict]

    def verdict_of(self, verdict: Verdict) -> str:
        """A verdict on a claim in words, with the place where it was tested if it was decided."""
        decided = verdict in ("holds", "fails")
        return f"{self.word(verdict)} {self.place}" if decided and self.place else self.word(verdict)


Verdict = Literal["holds", "fails", "undecided", "undecidable", "untestable", "unmeasured", "untested"]
"""Of a claim or a comparison. ``undecided``: the interval allows more than one answer, or comes from too few source
videos; ``undecidable``: a stand-in takes the place of a published method, so the rows say nothing about that method;
``untestable``: the run cannot show the effect, whatever it measures; ``unmeasured``: it lacks a number that is
needed."""

COMPARABLE = "comparable in kind"


def read_basis(ctx: Context, sources: tuple[str, ...]) -> Basis:
    """The basis of a scale, from the record of its phase `backbones`.

    Without a record the origin is unknown, and the numbers are not comparable.
    """
    path = ctx.results / "backbones" / "provenance.json"
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))["origin"]
    except FileNotFoundError:
        origin = "unknown"
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path} does not record the origin of the backbones; run `tgvac stage backbones` again."
        ) from None
    return basis_of(origin, sources)


def basis_of(origin: str, sources: tuple[str, ...]) -> Basis:
    """The basis for an origin of backbones (as in the params) and the sources of the videos."""
    foreign = [name for name in sources if name not in PAPER_SOURCES]
    if origin in STANDINS:
        return Basis(
            "stand-ins",
            sources,
            "not comparable; stand-in backbones",
            "These numbers come from small stand-in backbones, which also do the scoring. They show that the workflow"
            " runs, and how methods compare with each other here. Do not read them as the paper's numbers or compare"
            " them with the paper's (not comparable; stand-in backbones).",
        )
    if origin != "pretrained":
        return Basis(
            "unknown",
            sources,
            "not comparable; origin of backbones unknown",
            "The origin of the backbones is not recorded, so these numbers are not comparable with the paper's.",
        )
    if foreign:
        return Basis(
            "pretrained",
            sources,
            f"not comparable; videos of {', '.join(foreign)}",
            f"The backbones are pretrained, but the videos come from {', '.join(sources)}, not from the paper's sources"
            " alone, so these numbers are not comparable with the paper's.",
        )
    return Basis(
        "pretrained",
        sources,
        COMPARABLE,
        "Pretrained backbones, and videos named as the paper's sources: comparable in kind with the paper's numbers if"
        " the videos are those of the published data sets. The paper's split and validation videos are not published,"
        " so the videos are never exactly the same.",
    )
