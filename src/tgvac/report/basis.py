"""What the numbers of a run stand on, and so whether they may be read beside the paper's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from tgvac.errors import BadInput
from tgvac.stage import Context

STANDINS = {
    "train": "stand-ins, trained in this run",
    "shipped": "stand-ins, as they come with the project",
    "fit": "stand-ins as they come with the project, the autoencoder fitted to this run's own footage",
}
"""Origins of backbones that are stand-ins, in words."""

WORLD = "world"
"""How the names of all sources begin that the procedural world publishes."""

PAPER_SOURCES = {"davis": "davis", "youtube_vos": "youtube_vos", "lasot": "lasot"}
"""Our sources that the paper uses too, and their columns in its Table 1."""


@dataclass(frozen=True)
class Basis:
    """Where backbones and videos come from.

    Attributes:
        origin: 'stand-ins', wherever they were trained; 'pretrained' for published weights.
        verdict: a few words, for a cell.
        sentence: the same in full, to be read before any number.
    """

    origin: Literal["stand-ins", "pretrained", "unknown"]
    sources: tuple[str, ...]
    verdict: str
    sentence: str

    @property
    def comparable(self) -> bool:
        """Whether our numbers may stand beside the paper's at all."""
        return self.verdict == COMPARABLE

    @property
    def place(self) -> str:
        """Where a claim was tested, in the words of its verdict; "" for real backbones on the paper's own material."""
        if self.comparable:
            return ""
        if self.sources and all(source.startswith(WORLD) for source in self.sources):
            return "in the world"
        return "with stand-ins" if self.origin == "stand-ins" else "here"

    def verdict_of(self, verdict: Verdict) -> str:
        """A verdict on a claim in words; ``reproduced`` is kept for real backbones on real data."""
        words: dict[Verdict, str] = {
            "holds": f"holds {self.place}" if self.place else "reproduced",
            "fails": f"fails {self.place}" if self.place else "not reproduced",
            "open": "not told apart",
            "unmeasured": "not measured",
            "untested": "not tested",
        }
        return words[verdict]


Verdict = Literal["holds", "fails", "open", "unmeasured", "untested"]
"""Of a claim. ``open``: the run doesn't tell; ``unmeasured``: it lacks a number that the claim speaks of."""

COMPARABLE = "comparable in kind"


def read_basis(ctx: Context, sources: tuple[str, ...]) -> Basis:
    """The basis of a scale, from what its phase `backbones` recorded.

    Without a record nothing is known, and numbers of unknown origin are not comparable either.
    """
    path = ctx.results / "backbones" / "provenance.json"
    try:
        origin = json.loads(path.read_text(encoding="utf-8"))["origin"]
    except FileNotFoundError:
        origin = "unknown"
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path} does not say the backbones' origin; run `tgvac stage backbones` again.") from None
    return basis_of(origin, sources)


def basis_of(origin: str, sources: tuple[str, ...]) -> Basis:
    """The verdict on backbones of an origin (as in the params) and videos of some sources."""
    foreign = [name for name in sources if name not in PAPER_SOURCES]
    if origin in STANDINS:
        return Basis(
            "stand-ins",
            sources,
            "not comparable; stand-in backbones",
            "These numbers come from small stand-in backbones, which also do the scoring. They show that the workflow"
            " runs and how methods compare with each other here; they must never be read as the paper's, nor"
            " compared with them (not comparable; stand-in backbones).",
        )
    if origin != "pretrained":
        return Basis(
            "unknown",
            sources,
            "not comparable; origin of backbones unknown",
            "No record says where the backbones come from, so these numbers are not comparable with the paper's.",
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
        "Pretrained backbones and videos under the names of the paper's sources: comparable in kind with the paper's"
        " numbers, if the videos are those of the published sets. The paper's split and its validation videos are not"
        " published, so the material is never quite the same.",
    )
