"""The paper's claims on our own rows: each comparison by the interval of its difference, then the verdict.

A comparison is decided where its whole interval lies beyond the smallest difference of interest, either way, or within
it on both sides. Beyond, in the claimed direction, *better* holds; the other way it fails. Within, the two are alike:
*better* fails, and *close* holds. Otherwise it is undecided, and so it is from fewer than ``ENOUGH_VIDEOS`` source
videos. Comparisons of user preference are differences of shares of votes, with intervals clustered by participant and
by video.

A claim holds if all of its comparisons hold, which needs no correction for their number. It fails if one of them fails.
One of many comparisons fails by chance more often than a single one, so it must fail at the confidence that m
comparisons need (Bonferroni): 1 - (1 - confidence) / m. A comparison with a stand-in of a published method is not
decidable, and strides of windows are not testable where sampling takes a single step, after which nothing is averaged.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from tgvac.errors import BadInput
from tgvac.methods.registry import label_of
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.difficulty import Group
from tgvac.report.basis import Verdict
from tgvac.report.claims import Claim, Comparison
from tgvac.report.frozen import Frozen
from tgvac.report.methods import BASELINES, answer_to
from tgvac.report.scores import (
    ENOUGH_VIDEOS,
    NOTHING,
    PREFERENCE,
    Measured,
    Score,
    Scored,
    effective_videos,
    inside,
    outside,
    score_of,
)

_STRIDES = "table4."
"""The rows that differ in the stride of windows."""


@dataclass(frozen=True)
class Tested:
    """One comparison on our rows.

    Attributes:
        pair: the measured methods that correspond to its cells; None if the run lacks one.
        estimate: the difference of the comparison's cells (first minus second; for a gain, the difference of two such
            differences), in the metric's unit, whichever direction is better.
        missing: what the run lacks for it, or "".
        bound: the smallest difference of interest, or the bound that the claim itself has.
        power: the chance that it is decided, by the analysis that was frozen; None without one.
        why: in a sentence, why it is not decided; "" if it is, or if its interval alone leaves it open.
    """

    comparison: Comparison
    score: Score
    groups: tuple[Group, ...]
    pair: tuple[Scored, Scored] | None
    estimate: Estimate
    verdict: Verdict
    missing: str = ""
    bound: float = 0.0
    power: float | None = None
    why: str = ""

    @property
    def decided(self) -> bool:
        """Whether it holds or fails."""
        return self.verdict in ("holds", "fails")

    @property
    def decidable(self) -> bool | None:
        """Whether the frozen analysis gives it enough power; None without one."""
        return None if self.power is None else self.power >= ENOUGH_POWER


ENOUGH_POWER = 0.8


@dataclass(frozen=True)
class Judged:
    """A claim with its tested comparisons and the verdict."""

    claim: Claim
    tested: tuple[Tested, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Judge:
    """Tests claims on the rows of a run.

    Attributes:
        numbers: of the run.
        methods: the evaluated methods; each published row corresponds to at most one of them.
        standins: those of them that stand in for a published method.
        one_step: those that sample in a single step.
        frozen: the analysis of power that was frozen before the run was evaluated; None without one.
    """

    numbers: Measured
    methods: tuple[str, ...]
    standins: Collection[str] = ()
    one_step: Collection[str] = ()
    frozen: Frozen | None = None

    def claim(self, claim: Claim) -> Judged:
        """A claim with its verdict.

        Raises:
            BadInput: no smallest difference of interest is given for one of its metrics.
        """
        if not claim.comparisons:
            return Judged(claim, (), "untested")
        tested = tuple(self._with_power(self._test(each)) for each in claim.comparisons)
        return Judged(claim, tested, self._overall(tested))

    def _overall(self, tested: tuple[Tested, ...]) -> Verdict:
        """The verdict from the comparisons of a claim; see the module's description."""
        level = 1 - (1 - self.numbers.metrics.confidence) / len(tested)
        for each in tested:
            if each.verdict == "fails" and each.pair is not None:
                value = self._estimate(each.comparison, each.pair, each.score, each.groups, level)
                if decide(each.comparison, value, each.bound) == "fails":
                    return "fails"
        verdicts = {each.verdict for each in tested}
        for lacking in ("unmeasured", "untestable", "undecidable"):
            if lacking in verdicts:
                return lacking
        return "holds" if verdicts == {"holds"} else "undecided"

    def _with_power(self, tested: Tested) -> Tested:
        power = None if self.frozen is None else self.frozen.power_of(tested.comparison)
        return replace(tested, power=power)

    def _test(self, comparison: Comparison) -> Tested:
        parts = [_cell_of(cell) for cell in comparison.cells]
        groups = tuple(group for _, group, _ in parts)
        score, found = score_of(parts[0][2]), []
        if score.metric not in self.numbers.smallest:
            raise BadInput(
                f"report.smallest has no '{score.metric}', which claims compare; give it the smallest difference of"
                " interest, in the metric's unit."
            )
        bound = comparison.within or self.numbers.least(score)
        lacking = Tested(comparison, score, groups, None, NOTHING, "unmeasured", bound=bound)
        if score is PREFERENCE and self.numbers.preference.why:
            return _lacks(lacking, self.numbers.preference.lacks)
        for row, _, _ in parts[:2]:
            name = answer_to(row, self.methods)
            of = self.numbers.find(name) if name else None
            if of is None:
                return _lacks(lacking, f"rows of {_name_of(name, row)}")
            found.append(of)
        pair = (found[0], found[1])
        value = self._estimate(comparison, pair, score, groups, self.numbers.metrics.confidence)
        measured = replace(lacking, pair=pair, estimate=value)
        if math.isnan(value.mean):
            return _lacks(measured, "votes on both" if score is PREFERENCE else "frames that both have a value for")
        if stand_in := next((of.name for of in pair if of.name in self.standins), None):
            why = f"{label_of(stand_in)} has a small network of this project in place of its authors'."
            return replace(measured, verdict="undecidable", why=why)
        if all(row.startswith(_STRIDES) for row, _, _ in parts) and {of.name for of in pair} <= set(self.one_step):
            why = "Sampling takes one step, after which windows are not averaged again."
            return replace(measured, verdict="untestable", why=why)
        return replace(measured, verdict=decide(comparison, value, bound), why=_too_few(value))

    def _estimate(
        self,
        comparison: Comparison,
        pair: tuple[Scored, Scored],
        score: Score,
        groups: tuple[Group, ...],
        confidence: float,
    ) -> Estimate:
        """The difference that a comparison speaks of; the same draw at every confidence."""
        if comparison.kind == "gain":
            return self.numbers.gain(*pair, score, groups[0], groups[2], confidence)
        return self.numbers.difference(*pair, score, groups[0], confidence)


def judge(
    claims: Iterable[Claim],
    numbers: Measured,
    methods: Iterable[str],
    standins: Collection[str] = (),
    one_step: Collection[str] = (),
    frozen: Frozen | None = None,
) -> list[Judged]:
    """Test every claim on the rows of a run; see :class:`Judge`."""
    judging = Judge(numbers, tuple(methods), standins, one_step, frozen)
    return [judging.claim(claim) for claim in claims]


def decide(comparison: Comparison, value: Estimate, bound: float) -> Verdict:
    """The verdict of one comparison from the interval of its difference.

    Args:
        bound: the smallest difference of interest, or that of likeness, in the metric's unit.
    """
    alike, sign = inside(value, bound), outside(value, bound)
    if comparison.kind == "close":
        return "holds" if alike else "fails" if sign else "undecided"
    if alike:
        return "fails"
    if sign == 0:
        return "undecided"
    return "holds" if (sign > 0) == (comparison.direction == "up") else "fails"


def _too_few(value: Estimate) -> str:
    """Why an estimate has too few source videos for a test; "" if it has enough."""
    count = effective_videos(value)
    if count >= ENOUGH_VIDEOS - 1e-6:
        return ""
    unequal = f", which count as {count:.1f} because their numbers of frames differ," if count < value.videos else ""
    return f"{value.videos} source videos{unequal} are fewer than the {ENOUGH_VIDEOS} that a test needs."


def _lacks(tested: Tested, what: str) -> Tested:
    return replace(tested, missing=what, why=f"Not measured: no {what}.")


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
