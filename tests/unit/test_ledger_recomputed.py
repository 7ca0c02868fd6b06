"""Numbers of the ledger, computed again from ``rows.parquet`` by pandas alone."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.ledger_project import ledger_project
from tgvac.ledger.write import write_ledger

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


def check(results: Path, cells: list[dict[str, Any]]) -> None:
    """Every number of the given cells follows from the rows, in full precision and as the page prints it."""
    page = (results / "ledger" / "index.html").read_text(encoding="utf-8")
    for cell in cells:
        rows = rows_of(results, cell["id"])
        assert cell["mean"] == pytest.approx(rows.value.mean(), rel=1e-12), cell["id"]
        assert (cell["frames"], cell["videos"]) == (len(rows), rows.video.nunique())
        assert cell["here"] == f"{rows.value.mean():.3f}"
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
    check(results, cells)
    assert sum(cell["moved"] is not None for cell in cells) >= DRAWN / 2


def test_a_wrong_number_would_be_found(results: Path) -> None:
    (cell, *_) = drawn(results)
    with pytest.raises(AssertionError):
        check(results, [cell | {"mean": cell["mean"] + 1e-6}])
    with pytest.raises(AssertionError):
        check(results, [cell | {"frames": cell["frames"] + 1}])
