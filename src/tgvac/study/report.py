"""``tgvac study report``: what people preferred, as tables, a picture, and the file from which Table 2 is filled.

<study>/report/votes.csv                        the votes, tgvac-votes-1
<study>/report/tables/<name>.{csv,md,html,tex}  shares, differences, strengths, agreement, places, times, participants,
                                                fields
<study>/report/shares.png
reference/votes/<scale>.csv                     the same votes, for the tables of the scale; of people alone
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.clips.votes import Votes, votes_file, write_votes
from tgvac.errors import BadInput
from tgvac.files import writing
from tgvac.methods.registry import label_of
from tgvac.metrics.aggregate import Estimate
from tgvac.params import load_params
from tgvac.preference.params import ExcludeParams
from tgvac.preference.screening import screen
from tgvac.preference.shares import share
from tgvac.report.table_files import write_table_files
from tgvac.report.tables import Table
from tgvac.study.counting import publish, votes_of, withdraw, written
from tgvac.study.plan import REPORT, Study, open_study
from tgvac.study.results import tables_of
from tgvac.study.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_NAMED = 10
"""How many of those who do not count are named; the table has all."""


@dataclass(frozen=True)
class Reported:
    """The outcome, for the command line.

    Attributes:
        folder: None when nobody is left to report on.
        published: the file for the tables; None if these votes must not, or shall not, be shown there.
        lines: the shares in short, and what to do next.
    """

    folder: Path | None
    published: Path | None
    lines: tuple[str, ...]


def report(root: Path, folder: Path, to_tables: bool = True) -> Reported:
    """Count the votes of a study and write its report; when all who voted are deleted, remove the earlier one.

    Args:
        to_tables: write the file from which Table 2 is filled; not for a pilot.

    Raises:
        BadInput: when nobody has voted, or the votes of another study are in the way.
    """
    study = open_study(folder)
    params = load_params(root, study.plan.scale)
    with Store(study) as store:
        votes = votes_of(study, store)
        fields = {each.number: each.field or "" for each in store.participants()}
        deleted = store.deleted()
    if not votes.votes and (earlier := written(root, study)):
        return Reported(None, None, (_nobody_left(root, study, deleted, earlier),))
    if not votes.votes:
        raise BadInput(f"Nobody has voted in {folder} yet; `tgvac study serve --study {folder}` lets people vote.")
    out, exclude, confidence = folder / REPORT, params.study.exclude, params.metrics.confidence
    write_votes(out / "votes.csv", votes)
    tables = tables_of(votes, fields, exclude, confidence)
    for table in tables:
        write_table_files(out / "tables", table)
    with writing(out / "shares.png") as part:
        part.write_bytes(draw_shares(votes, exclude, confidence))
    left_out = screen(votes, exclude).excluded
    counts = len(votes.people - left_out.keys())
    lines = [*_short(tables[0]), *_left_out(left_out), *_fewer(votes)]
    if votes.study.origin != "people":
        lines.append(f"these votes are {votes.study.origin}: {votes_file(votes.study.scale)} is not written")
        return Reported(out, None, tuple(lines))
    if not to_tables:
        lines.append(f"as you asked, {root / votes_file(votes.study.scale)} is not written")
        if len(written(root, study)) > 1:
            lines.append("that file has earlier votes of this study; without --no-publish it is written anew")
        return Reported(out, None, tuple(lines))
    published = publish(votes, root)
    scale = votes.study.scale
    lines.append(f"the votes are in {published}; keep it under version control")
    if not counts:
        lines.append("nobody counts, so the column of Table 2 stays empty until somebody does")
        return Reported(out, published, tuple(lines))
    lines.append(f"now `tgvac dvc --write`, then `tgvac run --scale {scale} --target report` fills the column")
    return Reported(out, published, tuple(lines))


def _short(shares: Table) -> list[str]:
    heads = ", ".join(column.label.lower() for column in shares.columns[1:])
    return [f"{row.cells[0].text} ({heads}): {'; '.join(cell.plain for cell in row.cells[1:])}" for row in shares.rows]


def _nobody_left(root: Path, study: Study, deleted: int, earlier: Sequence[Path]) -> str:
    """Remove what was reported, if it is of participants who are deleted.

    Raises:
        BadInput: when none is: then the store is not the one that was reported on.
    """
    names = " and ".join(map(str, earlier))
    if not deleted:
        raise BadInput(
            f"{study.store} has no vote, and nobody was deleted, but {names} has votes of this study; restore the store"
            " from a copy."
        )
    withdraw(root, study)
    return f"all who voted are deleted, so {names} {'is' if len(earlier) == 1 else 'are'} deleted, with the tables"


def _left_out(excluded: Mapping[int, str]) -> list[str]:
    """How many do not count, and why."""
    if not excluded:
        return []
    each = "; ".join(f"{person}: {why}" for person, why in sorted(excluded.items())[:_NAMED])
    more = f"; {len(excluded) - _NAMED} more are in the table `participants`" if len(excluded) > _NAMED else ""
    noun = "participant is" if len(excluded) == 1 else "participants are"
    return [f"{len(excluded)} {noun} left out, by number: {each}{more}"]


def _fewer(votes: Votes) -> list[str]:
    """How this study is smaller than the paper's."""
    people = len(votes.people)
    if votes.study.per_class >= 10 and people >= 20:
        return []
    each = votes.study.per_class
    return [f"this study has {people} participants and {each} videos of each class; the paper's has 20 and 10"]


def draw_shares(votes: Votes, exclude: ExcludeParams, confidence: float) -> bytes:
    """A picture of the shares of easy and of hard videos with their intervals, as PNG."""
    from matplotlib.figure import Figure

    screened = screen(votes, exclude)
    methods = votes.study.methods
    figure = Figure(figsize=(7, 1.0 + 0.45 * len(methods)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for panel, (name, title) in zip(axes, (("easy", "Easy cases"), ("hard", "Hard cases")), strict=True):
        mine = [vote for vote in screened.votes if vote.difficulty == name]
        _draw(panel, [share(mine, method, confidence) for method in methods])
        panel.set_title(f"{title}, {len(mine)} votes", fontsize=10)
        panel.axvline(1 / len(methods), color="#8a929b", linestyle=":", linewidth=1)
        panel.set_xlim(0, 1)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(methods)), [_wrapped(label_of(method)) for method in methods], fontsize=9)
    axes[0].set_ylim(len(methods) - 0.4, -0.6)
    marked = "" if votes.study.origin == "people" else f"; {votes.study.origin} votes"
    figure.supxlabel(f"share of votes; dotted: chance{marked}", fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=150, metadata={"Software": None})
    return stream.getvalue()


def _draw(panel: Axes, values: Sequence[Estimate]) -> None:
    for row, value in enumerate(values):
        panel.plot([value.low, value.high], [row, row], color="#1d5fbf", linewidth=2, solid_capstyle="butt")
        panel.plot([value.mean], [row], "o", color="#1d5fbf", markersize=6)


def _wrapped(label: str) -> str:
    return "\n".join(textwrap.wrap(label, 26))
