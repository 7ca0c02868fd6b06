"""The quality of estimated masks, for sources with true masks: overlap before and after refinement."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tgvac.report.tables import Cell, Column, Row, Table, missing


def masks_table(quality: Sequence[Mapping[str, Any]]) -> Table:
    """Mean overlap with the truth by source and segmenter.

    Args:
        quality: rows of ``masks/quality.parquet``; an overlap is NaN if a track has no estimated mask.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in quality:
        groups[str(row["source"]), str(row["segmenter"])].append(row)
    rows = []
    for (source, segmenter), mine in sorted(groups.items()):
        verdicts: Counter[str] = Counter()
        for row in mine:
            verdicts.update(json.loads(row["verdicts"]))
        listed = ", ".join(f"{word} {count:,}" for word, count in sorted(verdicts.items()))
        raw, refined = (_mean(mine, key) for key in ("iou_raw", "iou_refined"))
        frames = sum(int(row["frames"]) for row in mine)
        rows.append(
            Row(
                (Cell(source), Cell(segmenter), Cell(f"{len(mine):,}"), Cell(f"{frames:,}"), raw, refined, Cell(listed))
            )
        )
    columns = (
        Column("Source", number=False),
        Column("Segmenter", number=False),
        Column("Tracks"),
        Column("Frames"),
        Column("IoU as made↑"),
        Column("IoU refined↑"),
        Column("Verdicts of frames", number=False),
    )
    return Table(
        "masks",
        "Visible masks against the truth",
        columns,
        tuple(rows),
        "Mean over tracks of the overlap with the true visible mask, for sources that have one. Masks that a source"
        " provides are neither estimated nor refined.",
    )


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> Cell:
    values = np.array([row[key] for row in rows], np.float64)
    known = values[~np.isnan(values)]
    return Cell(f"{known.mean():.3f}") if len(known) else missing("No frame could be measured.")
