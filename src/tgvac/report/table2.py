"""Table 2: every method by class of frames, with intervals, beside what the paper published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tgvac.completion.params import EvaluationParams
from tgvac.metrics.difficulty import difficulty as class_of
from tgvac.metrics.difficulty import in_group
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis
from tgvac.report.paper import Paper
from tgvac.report.scores import (
    CLASSES,
    ENOUGH_VIDEOS,
    SCORES,
    Score,
    Scored,
    cell_rows,
    estimate,
    label_of,
    score_cell,
    scored,
)
from tgvac.report.table1 import paper_cell
from tgvac.report.tables import Cell, Column, Row, Table, missing

if TYPE_CHECKING:
    import pandas as pd

HERE, PUBLISHED, COUNTS = "Measured here", "Published in the paper", "Behind the numbers above"
_NOT_PUBLISHED = "The paper doesn't report it."
_VOTES = "Published only: it comes from people's votes, which no program regenerates."
BASELINES = {"progressive": "ProgressiveAmodal", "pix2gestalt": "Pix2Gestalt"}


def quality_table(
    rows: pd.DataFrame, paper: Paper, basis: Basis, metrics: MetricsParams, evaluation: EvaluationParams
) -> Table:
    """Table 2, ours above, the paper's below, never in one row."""
    columns = [Column("Method", number=False)]
    for _, heading in CLASSES:
        columns += [Column(s.label, heading, notes=_heading_notes(paper, s)) for s in SCORES]
        columns.append(Column("User preference↑", heading))
    columns.append(Column("Verdict", number=False))

    out = [_own_row(rows, of, metrics, basis, evaluation) for of in scored(rows, evaluation.methods)]
    measured = {of.name for of in scored(rows, evaluation.methods)}
    for name in evaluation.methods:
        if name not in measured:
            nothing = missing("Listed in evaluation.methods, but the run has no rows of it.")
            out.append(Row((Cell(label_of(name)), *([nothing] * (len(columns) - 1))), HERE))
    out.append(_count_row(rows, metrics, len(columns)))
    for name, published in paper.tables["table2"].rows.items():
        out.append(_paper_row(paper, name, published.label))

    percent = f"{metrics.confidence * 100:g} %"
    lacking = [label for key, label in BASELINES.items() if key not in {name.split("/")[0] for name in measured}]
    remarks = [
        f"Ours: mean over frames and its {percent} interval, a bootstrap over source videos ({metrics.bootstrap:,}"
        f" resamples). A frame is hard from {metrics.hard_from * 100:g} % occlusion on; a pair of frames (TC) belongs"
        " to the class of its later frame. Frames without the object belong to no class. An interval from fewer than"
        f" {ENOUGH_VIDEOS} source videos is too narrow to be trusted.",
    ]
    if lacking:
        remarks.append(f"No row of {' or '.join(lacking)} is measured here yet; only their published cells are shown.")
    return Table(
        "table2",
        "Table 2. Quality of completion",
        tuple(columns),
        tuple(out),
        basis.sentence,
        tuple(remarks),
    )


def _heading_notes(paper: Paper, score: Score) -> tuple[str, ...]:
    return (f"Of the paper: {paper.flaws['lsips'].what}",) if score.metric == "lpips" and "lsips" in paper.flaws else ()


def _own_row(rows: pd.DataFrame, of: Scored, metrics: MetricsParams, basis: Basis, evaluation: EvaluationParams) -> Row:
    masks = "" if of.mask_source == evaluation.mask_source else f" ({of.mask_source} masks)"
    cells = [Cell(label_of(of.name) + masks)]
    for name, heading in CLASSES:
        for score in SCORES:
            chosen = cell_rows(rows, of, score.metric, name, metrics.hard_from)
            value = estimate(rows, of, score, name, metrics)
            why = "Not defined on any of these frames." if len(chosen) else f"No frame measured in {heading.lower()}."
            cells.append(score_cell(value, score, why))
        cells.append(missing(_VOTES))
    return Row((*cells, Cell(basis.verdict)), HERE)


def _count_row(rows: pd.DataFrame, metrics: MetricsParams, width: int) -> Row:
    """How many frames, and of how many source videos, stand behind a column; each frame once over all methods."""
    cells = [Cell("Frames (source videos)")]
    for name, _ in CLASSES:
        for score in SCORES:
            mine = rows[(rows["metric"] == score.metric) & rows["value"].notna()]
            mine = mine[in_group(mine["rate"].to_numpy(np.float64), name, metrics.hard_from)]
            frames = len(mine[["sample", "frame"]].drop_duplicates())
            cells.append(Cell(f"{frames:,}", f"({mine['video'].nunique():,})"))
        cells.append(missing(_VOTES))
    return Row((*cells, Cell("")), COUNTS)


def _paper_row(paper: Paper, name: str, label: str) -> Row:
    cells = [Cell(label)]
    for group, _ in CLASSES:
        for score in SCORES:
            cell_id = f"table2.{name}.{group}.{score.paper}"
            cells.append(paper_cell(paper, paper.cell(cell_id)) if score.paper else missing(_NOT_PUBLISHED))
        cells.append(paper_cell(paper, paper.cell(f"table2.{name}.{group}.user_preference")))
    return Row((*cells, Cell("published")), PUBLISHED)


def frames_table(frames: Sequence[tuple[str, str, float]], metrics: MetricsParams) -> Table:
    """How the evaluated frames fall into classes.

    Args:
        frames: sample, source video and occlusion rate of each frame that was to be completed.
    """
    named = class_of(np.array([rate for _, _, rate in frames], np.float64), metrics.hard_from)
    wanted = {
        "easy": f"Easy: below {metrics.hard_from * 100:g} % occlusion",
        "hard": f"Hard: from {metrics.hard_from * 100:g} % on",
        "absent": "Object absent: in no class",
    }
    rows = []
    for name, label in wanted.items():
        mine = [frame for frame, kind in zip(frames, named, strict=True) if kind == name]
        samples, videos = len({sample for sample, _, _ in mine}), len({video for _, video, _ in mine})
        rows.append(Row((Cell(label), Cell(f"{len(mine):,}"), Cell(f"{samples:,}"), Cell(f"{videos:,}"))))
    samples, videos = len({sample for sample, _, _ in frames}), len({video for _, video, _ in frames})
    rows.append(Row((Cell("All"), Cell(f"{len(frames):,}"), Cell(f"{samples:,}"), Cell(f"{videos:,}"))))
    columns = (
        Column("Frames of", number=False),
        Column("Frames"),
        Column("Synthesized videos"),
        Column("Source videos"),
    )
    return Table(
        "frames",
        "Frames of the evaluation by class",
        columns,
        tuple(rows),
        remarks=("A video counts in each class of which it has a frame.",),
    )
