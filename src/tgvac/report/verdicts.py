"""The paper's claims on our own rows: every comparison by a paired bootstrap over source videos, then the verdict.

Comparisons of user preference are differences of shares of votes, with intervals clustered by participant and video.

A comparison holds or fails if its whole interval agrees; otherwise there is no significant difference. A claim holds
if all of its comparisons hold, which needs no correction for their number. It fails if one of them fails. One of many
comparisons fails by chance more often than a single one, so it must fail at the confidence that m comparisons need
(Bonferroni): 1 - (1 - confidence) / m. A comparison with a stand-in of a published method is not decidable.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tgvac.methods.registry import label_of
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.difficulty import Group
from tgvac.report.basis import Verdict
from tgvac.report.claims import Claim, Comparison
from tgvac.report.methods import BASELINES, answer_to
from tgvac.report.scores import (
    ENOUGH_VIDEOS,
    NOTHING,
    PREFERENCE,
    Measured,
    Score,
    Scored,
    score_of,
    significant_sign,
)


@dataclass(frozen=True)
class Tested:
    """One comparison on our rows.

    Attributes:
        pair: the measured methods that correspond to its cells; None if the run lacks one.
        estimate: the difference of the comparison's cells (first minus second; for a gain, the difference of two such
            differences), in the metric's unit, whichever direction is better.
        missing: what the run lacks for it, or "".
    """

    comparison: Comparison
    score: Score
    groups: tuple[Group, ...]
    pair: tuple[Scored, Scored] | None
    estimate: Estimate
    verdict: Verdict
    missing: str = ""


@dataclass(frozen=True)
class Judged:
    """A claim with its tested comparisons and the verdict."""

    claim: Claim
    tested: tuple[Tested, ...]
    verdict: Verdict


def judge(
    claims: Iterable[Claim], numbers: Measured, methods: Iterable[str], standins: Collection[str] = ()
) -> list[Judged]:
    """Test every claim on the rows of a run.

    Args:
        methods: the evaluated methods; each published row corresponds to at most one of them.
        standins: those of them that stand in for a published method.
    """
    methods = tuple(methods)
    return [_judge(claim, numbers, methods, standins) for claim in claims]


def _judge(claim: Claim, numbers: Measured, methods: tuple[str, ...], standins: Collection[str]) -> Judged:
    if not claim.comparisons:
        return Judged(claim, (), "untested")
    tested = tuple(_test(each, numbers, methods, standins) for each in claim.comparisons)
    return Judged(claim, tested, overall(tested, numbers))


def overall(tested: tuple[Tested, ...], numbers: Measured) -> Verdict:
    """The verdict from the comparisons of a claim; see the module's description."""
    level = 1 - (1 - numbers.metrics.confidence) / len(tested)
    for each in tested:
        if each.verdict == "fails" and each.pair is not None:
            value = _estimate(each.comparison, each.pair, each.score, each.groups, numbers, level)
            if _verdict(each.comparison, value) == "fails":
                return "fails"
    verdicts = {each.verdict for each in tested}
    if "unmeasured" in verdicts:
        return "unmeasured"
    if "undecidable" in verdicts:
        return "undecidable"
    return "holds" if verdicts == {"holds"} else "open"


def _test(comparison: Comparison, numbers: Measured, methods: tuple[str, ...], standins: Collection[str]) -> Tested:
    parts = [_cell_of(cell) for cell in comparison.cells]
    groups = tuple(group for _, group, _ in parts)
    metric = parts[0][2]
    score, found = score_of(metric), []
    if score is PREFERENCE and numbers.preference.why:
        return Tested(comparison, score, groups, None, NOTHING, "unmeasured", numbers.preference.lacks)
    for row, _, _ in parts[:2]:
        name = answer_to(row, methods)
        of = numbers.find(name) if name else None
        if of is None:
            return Tested(comparison, score, groups, None, NOTHING, "unmeasured", f"rows of {_name_of(name, row)}")
        found.append(of)
    pair = (found[0], found[1])
    value = _estimate(comparison, pair, score, groups, numbers, numbers.metrics.confidence)
    if math.isnan(value.mean):
        lacks = "votes on both" if score is PREFERENCE else "frames that both have a value for"
        return Tested(comparison, score, groups, pair, value, "unmeasured", lacks)
    stands_in = any(of.name in standins for of in pair)
    return Tested(comparison, score, groups, pair, value, "undecidable" if stands_in else _verdict(comparison, value))


def _estimate(
    comparison: Comparison,
    pair: tuple[Scored, Scored],
    score: Score,
    groups: tuple[Group, ...],
    numbers: Measured,
    confidence: float,
) -> Estimate:
    """The difference that a comparison speaks of; the same draw at every confidence."""
    if comparison.kind == "gain":
        return numbers.gain(*pair, score, groups[0], groups[2], confidence)
    return numbers.difference(*pair, score, groups[0], confidence)


def _verdict(comparison: Comparison, value: Estimate) -> Verdict:
    """The verdict of one comparison from its interval."""
    if value.videos < ENOUGH_VIDEOS or math.isnan(value.low):
        return "open"
    if comparison.kind == "close":
        bound = comparison.within
        if -bound <= value.low and value.high <= bound:
            return "holds"
        return "fails" if value.low > bound or value.high < -bound else "open"
    sign = significant_sign(value)
    if sign == 0:
        return "open"
    return "holds" if (sign > 0) == (comparison.direction == "up") else "fails"


def _name_of(method: str | None, row: str) -> str:
    """The name of a method that the run lacks."""
    if method is not None:
        return f"“{label_of(method)}”"
    head = row.rpartition(".")[2]
    return BASELINES.get(head, head)


def _cell_of(cell: str) -> tuple[str, Group, str]:
    """The row, the set of frames and the metric in a cell's id.

    >>> _cell_of("table4.stride2.tc")
    ('table4.stride2', 'all', 'tc')
    """
    table, row, *column = cell.split(".")
    if len(column) == 1:
        return f"{table}.{row}", "all", column[0]
    group: Group = "easy" if column[0] == "easy" else "hard"
    return f"{table}.{row}", group, column[1]
