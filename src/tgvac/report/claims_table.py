"""The paper's claims as a table: the quote, the test, and the verdicts on the paper's cells and on ours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tgvac.methods.registry import label_of
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis
from tgvac.report.paper import Paper
from tgvac.report.scores import ENOUGH_VIDEOS, score_cell
from tgvac.report.tables import Cell, Column, Row, Table, missing
from tgvac.report.verdicts import Judged, Tested

_FRAMES = {"all": "all frames", "easy": "easy", "hard": "hard"}
_OF_VOTES = (
    "Differences of user preference are of shares of votes, with intervals clustered by participant and by video."
)
_TIES = "No comparison fails, but some compare equal printed values."


def claims_table(judged: Sequence[Judged], paper: Paper, basis: Basis, metrics: MetricsParams) -> Table:
    """One row per claim; the last cell has the numbers of all its comparisons."""
    rows = []
    for each in judged:
        claim = each.claim
        own = claim.published(paper)
        published = missing("It needs a number that the paper does not print.")
        if own is not None:
            published = Cell(own, notes=(_TIES,) if own == "ties" else ())
        here = Cell(basis.verdict_of(each.verdict))
        # A reason that several comparisons share is given once.
        numbers = Cell("\n".join(dict.fromkeys(_line(tested) for tested in each.tested)))
        if claim.untested:
            here = Cell(here.text, notes=(claim.untested,))
            numbers = missing(claim.untested)
        words = claim.quote.replace("$", "")  # the paper's source has formulas between dollars
        quote = Cell(f"“{words}”", f"section {claim.section}")
        rows.append(Row((quote, Cell(claim.says), published, here, numbers)))
    columns = (
        Column("The paper says", number=False, prose=True),
        Column("As a test", number=False, prose=True),
        Column("On its own cells", number=False),
        Column("On ours", number=False),
        Column("Our numbers", number=False),
    )
    percent = f"{metrics.confidence * 100:g} %"
    return Table(
        "claims",
        "What the paper claims, tested",
        columns,
        tuple(rows),
        basis.sentence,
        (
            f"Each number is a difference on the frames that both sides have, with its {percent} interval from a paired"
            f" bootstrap over source videos ({metrics.bootstrap:,} resamples). ✓ (holds) and ✗ (fails) need the whole"
            f" interval and at least {ENOUGH_VIDEOS} source videos; ? means no significant difference. A claim holds if"
            " all its comparisons hold. It fails if one of them fails at the confidence corrected for their number"
            " (Bonferroni). A claim about another published method is not decidable where a small network of this"
            " project stands in for that method's.",
            "A verdict applies to the videos and backbones of this run. The word “reproduced” is used only for"
            " pretrained backbones on the paper's own sources.",
        ),
    )


def comparisons_table(judged: Sequence[Judged]) -> Table:
    """One row per comparison, for programs and for checks."""
    rows = []
    for each in judged:
        for tested in each.tested:
            value = tested.estimate
            number = score_cell(value, tested.score, f"Not measured: no {tested.missing}.", signed=True)
            counts = [Cell(f"{value.frames:,}"), Cell(f"{value.videos:,}")]
            rows.append(Row((Cell(each.claim.id), Cell(_what(tested)), number, *counts, Cell(_WORDS[tested.verdict]))))
    columns = (
        Column("Claim", number=False),
        Column("Comparison", number=False),
        Column("Difference"),
        Column("Frames"),
        Column("Source videos"),
        Column("Verdict", number=False),
    )
    return Table("comparisons", "Every comparison of every claim", columns, tuple(rows))


_SIGNS = {"holds": "✓", "fails": "✗", "open": "?", "undecidable": "", "unmeasured": "", "untested": ""}
_WORDS = {
    "holds": "holds",
    "fails": "fails",
    "open": "no significant difference",
    "undecidable": "not decidable at this scale",
    "unmeasured": "not measured",
    "untested": "",
}


def _line(tested: Tested) -> str:
    value = tested.estimate
    if math.isnan(value.mean):
        return f"not measured: no {tested.missing}"
    cell = score_cell(value, tested.score, "", signed=True)
    return f"{_what(tested)}: {cell.plain} {_SIGNS[tested.verdict]}"


def _what(tested: Tested) -> str:
    """A comparison in words: the methods, the frames, the metric, and the bound if there is one."""
    comparison, metric = tested.comparison, tested.score.label
    sides = " − ".join(label_of(of.name) for of in tested.pair) if tested.pair else _rows(comparison.cells)
    if comparison.kind == "gain":
        more, less = _FRAMES[tested.groups[0]], _FRAMES[tested.groups[2]]
        return f"{sides}, {more} minus {less}, {metric}"
    bound = f" (within ±{comparison.within:g})" if comparison.kind == "close" else ""
    return f"{sides}, {_FRAMES[tested.groups[0]]}, {metric}{bound}"


def _rows(cells: Sequence[str]) -> str:
    return " − ".join(".".join(cell.split(".")[:2]) for cell in cells[:2])
