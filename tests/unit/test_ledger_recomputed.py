"""Numbers of the ledger, computed again from ``rows.parquet`` by pandas alone."""

from __future__ import annotations

import hashlib
import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from tests.unit.ledger_project import ledger_project
from tests.unit.report_project import METRICS
from tgvac.ledger.write import write_ledger
from tgvac.metrics.intervals import LEAST, MOST

ROWS_OF = {
    "table2.ours": "ours/full",
    "table3.text_only": "ours/no_mask",
    "table3.mask_only": "ours/no_text",
    "table3.mask_and_text": "ours/full",
    "table4.stride2": "ours/hop2",
    "table4.stride4": "ours/hop4",
    "table4.no_overlap": "ours/hop14",
}
DRAWN = 10


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ctx = ledger_project(tmp_path_factory.mktemp("recomputed"))
    write_ledger(ctx.root, "fake")
    return ctx.results


def drawn(results: Path, seed: int = 25) -> list[dict[str, Any]]:
    """Ten measured cells of Tables 2 to 4, by a seeded draw."""
    cells = json.loads((results / "ledger" / "cells.json").read_text(encoding="utf-8"))["cells"]
    measured = [cell for cell in cells if cell["frames"]]
    assert len(measured) >= DRAWN
    return random.Random(seed).sample(measured, DRAWN)


def rows_of(results: Path, cell: str) -> pd.DataFrame:
    """The rows that count in a cell, found by its name alone."""
    table, row, *column = cell.split(".")
    rows = pd.read_parquet(results / "metrics" / "rows.parquet")
    rows = rows[(rows.method + "/" + rows.variant == ROWS_OF[f"{table}.{row}"]) & (rows.mask_source == "given")]
    rows = rows[(rows.metric == column[-1]) & rows.value.notna() & rows.rate.notna()]
    return rows if len(column) == 1 else rows[(rows.rate >= 0.5) == (column[0] == "hard")]


def interval(rows: pd.DataFrame, resamples: int, *names: str) -> tuple[float, float]:
    """The interval of one training, written out: Student's, stretched by the studentised bootstrap over videos.

    Videos of unequal numbers of frames count as fewer.
    """
    videos, mean = sorted(rows.video.unique()), rows.value.mean()
    n, frames = len(videos), rows.video.value_counts()
    quantile = student.ppf(0.975, max(2, frames.sum() ** 2 / (frames**2).sum()) - 1)
    moves = np.array([(n - 1) * (mean - rows.value[rows.video != video].mean()) for video in videos])
    moves -= moves.mean()
    text = "\x1f".join(f"str:{name}" for name in ("bootstrap", *names))
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
    taken = moves[np.random.Generator(np.random.Philox(seed)).integers(0, n, (resamples, n))]
    error = taken.std(axis=1, ddof=1) / math.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = np.where(np.abs(taken.mean(axis=1)) > 0, np.sign(taken.mean(axis=1)) * np.inf, 0)
        ratios = np.sort(np.where(error > 1e-6 * moves.std(), taken.mean(axis=1) / error, flat))
    place = math.ceil(0.975 * resamples) - 1
    reach = [min(MOST, max(LEAST, ratio / quantile)) * quantile for ratio in (ratios[place], -ratios[-1 - place])]
    below, above = (each * moves.std(ddof=1) / math.sqrt(n) for each in reach)
    return mean - below, mean + above


def check(results: Path, cells: list[dict[str, Any]], resamples: int) -> None:
    """Every number of the given cells follows from the rows, in full precision and as the page prints it.

    Args:
        resamples: of the bootstrap, as the scale has them.
    """
    page = (results / "ledger" / "index.html").read_text(encoding="utf-8")
    for cell in cells:
        rows = rows_of(results, cell["id"])
        assert cell["mean"] == pytest.approx(rows.value.mean(), rel=1e-12), cell["id"]
        assert (cell["frames"], cell["videos"]) == (len(rows), rows.video.nunique())
        assert cell["here"] == f"{rows.value.mean():.3f}"
        if rows.video.nunique() > 1:
            _, *column = cell["id"].split(".")[1:]
            group, metric = column if len(column) == 2 else ("all", *column)
            table, row = cell["id"].split(".")[:2]
            ends = interval(rows, resamples, "score", ROWS_OF[f"{table}.{row}"], "given", group, metric)
            assert (cell["low"], cell["high"]) == pytest.approx(ends, rel=1e-9)
            assert cell["interval"] == f"[{ends[0]:.3f}, {ends[1]:.3f}]"
        else:
            assert cell["low"] is None
        without = {sample: rows.value[rows["sample"] != sample].mean() for sample in sorted(rows["sample"].unique())}
        most = max(without, key=lambda sample: round(abs(rows.value.mean() - without[sample]), 12))
        if len(without) == 1:
            assert cell["moved"] is None, "without its only sample a cell has no mean"
            continue
        moved, mine = cell["moved"], rows[rows["sample"] == most]
        assert moved["sample"] == most
        assert moved["without"] == pytest.approx(without[most], rel=1e-12)
        assert moved["mean"] == pytest.approx(mine.value.mean(), rel=1e-12)
        assert moved["values"] == {str(k): pytest.approx(v) for k, v in mine.groupby("frame").value.mean().items()}
        entry = page.split(f'<article id="{cell["id"]}"')[1].split("</article>")[0]
        assert f"{len(rows):,} values of {rows.video.nunique():,} source video" in entry
        assert f"{mine.value.mean():.4f} over {mine.frame.nunique()} frames" in entry
        assert f"would be {without[most]:.4f}" in entry


def test_ten_cells_drawn_at_random_follow_from_the_rows(results: Path) -> None:
    cells = drawn(results)
    check(results, cells, METRICS.bootstrap)
    assert sum(cell["moved"] is not None for cell in cells) >= DRAWN / 2


def test_a_wrong_number_would_be_found(results: Path) -> None:
    (cell, *_) = drawn(results)
    with pytest.raises(AssertionError):
        check(results, [cell | {"mean": cell["mean"] + 1e-6}], METRICS.bootstrap)
    with pytest.raises(AssertionError):
        check(results, [cell | {"frames": cell["frames"] + 1}], METRICS.bootstrap)
