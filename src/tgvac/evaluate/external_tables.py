"""Tables of outputs on a data set that comes with the truth: every method that was scored on it, and differences.

All numbers are of the samples that the outputs have. The paper has no numbers on these data sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.clips.rows import read_frame
from tgvac.methods.registry import EXTERNAL
from tgvac.metrics.params import MetricsParams
from tgvac.report.score_tables import Pair, ScoreColumns, here_rows
from tgvac.report.scores import CLASSES, MORE, SCORES, Groups, Measured, Score, score_cell
from tgvac.report.table2 import how_compared, how_measured
from tgvac.report.tables import Table

if TYPE_CHECKING:
    import pandas as pd

MARK = "evaluation.json"
FORMAT = "tgvac-external-evaluation-1"
GROUPS: Groups = (("all", "All frames"), *CLASSES, ("hidden", "Fully hidden"))
_MASKS = ("iou", "hidden_iou", "visible_psnr")


@dataclass(frozen=True)
class Together:
    """The rows of outputs, and those of other outputs on the same samples.

    Attributes:
        names: of the methods, the outputs last.
        said: sentences on what others lack.
    """

    name: str
    rows: pd.DataFrame
    names: tuple[str, ...]
    said: tuple[str, ...]


def together(name: str, mine: pd.DataFrame, truths: Mapping[str, str], folder: Path, data_set: str) -> Together:
    """Put rows beside those of the evaluations in a folder.

    Args:
        truths: the digest of the truth of each sample; rows of samples with another truth are left out.
        folder: with an evaluation in each folder; the outputs' own is passed over.
        data_set: evaluations of others are passed over.
    """
    import pandas as pd

    kept, names, said = [mine], [], []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        other, theirs = _marked(path)
        if path.name.startswith(".") or other in ("", name) or theirs.get("data_set") != data_set:
            continue
        common = {sample for sample, truth in truths.items() if theirs["truths"].get(sample) == truth}
        rows = read_frame(path / "rows.parquet")
        rows = rows[rows["sample"].isin(common)]
        if rows.empty:
            said.append(f"{other} has no sample in common with these outputs, so it is left out.")
            continue
        if len(common) < len(truths):
            said.append(f"{other} has rows of {len(common)} of the {len(truths)} samples.")
        names.append(other)
        kept.append(rows)
    return Together(name, pd.concat(kept, ignore_index=True), (*names, name), tuple(said))


def _marked(folder: Path) -> tuple[str, dict]:
    """The method of an evaluation and its record; "" for any other folder."""
    try:
        record = json.loads((folder / MARK).read_text(encoding="utf-8"))
        if record["format"] != FORMAT or not isinstance(record["truths"], dict):
            return "", {}
        return str(record["method"]), record
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}


def external_tables(found: Together, numbers: Measured, title: str, lead: str, of: int, colours: bool) -> list[Table]:
    """The scores of all methods, and the outputs minus each other one; those of colours are tables of their own.

    Args:
        title: of the data set.
        lead: what the numbers are of.
        of: the number of samples that were exported.
    """
    scored = found.rows[found.rows["variant"] == found.name]["sample"].nunique()
    remarks = (
        f"All numbers are of the {scored} samples that {found.name} has; {of} were exported.",
        "Frames without the object are in no class.",
        *found.said,
    )
    made = []
    for name, what, scores in _sets(colours):
        layout = ScoreColumns("", GROUPS, verdict=False, scores=scores)
        names = [f"{EXTERNAL}/{each}" for each in found.names]
        labels = dict(zip(names, found.names, strict=True))
        rows = here_rows(layout, numbers, names, "", "", labels)
        made.append(
            Table(
                name,
                f"{title}: {what}",
                layout.columns(None, "Method"),
                (*rows, layout.counted(numbers, names)),
                lead,
                (how_measured(numbers.metrics), *remarks),
            )
        )
        one = numbers.find(f"{EXTERNAL}/{found.name}")
        asked = [
            Pair(one, other, labels[other.name]) for other in numbers.scored(names) if one is not None and other != one
        ]
        if asked:
            made.append(
                Table(
                    f"{name}_against",
                    f"{title}: {what}, {found.name} against the others",
                    layout.columns(None, f"{found.name} minus"),
                    tuple(layout.compared(numbers, asked)),
                    how_compared(numbers),
                    remarks,
                )
            )
    return made


def _sets(colours: bool) -> list[tuple[str, str, tuple[Score, ...]]]:
    """The tables: name, what it is of, and its scores."""
    every = (*SCORES, *MORE)
    masks = tuple(score for score in every if score.metric in _MASKS)
    others = tuple(score for score in every if score.metric not in _MASKS)
    return [("masks", "amodal masks", masks), *([("colours", "colours", others)] if colours else [])]


def summary(found: Together, numbers: Measured, colours: bool) -> list[str]:
    """Lines for the terminal: each score over all frames."""
    mine = numbers.find(f"{EXTERNAL}/{found.name}")
    if mine is None:
        return []
    lines = []
    for _, _, scores in _sets(colours):
        for score in scores:
            lines.append(f"{score.label:<20} {score_cell(numbers.estimate(mine, score, 'all'), score, '').plain}")
    return lines


def measured(rows: pd.DataFrame, metrics: MetricsParams, smallest: Mapping[str, float]) -> Measured:
    """The numbers behind the tables.

    Args:
        smallest: differences of interest, by metric.
    """
    return Measured(rows, metrics, "given", smallest=smallest)
