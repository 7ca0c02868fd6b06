"""Table 2 and the table of bins, computed again from ``rows.parquet`` by pandas alone, and compared digit by digit."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

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
    """A cell as it should be printed: the mean over frames, with Student's interval, which a bootstrap stretches.

    A video's part is how far the mean moves without it, times one less than the number of videos.
    """
    (metric, form), (group, inside) = DIGITS[column].split(), FRAMES[heading]
    of = rows[(rows.method + "/" + rows.variant == name) & (rows.metric == metric) & inside(rows.rate)].dropna()
    videos = sorted(of.video.unique())
    if len(videos) < 2:
        return f"{of.value.mean():{form}} [–]" if len(of) else "–"
    parts = np.array([of.value.mean() - of[of.video != video].value.mean() for video in videos]) * (len(videos) - 1)
    error = parts.std(ddof=1) / math.sqrt(len(videos))
    draws = drawn("bootstrap", "score", name, "given", group, metric)
    taken = parts[draws.integers(0, len(videos), (METRICS.bootstrap, len(videos)))] - parts.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sort(np.nan_to_num(taken.mean(1) / (taken.std(axis=1, ddof=1) / math.sqrt(len(videos)))))
    counts = of.groupby("video").value.size()
    student = t.ppf(0.975, max(2, counts.sum() ** 2 / (counts**2).sum()) - 1)
    ends = []
    for side, tail in ((-1, ratios), (1, -ratios[::-1])):
        stretch = np.clip(tail[math.ceil(0.975 * len(tail)) - 1] / student, 1, 1.5)
        ends.append(of.value.mean() + side * stretch * student * error)
    return f"{of.value.mean():{form}} [{ends[0]:{form}}, {ends[1]:{form}}]"


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
