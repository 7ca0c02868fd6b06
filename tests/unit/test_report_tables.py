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
    LONG,
    METHODS,
    QUALITY,
    UNMEASURED,
    VIDEOS,
    report_project,
    run_report,
)
from tgvac.clips.rows import read_rows
from tgvac.report.scores import MORE, SCORES
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
    """The number of source videos behind a cell."""
    rows = read_rows(ctx.results / "metrics" / "rows.parquet")
    mine = [row for row in rows if f"{row.method}/{row.variant}" == name and row.metric == metric]
    return len({row.video for row in mine if (row.rate >= 0.5) == hard and not math.isnan(row.value)})


def test_table_2_has_the_means_of_the_rows(project: Context, out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    by_label = {line[1]: dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Measured here"}
    assert list(by_label) == [
        "Ours",
        "Ours without motion",
        "Copy the visible part (trivial baseline)",
        "Copy from other frames (trivial baseline)",
        "Fill with the mean colour (trivial baseline)",
        "Autoencoder ceiling",
        "Pix2Gestalt",
        "ProgressiveAmodal",
    ]
    for label in ("Pix2Gestalt", "ProgressiveAmodal"):
        later = by_label.pop(label)
        assert all(text.startswith("– (Not measured here: the scale") for head, text in later.items() if ":" in head)
    names = dict(zip(by_label, QUALITY, strict=True))
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
        assert cells["Easy cases: User preference↑"].startswith("– (No votes of people yet")
    assert checked == 6 * 2 * len(SCORES) - 1


def test_estimates_have_full_precision(project: Context, out: Path) -> None:
    with (out / "tables" / "estimates.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    by_class = [line for line in lines if line["class"] in ("easy", "hard")]
    assert len(by_class) == (len(METHODS) - len(LONG)) * 2 * len((*SCORES, *MORE))
    for line in by_class:
        values = _values(project, f"{line['method']}/{line['variant']}", line["metric"], line["class"] == "hard")
        assert int(line["frames"]) == len(values)
        if values:
            assert float(line["mean"]) == pytest.approx(np.mean(values), abs=1e-12)
        else:
            assert line["mean"] == line["low"] == line["high"] == ""
    published = {line["paper_cell"]: line["paper"] for line in lines if line["paper_cell"]}
    assert published["table2.ours.hard.lpips table3.mask_and_text.hard.lpips"] == "0.14 0.14"
    assert published["table4.stride2.clip"] == "0.91"
    assert {line["class"] for line in lines if f"{line['method']}/{line['variant']}" in LONG} == {"all"}


def test_a_cell_without_a_value_is_a_dash_with_a_reason(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    ours = dict(
        zip(heads, next(line for line in lines if line[1] == "Ours" and line[0] == "Measured here"), strict=True)
    )
    assert ours["Hard cases: Amodal IoU↑"] == "– (Not defined on any of these frames.)"
    text = "".join(path.read_text(encoding="utf-8") for path in (out / "tables").iterdir())
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    stride = _rows_of(out, "table4", "Measured here")["o = 8"]
    assert UNMEASURED == "ours/hop8"
    assert stride["CLIP↑"] == "– (Listed in evaluation.methods, but the run has no rows of it.)"


def test_published_cells_are_separate_and_unchanged(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table2.csv")
    published = [dict(zip(heads, line, strict=True)) for line in lines if line[0] == "Published in the paper"]
    assert [row["Method"] for row in published] == ["ProgressiveAmodal [52]", "Pix2Gestalt [33]", "Ours"]
    assert published[0]["Easy cases: LPIPS↓"] == "0.14"
    assert published[2]["Hard cases: TC↑"] == "0.93"
    assert published[2]["Hard cases: User preference↑"] == "0.82"
    assert published[1]["Easy cases: Amodal IoU↑"].startswith("–")


def test_no_difference_to_the_paper_with_stand_ins(out: Path) -> None:
    _, *lines = _csv(out / "tables" / "paper.csv")
    scores = 24 + 18 + 12
    assert len(lines) == scores
    ours = next(line for line in lines if line[1] == "Ours: Easy Cases, CLIP↑")
    assert ours[2] == "0.93"
    assert ours[3].startswith(_rows_of(out, "table2", "Measured here")["Ours"]["Easy cases: CLIP↑"].split()[0])
    assert all(line[4].startswith("–") for line in lines)
    assert {line[5] for line in lines} == {"not comparable; stand-in backbones", "published only", "not measured"}


def _rows_of(out: Path, table: str, section: str) -> dict[str, dict[str, str]]:
    """The rows of a section of a table, by label; columns by heading."""
    heads, *lines = _csv(out / "tables" / f"{table}.csv")
    return {line[1]: dict(zip(heads[2:], line[2:], strict=True)) for line in lines if line[0] == section}


def _paired(ctx: Context, a: str, b: str, metric: str, hard: bool | None) -> list[float]:
    """Differences frame by frame, straight from the rows."""
    values: dict[str, dict[tuple[str, int], float]] = {a: {}, b: {}}
    for row in read_rows(ctx.results / "metrics" / "rows.parquet"):
        name = f"{row.method}/{row.variant}"
        if name in values and row.metric == metric and hard in (None, row.rate >= 0.5) and not math.isnan(row.value):
            values[name][row.sample, row.frame] = row.value
    return [value - values[b][key] for key, value in values[a].items() if key in values[b]]


def test_table_3_has_the_streams_with_and_without_guidance_and_their_differences(project: Context, out: Path) -> None:
    labels = ["Visible mask ✗, text prompt ✓", "Visible mask ✓, text prompt ✗", "Visible mask ✓, text prompt ✓"]
    here, bare = (_rows_of(out, "table3", f"Measured here{more}") for more in ("", ", without guidance"))
    assert list(here) == labels
    assert list(bare) == [f"{label}, guidance 1" for label in labels]
    text = here[labels[0]]["Hard cases: LPIPS↓"]
    assert float(text.split()[0]) == pytest.approx(np.mean(_values(project, "ours/no_mask", "lpips", True)), abs=5.1e-4)
    minus = _rows_of(out, "table3", "Both streams minus")
    assert list(minus) == labels[:2]
    by_hand = np.mean(_paired(project, "ours/full", "ours/no_text", "tc", True))
    assert float(minus[labels[1]]["Hard cases: TC↑"].split()[0]) == pytest.approx(by_hand, abs=5.1e-4)
    without = _rows_of(out, "table3", "Both streams minus, without guidance")
    by_hand = np.mean(_paired(project, "ours/full_g1", "ours/no_mask_g1", "clip", False))
    first = without[f"{labels[0]}, guidance 1"]["Easy cases: CLIP↑"].split()[0]
    assert float(first) == pytest.approx(by_hand, abs=5.1e-4)
    published = _rows_of(out, "table3", "Published in the paper")
    assert published["Visible Mask ✗, Text Prompt ✓"]["Hard cases: LPIPS↓"] == "0.56"


def test_table_4_has_the_longest_samples_with_a_ceiling_and_a_trivial_baseline_on_the_same_frames(
    project: Context, out: Path
) -> None:
    here = _rows_of(out, "table4", "Measured here")
    assert list(here) == [
        *("o = 2", "o = 4", "o = 8", "none (o = clip length)", "One window over the whole video"),
        *("Copy the visible part (trivial baseline)", "Autoencoder ceiling"),
    ]
    rows = read_rows(project.results / "metrics" / "rows.parquet")
    trivial = [r.value for r in rows if (r.method, r.variant, r.metric) == ("copy_visible", "long", "clip")]
    assert len(trivial) == 2 * EVALUATED
    text = here["Copy the visible part (trivial baseline)"]["CLIP↑"]
    assert float(text.split()[0]) == pytest.approx(np.mean(trivial), abs=5.1e-4)
    minus = _rows_of(out, "table4", "o = 4 minus")
    assert "o = 8" not in minus
    by_hand = np.mean(_paired(project, "ours/hop4", "ours/one_window", "lpips", None))
    text = minus["One window over the whole video"]["LPIPS↓"]
    assert float(text.split()[0]) == pytest.approx(by_hand, abs=5.1e-4)
    counts = _rows_of(out, "table4", "Behind the numbers above")
    assert counts["Frames (source videos)"]["CLIP↑"] == f"{2 * EVALUATED} (1)"
    assert all(row.video == VIDEOS[0] for row in rows if f"{row.method}/{row.variant}" in LONG)
    assert _rows_of(out, "table4", "Published in the paper")["o = N'"]["TC↑"] == "0.86"


def test_methods_of_tables_3_and_4_alone_are_in_no_other_table(out: Path) -> None:
    for name in ("table2", "differences", "bins"):
        text = (out / "tables" / f"{name}.csv").read_text(encoding="utf-8")
        assert "o = 2" not in text
        assert "guidance 1" not in text
        assert "ours/" not in text


def test_methods_are_also_measured_and_compared_over_all_frames(project: Context, out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "differences.csv")
    minus = {line[0]: dict(zip(heads, line, strict=True)) for line in lines}
    trivial = minus["Copy the visible part (trivial baseline)"]["All frames: LPIPS↓"]
    by_hand = np.mean(_paired(project, "ours/full", "copy_visible/plain", "lpips", None))
    assert float(trivial.split()[0]) == pytest.approx(by_hand, abs=5.1e-4)
    heads, *lines = _csv(out / "tables" / "bins.csv")
    ours = dict(zip(heads, next(line for line in lines if line[1] == "Ours"), strict=True))
    rows = read_rows(project.results / "metrics" / "rows.parquet")
    mine = [r.value for r in rows if (r.method, r.variant, r.metric) == ("ours", "full", "lpips") and r.rate >= 0]
    assert float(ours["All frames: LPIPS↓"].split()[0]) == pytest.approx(np.mean(mine), abs=5.1e-4)


def test_finer_bins_have_the_means_of_their_frames(project: Context, out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "bins.csv")
    ours = dict(zip(heads, next(line for line in lines if line[1] == "Ours"), strict=True))
    rows = read_rows(project.results / "metrics" / "rows.parquet")
    for heading, low, high in (("20 to 50 %", 0.2, 0.4999), ("50 to 80 %", 0.5, 0.8)):
        values = [
            row.value
            for row in rows
            if (row.method, row.variant, row.metric) == ("ours", "full", "clip") and low <= row.rate <= high
        ]
        assert float(ours[f"{heading}: CLIP↑"].split()[0]) == pytest.approx(np.mean(values), abs=5.1e-4)
    assert ours["Fully hidden (100 %): CLIP↑"] == "– (No frame measured in fully hidden (100 %).)"


def test_claims_are_judged_with_their_quote_meaning_and_numbers(out: Path) -> None:
    with (out / "tables" / "claims.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len({line["claim"] for line in lines}) == 16
    (untested,) = (line for line in lines if line["section"] == "4.3")
    assert (untested["verdict"], untested["comparison"]) == ("not tested", "")
    assert untested["why"].startswith("The paper shows only pictures")
    clip = [line for line in lines if line["claim"] == "beats_frame_methods_clip"]
    assert [line["comparison"] for line in clip] == [
        f"better table2.ours.{group}.clip table2.{other}.{group}.clip"
        for other in ("pix2gestalt", "progressive")
        for group in ("easy", "hard")
    ]
    assert {(line["published"], line["claim_verdict"], line["verdict"]) for line in clip} == {
        ("holds", "not measured", "not measured")
    }
    assert {line["why"] for line in clip} == {
        *("Not measured: no rows of Pix2Gestalt.", "Not measured: no rows of ProgressiveAmodal."),
    }
    assert not any("reproduced" in line["verdict"] for line in lines)
    page = (out / "tables" / "claims.md").read_text(encoding="utf-8")
    assert page.count("not measured: no rows of Pix2Gestalt") == 4, "once in each claim"
    _, *comparisons = _csv(out / "tables" / "comparisons.csv")
    motion = next(line for line in comparisons if line[0] == "motion_improves_tc" and "hard" in line[1])
    assert motion[1] == "Ours − Ours without motion, hard, TC↑"
    # Three source videos are too few for any verdict.
    assert motion[-1] == "undecided"
    assert {line[-1].split(" (")[0] for line in comparisons} == {"undecided", "not measured"}


def test_table_1_counts_selected_tracks_only(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "table1.csv")
    cells = {line[0]: dict(zip(heads, line, strict=True)) for line in lines}
    assert cells["# instances"]["world: here"] == "3"
    assert cells["# object classes"]["world: here"] == "3"
    assert cells["# tracks judged"]["world: here"] == "4"
    assert cells["# videos left out before selection"]["world: here"] == "2"
    assert cells["# objects of other videos left out before selection"]["world: here"] == "1"
    assert cells["# synthesized video"]["world: here"] == "6"
    assert cells["# synthesized video, validation"]["world: here"] == "5"
    assert cells["Mean #frames"]["world: here"] == f"{FRAMES}.0"
    assert cells["Mean #frames"]["LaSOT [10]: paper"] == "1,797"
    _, *selection = _csv(out / "tables" / "selection.csv")
    dog = next(line for line in selection if line[0] == "world/dog-4/1")
    lead = (out / "tables" / "selection.md").read_text(encoding="utf-8")
    assert "Before selection 2 videos and 1 objects of other videos were left out as faulty or duplicate" in lead
    assert dog[2:] == ["10", "2", "0", "refused", "whole in too few frames", "touches another object 8"]


def test_frames_are_counted_by_class(project: Context, out: Path) -> None:
    _, *lines = _csv(out / "tables" / "frames.csv")
    counts = {line[0].split(":")[0]: int(line[1]) for line in lines}
    assert counts["All"] == 5 * EVALUATED == counts["Easy"] + counts["Hard"] + counts["Object absent"]
    assert counts["Hard"] == len(_values(project, "ours/full", "clip", True))


def test_estimated_masks_are_listed_by_source_and_segmenter(out: Path) -> None:
    heads, *lines = _csv(out / "tables" / "masks.csv")
    (line,) = lines
    cells = dict(zip(heads, line, strict=True))
    assert (cells["Source"], cells["Segmenter"], cells["Tracks"], cells["Frames"]) == (
        "world_lasot",
        "grabcut",
        "2",
        "20",
    )
    assert (cells["IoU as made↑"], cells["IoU refined↑"]) == ("0.600", "0.750")
    assert cells["Verdicts of frames"] == "jump 1, ok 19"
