"""What a scale has for the ledger, also while it is not finished: numbers, answers, verdicts on claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import Row, read_frame
from tgvac.clips.tables import read_table
from tgvac.params import Params, load_params
from tgvac.report.basis import Basis, read_basis
from tgvac.report.cell_answers import Answer, count_answers, score_answers
from tgvac.report.claims import load_claims
from tgvac.report.frozen import read_frozen
from tgvac.report.methods import one_step, stand_ins
from tgvac.report.paper import Paper, load_paper
from tgvac.report.scores import Measured
from tgvac.report.table1 import counts_of, rejected_before
from tgvac.report.verdicts import Judged, judge
from tgvac.report.voted import read_preference
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.select_stage import TRACKS_FORMAT

if TYPE_CHECKING:
    import pandas as pd

ROWS = "metrics/rows.parquet"
COUNTED = ("select/tracks.parquet", "tracks/index.json", "synthesis/recipes.parquet")
"""The files that Table 1 is counted from, below ``results/<scale>/``."""


@dataclass(frozen=True)
class Findings:
    """A scale's params, and what its results say of the paper.

    Attributes:
        answers: to each published cell, by id.
        judged: the paper's claims with their verdicts.
        rows: how many rows the run has, of all methods and metrics.
    """

    ctx: Context
    params: Params
    paper: Paper
    basis: Basis
    numbers: Measured
    answers: Mapping[str, Answer]
    judged: Sequence[Judged]
    rows: int

    @cached_property
    def counted(self) -> bool:
        """Whether the data set is there, from which Table 1 is counted."""
        return all((self.ctx.results / name).is_file() for name in COUNTED)


def read_findings(root: Path, scale: str) -> Findings:
    """Read what a scale has; files that are not made yet are as if nothing had been measured.

    Raises:
        BadInput: an unknown scale, or a file of another format.
    """
    params = load_params(root, scale)
    ctx = Context(root, scale, "ledger", "")
    paper = load_paper(root / "reference" / "paper.yaml")
    counted = all((ctx.results / name).is_file() for name in COUNTED)
    selection = read_table(ctx.results / COUNTED[0], TRACKS_FORMAT) if counted else []
    basis = read_basis(ctx, tuple(sorted({str(row["source"]) for row in selection})))
    evaluation, methods = params.evaluation, params.methods
    preference = read_preference(ctx, evaluation, methods, params.study.exclude)
    rows = _rows(ctx)
    numbers = Measured(rows, params.metrics, evaluation.mask_source, preference, params.report.smallest.by_metric())
    claims = load_claims(root / "reference" / "claims.yaml", paper)
    names = evaluation.methods
    standins, single = stand_ins(names, methods, basis.origin), one_step(names, methods, params.sampler.steps)
    judged = judge(claims.values(), numbers, names, standins, single, read_frozen(root).get(scale))
    answers = score_answers(numbers, paper, basis, evaluation)
    if counted:
        tracks, recipes = read_index(ctx.results / COUNTED[1]), read_recipes(ctx.results / COUNTED[2])
        rejected = rejected_before(ctx)
        counts = {source: counts_of(source, tracks, selection, recipes, rejected) for source in basis.sources}
    else:
        counts = {}
    answers |= count_answers(paper, basis, list(counts), counts)
    return Findings(ctx, params, paper, basis, numbers, answers, judged, len(rows))


def _rows(ctx: Context) -> pd.DataFrame:
    """The rows of a scale; none where the phase `metrics` is not finished."""
    import pandas as pd

    path = ctx.results / ROWS
    if path.is_file():
        return read_frame(path)
    return pd.DataFrame({field.name: [] for field in fields(Row)})
