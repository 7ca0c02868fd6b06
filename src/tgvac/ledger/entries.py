"""Making the entry of a published cell from what a scale has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tgvac.clips.votes import votes_file
from tgvac.ledger.chain import Chains, Link
from tgvac.ledger.entry import Claimed, Compared, Entry, Quoted
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
