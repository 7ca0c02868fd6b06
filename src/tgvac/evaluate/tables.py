"""Outputs from elsewhere beside the methods that a scale has scored: Table 2, and paired differences.

All numbers are of the samples that the outputs have, for every method, so that means are comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tgvac.clips.rows import read_frame
from tgvac.methods.registry import label_of
from tgvac.params import Params
from tgvac.report.basis import Basis
from tgvac.report.methods import HEADLINE, of_quality
from tgvac.report.paper import Paper
from tgvac.report.score_tables import Pair, ScoreColumns
from tgvac.report.scores import ALL, SCORES, Measured, score_cell
from tgvac.report.table2 import against_table, methods_table, quality_table
from tgvac.report.tables import Table
from tgvac.stage import Context

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Beside:
    """The rows of outputs, and those of the scale's methods on the same samples.

    Attributes:
        names: the methods of Table 2 that have rows, in the scale's order, the outputs last.
        said: sentences on what is not as it should be.
    """

    name: str
    rows: pd.DataFrame
    names: tuple[str, ...]
    said: tuple[str, ...]


def rows_of_scale(ctx: Context) -> pd.DataFrame | None:
    """All rows that a scale has so far: of the joined table, or of its parts while the phase is not finished."""
    import pandas as pd

    folder = ctx.results / "metrics"
    joined = folder / "rows.parquet"
    parts = [joined] if joined.is_file() else sorted(folder.glob("*/*/seed*/shard-???.parquet"))
    return pd.concat([read_frame(part) for part in parts], ignore_index=True) if parts else None


def beside(name: str, mine: pd.DataFrame, scale: pd.DataFrame | None, params: Params) -> Beside:
    """Put rows of ``external/<name>`` beside those of a scale.

    A method whose frames have other occlusion rates was measured on other clips, and is left out.
    """
    import pandas as pd

    said, names, kept = [], [], [mine]
    samples = set(mine["sample"])
    if scale is not None:
        there = scale[scale["sample"].isin(samples)].assign(name=lambda rows: rows["method"] + "/" + rows["variant"])
        ordered = [n for n in (*params.evaluation.methods, *sorted(there["name"].unique())) if n != name]
        for method in of_quality(dict.fromkeys(ordered), params.methods):
            rows = there[there["name"] == method].drop(columns="name")
            if rows.empty:
                continue
            if not _same_rates(mine, rows):
                said.append(f"{method} was measured on other clips, so it is left out; run the scale again.")
                continue
            if lacks := samples - set(rows["sample"]):
                said.append(f"{method} has rows of {len(samples) - len(lacks)} of the {len(samples)} samples.")
            names.append(method)
            kept.append(rows)
    return Beside(name, pd.concat(kept, ignore_index=True), (*names, name), tuple(said))


def _same_rates(mine: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """Whether frames that both have are occluded alike."""
    key = ["sample", "frame"]
    both = mine.drop_duplicates(key)[[*key, "rate"]].merge(rows.drop_duplicates(key)[[*key, "rate"]], on=key)
    a, b = both["rate_x"].to_numpy(np.float64), both["rate_y"].to_numpy(np.float64)
    return bool(np.allclose(a, b, rtol=0, atol=1e-9, equal_nan=True))


def tables(found: Beside, numbers: Measured, paper: Paper, basis: Basis, params: Params, of: int) -> list[Table]:
    """Table 2; the outputs minus each other method; and ours minus each, if ours is among them.

    Args:
        of: the number of samples that the scale evaluates.
    """
    evaluation = params.evaluation.model_copy(update={"methods": found.names})
    scored = found.rows[found.rows["method"] + "/" + found.rows["variant"] == found.name]["sample"].nunique()
    remark = f"All numbers are of the {scored} samples that {label_of(found.name)} has; the scale evaluates {of}."
    made = [quality_table(numbers, paper, basis, evaluation, params.methods, params.evaluation.methods)]
    mine = numbers.find(found.name)
    if mine is not None and len(found.names) > 1:
        title = f"{label_of(found.name)} against the other methods measured here"
        made.append(against_table(numbers, paper, mine, found.names, "against", title, label_of(found.name)))
    if HEADLINE in found.names:
        made.append(methods_table(numbers, paper, evaluation, params.methods))
    return [replace(table, remarks=(*table.remarks, remark, *found.said)) for table in made]


def summary(found: Beside, numbers: Measured) -> list[str]:
    """Lines for the terminal: each score over all frames, and ours minus it on the same frames."""
    mine, ours = numbers.find(found.name), numbers.find(HEADLINE) if HEADLINE in found.names else None
    if mine is None:
        return []
    lines = []
    for score in SCORES:
        cell = score_cell(numbers.estimate(mine, score, "all"), score, "")
        lines.append(f"{score.label:<20} {cell.plain}")
    if ours is None:
        return lines
    (row,) = ScoreColumns("", ALL, verdict=False).compared(numbers, [Pair(ours, mine, "")])
    return [f"{line}   ours minus it {cell.plain}" for line, cell in zip(lines, row.cells[1:], strict=True)]
