"""The paper's claims (``reference/claims.yaml``), typed and strict.

A claim expands into comparisons of cells. The same comparisons run on the published values and on ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from tgvac.config import Record, nearest, parse, read_yaml
from tgvac.errors import BadInput
from tgvac.report.paper import Direction, Paper


class _Better(Record):
    better: str
    than: str
    columns: tuple[str, ...] = Field(min_length=1)


class _Close(Record):
    close: str
    to: str
    columns: tuple[str, ...] = Field(min_length=1)
    within: float | None = Field(default=None, gt=0)


class _Gain(Record):
    gain: str
    over: str
    larger_on: tuple[str, ...] = Field(min_length=1)
    than_on: tuple[str, ...] = Field(min_length=1)


class _Claim(Record):
    section: str
    quote: str
    says: str
    tests: tuple[_Better | _Close | _Gain, ...] = ()
    untested: str | None = None


class _ClaimsFile(Record):
    format: Literal[1]
    own_rows: dict[str, str]
    claims: dict[str, _Claim]


@dataclass(frozen=True)
class Comparison:
    """One testable inequality between cells (published ids, or ``own.<row>.<column>``).

    Attributes:
        kind: 'better' (left before right), 'close' (left and right within a bound), or 'gain' (the first two
            cells differ by more than the last two).
        cells: two ids, or four for 'gain'.
        direction: of the metric; a gain of a 'down' metric is a fall.
        within: the bound of 'close', in the metric's unit; 0 for the smallest difference of interest.
    """

    kind: Literal["better", "close", "gain"]
    cells: tuple[str, ...]
    direction: Direction
    within: float = 0.0

    @property
    def id(self) -> str:
        """Its kind and cells, as files name it."""
        return " ".join((self.kind, *self.cells))

    def margin(self, values: Mapping[str, float]) -> float:
        """By how much the comparison holds (above 0) or fails (below 0), in the metric's unit.

        Raises:
            KeyError: ``values`` lacks one of the cells.
        """
        first, second, *rest = (values[cell] for cell in self.cells)
        # Nine decimals, so that 0.93 - 0.90 equals 0.03 and a tie of printed values is a tie.
        if self.kind == "close":
            return round(self.within - abs(first - second), 9)
        gain = first - second - (rest[0] - rest[1] if rest else 0)
        return round(gain if self.direction == "up" else -gain, 9)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper: the quote, its meaning as a test, and the comparisons, all of which must hold."""

    id: str
    section: str
    quote: str
    says: str
    comparisons: tuple[Comparison, ...]
    untested: str | None

    def published(self, paper: Paper) -> Literal["holds", "ties", "fails"] | None:
        """The verdict on the paper's own cells; None if the claim needs a number that the paper does not print.

        'ties' means that no comparison fails, but some compare equal printed values.
        """
        values = {cell.id: cell.value for cell in paper.cells.values()}
        if not self.comparisons or any(cell not in values for each in self.comparisons for cell in each.cells):
            return None
        # A 'close' that exactly reaches its bound holds; any other comparison of equal values is a tie.
        margins = [each.margin(values) for each in self.comparisons]
        if min(margins) < 0:
            return "fails"
        tie = any(margin == 0 and each.kind != "close" for margin, each in zip(margins, self.comparisons, strict=True))
        return "ties" if tie else "holds"


def load_claims(path: Path, paper: Paper) -> dict[str, Claim]:
    """Read ``claims.yaml`` and check it against the paper's tables.

    Raises:
        BadInput: an unknown key, row or column, or a claim with neither a test nor a reason for having none.
    """
    raw = parse(_ClaimsFile, read_yaml(path), str(path))
    out: dict[str, Claim] = {}
    for claim_id, claim in raw.claims.items():
        if bool(claim.tests) == bool(claim.untested):
            raise BadInput(f"{path}: give the claim '{claim_id}' either tests, or the reason under 'untested'.")
        comparisons: list[Comparison] = []
        for test in claim.tests:
            match test:
                case _Better():
                    for name in test.columns:
                        cells = (f"{test.better}.{name}", f"{test.than}.{name}")
                        comparisons.append(Comparison("better", cells, _direction(cells, paper, raw)))
                case _Close():
                    for name in test.columns:
                        cells = (f"{test.close}.{name}", f"{test.to}.{name}")
                        comparisons.append(
                            Comparison("close", cells, _direction(cells, paper, raw), test.within or 0.0)
                        )
                case _Gain():
                    if len(test.larger_on) != len(test.than_on):
                        raise BadInput(f"{path}: give 'larger_on' and 'than_on' of '{claim_id}' the same length.")
                    for more, less in zip(test.larger_on, test.than_on, strict=True):
                        four = tuple(f"{row}.{name}" for name in (more, less) for row in (test.gain, test.over))
                        comparisons.append(Comparison("gain", four, _direction(four, paper, raw)))
        out[claim_id] = Claim(claim_id, claim.section, claim.quote, claim.says, tuple(comparisons), claim.untested)
    return out


def _direction(cells: tuple[str, ...], paper: Paper, raw: _ClaimsFile) -> Direction:
    """The direction of the compared cells' metric; a cell of our own has the metric of its partner."""
    published = []
    for cell in cells:
        if cell.startswith("own."):
            row = cell.split(".")[1]
            if row not in raw.own_rows:
                raise BadInput(f"claims.yaml has no row 'own.{row}' under own_rows; {nearest(row, list(raw.own_rows))}")
        else:
            published.append(paper.cell(cell))
    if len({cell.metric for cell in published}) != 1 or published[0].direction == "none":
        raise BadInput(f"claims.yaml compares {' and '.join(cells)}, which share no metric; correct that test.")
    return published[0].direction
