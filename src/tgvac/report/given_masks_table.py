"""What exact masks are worth: quality by how far the given masks are from the true ones, as a table and as curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tgvac.completion.params import EvaluationParams
from tgvac.completion.shards import shard_folder
from tgvac.methods.registry import Methods, label_of, method_of, seeds_of
from tgvac.report.curves import MaskCurves, line_chart
from tgvac.report.methods import HEADLINE, of_mask_errors, unchanged
from tgvac.report.score_tables import HERE, NO_ROWS, Pair, ScoreColumns
from tgvac.report.scores import SCORES, Groups, Measured, Scored
from tgvac.report.table2 import fewer, how_compared, how_measured
from tgvac.report.tables import Cell, Column, Row, Table, missing
from tgvac.shards import read_index
from tgvac.stage import Context

_GROUPS: Groups = (("all", "All frames"),)
_LAYOUT = ScoreColumns(
    "",
    _GROUPS,
    verdict=False,
    scores=tuple(score for score in SCORES if score.metric in ("lpips", "iou", "hidden_psnr")),
)
_EXACT = Cell("1.000", notes=("The method is given the exact masks.",))


def mask_overlaps(ctx: Context, evaluation: EvaluationParams, methods: Methods) -> dict[str, float]:
    """The mean overlap of given masks with the true ones, by method, from the indices of the completions.

    Masks do not depend on the training seed. Frames in which both masks are empty do not count; a method without any
    other frames is left out.
    """
    found = {}
    for name in of_mask_errors(evaluation.methods, methods):
        folder = shard_folder(ctx, name, seeds_of(name, evaluation.train_seeds, methods)[0])
        entries = [entry for index in sorted(folder.glob("shard-???.json")) for entry in read_index(index).values()]
        by_sample = [entry.facts.get("mask_iou", {}) for entry in entries]
        known = [value for each in by_sample for frames in each.values() for value in frames if value is not None]
        if known:
            found[name] = float(np.mean(known))
    return found


def given_masks_table(
    numbers: Measured, overlaps: Mapping[str, float], evaluation: EvaluationParams, methods: Methods
) -> Table | None:
    """Methods by the masks that they were given, the best masks first; None if all were given the exact ones.

    Args:
        overlaps: as :func:`mask_overlaps` has them.
    """
    others = of_mask_errors(evaluation.methods, methods)
    if not others:
        return None
    exact = {name: _exact(name, evaluation.methods, methods) for name in others}
    rows: list[Row] = []
    for reference, mine in _by_reference(exact, overlaps).items():
        rows += _rows(numbers, (*([reference] if reference else []), *mine), overlaps)
    names = tuple(dict.fromkeys((*(name for name in exact.values() if name), *others)))
    rows.append(_beside(_LAYOUT.counted(numbers, names), Cell("")))
    asked = {}
    for name in others:
        reference = exact[name]
        one, other = numbers.find(reference) if reference else None, _scored(numbers, name)
        if one is not None and other is not None:
            asked[name] = Pair(one, other, label_of(name), "With exact masks minus")
    compared = zip(asked, _LAYOUT.compared(numbers, list(asked.values())), strict=True)
    rows += [_beside(row, _overlap_cell(name, overlaps)) for name, row in compared]
    first, *scores = _LAYOUT.columns(None, "Method")
    return Table(
        "given_masks",
        "What exact masks are worth",
        (first, Column("IoU of the given masks"), *scores),
        tuple(rows),
        remarks=(
            how_measured(numbers.metrics),
            how_compared(numbers),
            "The IoU of the given masks is the mean over frames of the overlap with the true visible masks. An outline"
            " that is off moves along its normal by a smooth field that is drawn by the sample's name, so every method"
            " has the same errors; the pixels are the root mean square of the field, at the frame's resolution. Tracked"
            " masks are made from what marks the object in the first frame alone.",
            *fewer(numbers, names),
        ),
    )


def mask_curves(
    numbers: Measured, overlaps: Mapping[str, float], evaluation: EvaluationParams, methods: Methods
) -> MaskCurves | None:
    """The table's means as curves, by 1 - IoU of the given masks; None where no method is given masks of two kinds.

    Args:
        overlaps: as :func:`mask_overlaps` has them.
    """
    exact = {name: _exact(name, evaluation.methods, methods) for name in of_mask_errors(evaluation.methods, methods)}
    lines: dict[str, list[tuple[float, Scored]]] = {}
    for reference, mine in _by_reference(exact, overlaps).items():
        one = numbers.find(reference) if reference else None
        # Tracked masks are no error of a chosen size, so they are in the table alone.
        noisy = [name for name in mine if not method_of(name).mask_source and name in overlaps]
        found = [(1 - overlaps[name], of) for name in noisy if (of := _scored(numbers, name)) is not None]
        if one is not None and found:
            lines[label_of(one.name)] = [(0.0, one), *found]
    if not lines:
        return None
    charts = []
    for score in _LAYOUT.scores:
        points = [[(x, numbers.estimate(of, score, "all").mean) for x, of in line] for line in lines.values()]
        points = [[(x, y) for x, y in line if math.isfinite(y)] for line in points]
        if any(points):
            charts.append(line_chart(score.label, "1 - IoU of the given masks", points))
    return MaskCurves(tuple(lines), charts)


def _by_reference(exact: Mapping[str, str | None], overlaps: Mapping[str, float]) -> dict[str | None, list[str]]:
    """The methods with other masks, by the one with exact masks that they differ from; the best masks first."""
    return {
        reference: sorted((name for name in exact if exact[name] == reference), key=lambda n: -overlaps.get(n, 0.0))
        for reference in dict.fromkeys(exact.values())
    }


def _exact(name: str, evaluated: Sequence[str], methods: Methods) -> str | None:
    """The evaluated method that is given exact masks and differs in nothing else; None if there is none."""
    if method_of(name).mask_source:
        return HEADLINE if HEADLINE in evaluated else None
    return unchanged(name, "mask_noise", evaluated, methods)


def _scored(numbers: Measured, name: str) -> Scored | None:
    return next((of for of in numbers.scored() if of.name == name), None)


def _rows(numbers: Measured, names: Sequence[str], overlaps: Mapping[str, float]) -> list[Row]:
    rows = []
    for name in names:
        of = _scored(numbers, name)
        row = (
            _LAYOUT.absent(label_of(name), NO_ROWS, HERE)
            if of is None
            else _LAYOUT.measured(numbers, of, label_of(name), "", HERE)
        )
        is_exact = of is not None and of.mask_source == numbers.mask_source
        rows.append(_beside(row, _EXACT if is_exact else _overlap_cell(name, overlaps)))
    return rows


def _overlap_cell(name: str, overlaps: Mapping[str, float]) -> Cell:
    if name not in overlaps:
        return missing("The run's completions do not say which masks they were made from; make them again.")
    return Cell(f"{overlaps[name]:.3f}")


def _beside(row: Row, cell: Cell) -> Row:
    """A row with one more cell after its first."""
    return Row((row.cells[0], cell, *row.cells[1:]), row.section)
