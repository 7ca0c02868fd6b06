"""An entry of the ledger: all that is said of a published cell, as plain values that JSON can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tgvac.ledger.chain import Link
from tgvac.report.influence import Moved
from tgvac.report.paper import Flaw
from tgvac.report.scores import PREFERENCE


@dataclass(frozen=True)
class Quoted:
    """A sentence of the paper that gives the cell a value; ``value`` as the sentence has it."""

    section: str
    text: str
    value: float


@dataclass(frozen=True)
class Compared:
    """A comparison of the cell with others: in words, the difference with its interval or "", and the verdict.

    ``why`` says why nothing is decided where that does not follow from the interval alone.
    """

    what: str
    difference: str
    verdict: str
    why: str


@dataclass(frozen=True)
class Claimed:
    """A claim of the paper that the cell is part of, with its verdict on this run, and the cell's own comparisons."""

    id: str
    section: str
    quote: str
    says: str
    verdict: str
    comparisons: tuple[Compared, ...]


@dataclass(frozen=True)
class Entry:
    """A published cell, and what this run has for it.

    Attributes:
        id: as in ``reference/paper.yaml``.
        table, row, column: as printed; ``caption`` is the table's.
        paper: the published number, as printed.
        quotes: sentences of the paper that state the cell.
        flaws: misprints, contradictions and open points that affect the cell, by id; ``heading_flaws`` affect the
            whole column.
        answered_by: the ``method/variant`` or source that corresponds to the row or column, and its label.
        here, interval, apart: as printed; a missing one is "–".
        mean, low, high: in full precision; None without one.
        frames, videos: behind the number. ``of``: the trainings that it is about, or "".
        why: why there is no number, or "".
        command: what measures the cell, or "". ``rows_command``: what makes the rows of its method alone, or "".
        moved: the sample without which the number would change most.
        chain: the files that the number comes from, the last one first.
    """

    id: str
    table: str
    row: str
    column: str
    caption: str
    paper: str
    quotes: tuple[Quoted, ...]
    claims: tuple[Claimed, ...]
    flaws: dict[str, Flaw]
    heading_flaws: dict[str, Flaw]
    answered_by: str
    label: str
    here: str
    interval: str
    apart: str
    verdict: str
    mean: float | None
    low: float | None
    high: float | None
    frames: int
    videos: int
    of: str
    why: str
    notes: tuple[str, ...]
    command: str
    rows_command: str
    moved: Moved | None = None
    chain: Sequence[Link] = field(default_factory=tuple)

    @property
    def behind(self) -> str:
        """What was counted: values of source videos, or votes on them; "" for a count itself, and without a number."""
        if not self.frames:
            return ""
        votes = self.id.endswith(f".{PREFERENCE.metric}")
        many = "" if self.videos == 1 else "s"
        of = f", of {self.of}" if self.of else ""
        return f"{self.frames:,} {'votes on' if votes else 'values of'} {self.videos:,} source video{many}{of}"

    @property
    def contradicted(self) -> bool:
        """Whether a sentence of the paper gives another value than its table."""
        return any(quote.value != float(self.paper.replace(",", "")) for quote in self.quotes)

    @property
    def all_flaws(self) -> dict[str, Flaw]:
        """Those of the cell and of its heading."""
        return self.flaws | self.heading_flaws

    @property
    def misprinted(self) -> bool:
        """Whether the paper contradicts itself about the cell, or misprints it."""
        return self.contradicted or any(flaw.kind != "open" for flaw in self.flaws.values())


def as_record(entry: Entry) -> dict[str, Any]:
    """An entry as plain values."""
    flaws = {name: flaw.model_dump(mode="json") for name, flaw in entry.all_flaws.items()}
    record = asdict(entry) | {"flaws": flaws}
    del record["heading_flaws"]
    return record
