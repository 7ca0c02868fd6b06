"""The report's tables: cells equal numbers computed by hand, gaps are dashes with a reason."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.unit.report_project import (
    EVALUATED,
    FRAMES,
    METHODS,
    report_project,
    run_report,
)
from tgvac.clip.rows import read_rows
from tgvac.report.scores import SCORES
from tgvac.stage import Context


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return report_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def out(project: Context) -> Path:
    run_report(project)
    return project.out


def _csv(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def _values(ctx: Context, name: str, metric: str, hard: bool) -> list[float]:
    """The values of a cell, straight from the rows."""
    return [
        row.value
        for row in read_rows(ctx.results / "metrics" / "rows.parquet")
        if f"{row.method}/{row.variant}" == name
        and row.metric == metric
        and (row.rate >= 0.5) == hard
        and not math.isnan(row.value)
    ]


def _videos(ctx: Context, name: str, metric: str, hard: bool) -> int:
    """The source videos behind a cell."""
    rows = read_rows(ctx.results / "metrics" / "rows.parquet")
    mine = [row for row in rows if f"{row.method}/{row.variant}" == name and row.metric == metric]
    return len({row.video for row in mine if (row.rate >= 0.5) == hard and not math.isnan(row.value)})


def test_table_2_has_the_means_of_the_rows(project: Context, out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    by_label = {line[1]: dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Measured here"}
    assert list(by_label) == [
        "Ours",
        "Ours without motion",
        "Copy the visible part (floor)",
        "Autoencoder ceiling",
    ]
    names = dict(zip(by_label, METHODS, strict=True))
    checked = 0
    for label, cells in by_label.items():
        for score in SCORES:
            for heading, hard in (("Easy cases", False), ("Hard cases", True)):
                text = cells[f"{heading}: {score.label}"]
                values = _values(project, names[label], score.metric, hard)
                if not values:
                    assert text.startswith("–")
                    continue
                mean, interval = text.split(" ", 1)
                assert float(mean) == pytest.approx(np.mean(values), abs=0.51 * 10**-score.decimals)
                if _videos(project, names[label], score.metric, hard) == 1:
                    assert interval == "[–]"
                else:
                    low, high = map(float, interval.strip("[]").split(", "))
                    assert low <= float(mean) <= high
                checked += 1
        assert cells["Verdict"] == "not comparable; stand-in backbones"
        assert cells["Easy cases: User preference↑"].startswith("– (Published only")
    assert checked == 4 * 2 * len(SCORES) - 1


def test_estimates_are_full_numbers(project: Context, out: Path) -> None:
    with (out / "tables" / "estimates.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 4 * 2 * len(SCORES)
    for line in lines:
        values = _values(project, f"{line['method']}/{line['variant']}", line["metric"], line["class"] == "hard")
        assert int(line["frames"]) == len(values)
        if values:
            assert float(line["mean"]) == pytest.approx(np.mean(values), abs=1e-12)
        else:
            assert line["mean"] == line["low"] == line["high"] == ""
    assert {line["paper"] for line in lines if line["paper_cell"] == "table2.ours.hard.lpips"} == {"0.14"}


def test_a_cell_without_a_value_is_a_dash_with_its_reason(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    ours = dict(
        zip(heads, next(line for line in lines if line[1] == "Ours" and line[0] == "Measured here"), strict=True)
    )
    assert ours["Hard cases: Hidden PSNR↑ (dB)"] == "– (Not defined on any of these frames.)"
    text = "".join(path.read_text(encoding="utf-8") for path in (out / "tables").iterdir())
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)


def test_published_cells_stand_apart_and_unchanged(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    published = [dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Published in the paper"]
    assert [row["Method"] for row in published] == ["ProgressiveAmodal [52]", "Pix2Gestalt [33]", "Ours"]
    assert published[0]["Easy cases: LPIPS↓"] == "0.14"
    assert published[2]["Hard cases: TC↑"] == "0.93"
    assert published[2]["Hard cases: User preference↑"] == "0.82"
    assert published[1]["Easy cases: Amodal IoU↑"].startswith("–")
    text = (out / "tables" / "table2.md").read_text(encoding="utf-8")
    assert "No row of ProgressiveAmodal or Pix2Gestalt is measured here yet" in text


def test_no_difference_to_the_paper_with_stand_ins(out: Path) -> None:
    _, *lines = _csv(out / "tables" / "paper.csv")
    assert len(lines) == 8
    assert lines[0][1] == "0.93"
    assert all(line[3].startswith("–") for line in lines)
    assert {line[4] for line in lines} == {"not comparable; stand-in backbones", "published only"}


def test_table_1_counts_selected_tracks_only(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table1.csv")
    cells = {line[0]: dict(zip(heads, line, strict=True)) for line in lines}
    assert cells["# instances"]["world: here"] == "3"
    assert cells["# object classes"]["world: here"] == "3"
    assert cells["# tracks judged"]["world: here"] == "4"
    assert cells["# synthesized video"]["world: here"] == "6"
    assert cells["# synthesized video, validation"]["world: here"] == "5"
    assert cells["Mean #frames"]["world: here"] == f"{FRAMES}.0"
    assert cells["Mean #frames"]["LaSOT [10]: paper"] == "1,797"
    _, *selection = _csv(out / "tables" / "selection.csv")
    dog = next(line for line in selection if line[0] == "world/dog-4/1")
    assert dog[2:] == ["10", "2", "0", "refused", "whole in too few frames", "touches another object 8"]


def test_frames_are_counted_by_class(project: Context, out: Path) -> None:
    _, *lines = _csv(out / "tables" / "frames.csv")
    counts = {line[0].split(":")[0]: int(line[1]) for line in lines}
    assert counts["All"] == 5 * EVALUATED == counts["Easy"] + counts["Hard"] + counts["Object absent"]
    assert counts["Hard"] == len(_values(project, "ours/full", "clip", True))
