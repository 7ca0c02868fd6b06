"""An entry of the ledger: all that is said of a published cell, as plain values that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tgvac.clips.votes import votes_file
from tgvac.ledger.chain import Chains, Link
from tgvac.ledger.findings import Findings
from tgvac.ledger.measuring import measuring
from tgvac.methods.registry import label_of
from tgvac.report.basis import PAPER_SOURCES
from tgvac.report.cell_answers import Answer
from tgvac.report.claims_table import what_of
from tgvac.report.comparisons import group_of
from tgvac.report.influence import Moved, moved_most
from tgvac.report.paper import Cell, Flaw
from tgvac.report.scores import PREFERENCE, score_cell
from tgvac.report.tables import DASH
from tgvac.report.verdicts import Tested


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


def entry_of(answer: Answer, found: Findings, chains: Chains) -> Entry:
    """The entry of a cell, with its chain where there is a number."""
    cell, value = answer.cell, answer.value
    table = found.paper.tables[cell.table]
    how = measuring(answer, found)
    return Entry(
        id=cell.id,
        table=f"Table {cell.table.removeprefix('table')}",
        row=table.rows[cell.row].label,
        column=", ".join(filter(None, (table.columns[cell.column].group, table.columns[cell.column].label))),
        caption=table.title,
        paper=cell.text,
        quotes=_quotes(cell, found),
        claims=_claims(cell, found),
        flaws={name: found.paper.flaws[name] for name in cell.flaws},
        heading_flaws=_of_heading(cell, found),
        answered_by=answer.method,
        label=_label(answer),
        here=answer.here.text,
        interval=answer.here.detail,
        apart=answer.apart.text,
        verdict=answer.verdict,
        mean=_number(value.mean) if answer.score else _count(answer),
        low=_number(value.low),
        high=_number(value.high),
        frames=value.frames,
        videos=value.videos,
        of=value.of if value.trainings else "",
        why=how.why,
        notes=_notes(answer, found),
        command=how.command,
        rows_command=how.rows,
        moved=_moved(answer, found),
        chain=_chain(answer, chains),
    )


def _quotes(cell: Cell, found: Findings) -> tuple[Quoted, ...]:
    of = ((found.paper.quotes[name], value) for name, value in cell.prose.items())
    return tuple(Quoted(quote.section, plain(quote.text), value) for quote, value in of)


def _of_heading(cell: Cell, found: Findings) -> dict[str, Flaw]:
    """The misprint of the heading above a cell, which paper.yaml lists without its many cells."""
    return {"lsips": found.paper.flaws["lsips"]} if cell.metric == "lpips" and "lsips" in found.paper.flaws else {}


def _claims(cell: Cell, found: Findings) -> tuple[Claimed, ...]:
    claims = []
    for each in found.judged:
        claim = each.claim
        if mine := [tested for tested in each.tested if cell.id in tested.comparison.cells]:
            compared = tuple(_compared(tested, found) for tested in mine)
            verdict = found.basis.verdict_of(each.verdict)
            claims.append(Claimed(claim.id, claim.section, plain(claim.quote), claim.says, verdict, compared))
    return tuple(claims)


def _compared(tested: Tested, found: Findings) -> Compared:
    number = score_cell(tested.estimate, tested.score, "", signed=True)
    lacks = f"It lacks {tested.missing}." if tested.missing else ""
    difference = number.plain if number.text != DASH else ""
    return Compared(what_of(tested), difference, found.basis.word(tested.verdict), tested.why or lacks)


def plain(text: str) -> str:
    """A sentence of the paper for quotation marks: without the dollars of formulas, its own marks single."""
    return text.replace("$", "").replace("“", "‘").replace("”", "’").strip()


def _label(answer: Answer) -> str:
    if not answer.method:
        return ""
    if answer.score is None:
        return answer.method if answer.method in PAPER_SOURCES else f"{answer.method}, of the procedural world"
    return label_of(answer.method)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _count(answer: Answer) -> float | None:
    return float(answer.here.text.replace(",", "")) if answer.measured else None


def _notes(answer: Answer, found: Findings) -> tuple[str, ...]:
    if not answer.measured:
        return ()
    voted = (f"The votes are in {votes_file(found.ctx.scale)}.",) if answer.score is PREFERENCE else ()
    return (*answer.here.notes, *voted)


def _moved(answer: Answer, found: Findings) -> Moved | None:
    """The sample that moved the number most; no single sample moves a count or a share of votes."""
    if answer.of is None or answer.score is None or answer.score is PREFERENCE:
        return None
    return moved_most(found.numbers.rows_of(answer.of, answer.score.metric, group_of(answer.cell)))


def _chain(answer: Answer, chains: Chains) -> Sequence[Link]:
    if not answer.measured or answer.score is PREFERENCE:
        return ()
    return chains.of_counts() if answer.of is None else chains.of_rows(answer.of)


def as_record(entry: Entry) -> dict[str, Any]:
    """An entry as plain values."""
    flaws = {name: flaw.model_dump(mode="json") for name, flaw in entry.all_flaws.items()}
    record = asdict(entry) | {"flaws": flaws}
    del record["heading_flaws"]
    return record
