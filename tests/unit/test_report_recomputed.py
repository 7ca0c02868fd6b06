"""Table 2 and the table of bins, computed again from ``rows.parquet`` by pandas alone, and compared digit by digit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.report_project import METRICS, QUALITY, report_project, run_report

DIGITS = {"CLIP↑": "clip .3f", "LPIPS↓": "lpips .3f", "TC↑": "tc .3f", "Amodal IoU↑": "iou .3f"} | {
    "Hidden PSNR↑ (dB)": "hidden_psnr .2f"
}
FRAMES = {
    "Easy cases": ("easy", lambda rate: rate < 0.5),
    "Hard cases": ("hard", lambda rate: rate >= 0.5),
    "All frames": ("all", lambda rate: rate >= 0),
    "Fully visible (0 %)": ("visible", lambda rate: rate == 0),
    "20 to 50 %": ("20-50", lambda rate: (rate >= 0.2) & (rate < 0.5)),
    "50 to 80 %": ("50-80", lambda rate: (rate >= 0.5) & (rate <= 0.8)),
    "Fully hidden (100 %)": ("hidden", lambda rate: rate == 1),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = report_project(tmp_path_factory.mktemp("recomputed"))
    run_report(project)
    return project.results


def drawn(*names: str | int) -> np.random.Generator:
    """The generator of a cell's bootstrap, written again: its seed is the SHA-256 of its names."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return np.random.Generator(np.random.Philox(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1))


def cell(rows: pd.DataFrame, name: str, heading: str, column: str) -> str:
    """A cell as it should be printed: the mean over frames, and quantiles over resampled source videos."""
    (metric, form), (group, inside) = DIGITS[column].split(), FRAMES[heading]
    of = rows[(rows.method + "/" + rows.variant == name) & (rows.metric == metric) & inside(rows.rate)].dropna()
    videos = of.groupby("video").value.agg(["sum", "count"])
    if len(videos) < 2:
        return f"{of.value.mean():{form}} [–]" if len(of) else "–"
    draw, count = drawn("bootstrap", "score", name, "given", group, metric), len(videos)
    taken = [videos.iloc[each].sum() for each in draw.integers(0, count, (METRICS.bootstrap, count))]
    low, high = np.quantile([each["sum"] / each["count"] for each in taken], [0.025, 0.975])
    return f"{of.value.mean():{form}} [{low:{form}}, {high:{form}}]"


def counts(rows: pd.DataFrame, heading: str, column: str) -> str:
    """Frames and source videos behind a column, over all methods."""
    of = rows[(rows.metric == DIGITS[column].split()[0]) & FRAMES[heading][1](rows.rate)].dropna()
    of = of[(of.method + "/" + of.variant).isin(QUALITY)]
    return f"{len(of.drop_duplicates(['sample', 'frame'])):,} ({of.video.nunique():,})"


@pytest.mark.parametrize(("table", "headings"), [("table2", list(FRAMES)[:2]), ("bins", list(FRAMES)[2:])])
def test_every_printed_digit_follows_from_the_rows(results: Path, table: str, headings: list[str]) -> None:
    rows = pd.read_parquet(results / "metrics" / "rows.parquet")
    printed = pd.read_csv(results / "report" / "tables" / f"{table}.csv", dtype=str)
    if table == "table2":
        printed = printed[printed.Section == "Measured here"]
    checked = 0
    for line, name in zip(printed.to_dict("records"), QUALITY, strict=False):
        for heading in headings:
            for column in DIGITS:
                expected, found = cell(rows, name, heading, column), line[f"{heading}: {column}"]
                assert found == expected or (expected == "–" and found.startswith("– (")), (name, heading, column)
                checked += expected != "–"
    assert checked > 40
    behind = pd.read_csv(results / "report" / "tables" / f"{table}.csv", dtype=str)
    (line,) = behind[behind.iloc[:, 1] == "Frames (source videos)"].to_dict("records")
    assert {key: line[key] for key in line if ": " in key and key.split(": ")[1] in DIGITS} == {
        f"{heading}: {column}": counts(rows, heading, column) for heading in headings for column in DIGITS
    }
