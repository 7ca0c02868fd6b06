"""The paper's claims as a table: the quote, the test, and the verdicts on the paper's cells and on ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tgvac.methods.registry import label_of
from tgvac.metrics.intervals import ENOUGH_TRAININGS
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis, Verdict
from tgvac.report.paper import Paper
from tgvac.report.scores import ENOUGH_VIDEOS, inside, score_cell
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
        here = Cell(basis.verdict_of(each.verdict), _about(each))
        # A reason that several comparisons share is given once.
        numbers = Cell("\n".join(dict.fromkeys(_line(tested) for tested in each.tested)))
        if claim.untested:
            here = Cell(here.text, here.detail, (claim.untested,))
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
            f"Each number is a difference on the frames that both sides have, with its {percent} interval, which is"
            " clustered by source video and paired between methods. With the whole interval beyond the smallest"
            " difference of interest (report.smallest) a comparison holds (✓) or, in the other direction, fails (✗)."
            " Within it on both sides (≈) the two sides are alike, so that “better” fails and “similar” holds. ? means"
            f" undecided, as is everything from fewer than {ENOUGH_VIDEOS} source videos. A claim holds if all its"
            " comparisons hold. It fails if one of them fails at the confidence corrected for their number"
            " (Bonferroni). A claim about another published method is not decidable where a small network of this"
            " project stands in for that method's.",
            f"From {ENOUGH_TRAININGS} training seeds on, a verdict is about trainings of this kind. With fewer it is"
            " about the given trainings alone, and cannot say how trainings vary.",
            "A verdict applies to the videos and backbones of this run. The word “reproduced” is used only for"
            " pretrained backbones on the paper's own sources.",
        ),
    )


def comparisons_table(judged: Sequence[Judged], basis: Basis) -> Table:
    """One row per comparison."""
    rows = []
    for each in judged:
        for tested in each.tested:
            value = tested.estimate
            number = score_cell(value, tested.score, f"Not measured: no {tested.missing}.", signed=True)
            counts = [Cell(f"{value.frames:,}"), Cell(f"{value.videos:,}"), Cell(f"{value.trainings:,}")]
            verdict = Cell(basis.word(tested.verdict), notes=(tested.why,) if tested.why and not tested.missing else ())
            power = missing("No analysis of power was frozen for it.")
            if tested.power is not None:
                power = Cell(f"{tested.power:.2f}")
            bound = Cell(f"{tested.bound:g}")
            what = Cell(what_of(tested))
            rows.append(Row((Cell(each.claim.id), what, number, bound, *counts, power, verdict)))
    columns = (
        Column("Claim", number=False),
        Column("Comparison", number=False),
        Column("Difference"),
        Column("Smallest of interest"),
        Column("Frames"),
        Column("Source videos"),
        Column("Trainings"),
        Column("Power"),
        Column("Verdict", number=False),
    )
    return Table("comparisons", "Every comparison of every claim", columns, tuple(rows))


_SIGNS: Mapping[Verdict, str] = {"holds": " ✓", "fails": " ✗", "undecided": " ?"}


def _about(judged: Judged) -> str:
    """Which trainings a decided claim is about."""
    found = {tested.estimate.of for tested in judged.tested if tested.decided and tested.estimate.trainings}
    return f"of {' and '.join(sorted(found))}" if found and judged.verdict in ("holds", "fails") else ""


def _line(tested: Tested) -> str:
    value = tested.estimate
    if math.isnan(value.mean):
        return f"not measured: no {tested.missing}"
    cell = score_cell(value, tested.score, "", signed=True)
    alike = " ≈" if tested.decided and inside(value, tested.bound) else ""
    return f"{what_of(tested)}: {cell.plain}{alike}{_SIGNS.get(tested.verdict, '')}"


def what_of(tested: Tested) -> str:
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
