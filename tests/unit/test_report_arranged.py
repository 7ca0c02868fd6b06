"""Tables 1 to 4 in the paper's arrangement, training seeds, ranges of occlusion, and the sample that moved a mean."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import stdev

import pandas as pd
import pytest

from tests.unit.report_project import EVALUATION, METHOD_PARAMS, METRICS
from tgvac.report.basis import Basis, basis_of
from tgvac.report.cell_answers import count_answers, score_answers
from tgvac.report.deciles import deciles, deciles_csv, deciles_plot
from tgvac.report.influence import moved_most
from tgvac.report.latex import to_latex
from tgvac.report.paper import Paper, load_paper
from tgvac.report.paper_arrangement import arranged_tables
from tgvac.report.scores import Measured
from tgvac.report.seeds_table import seeds_table
from tgvac.report.tables import Cell, Table, to_csv

PAPER = load_paper(Path(__file__).resolve().parents[2] / "reference" / "paper.yaml")
COMPARABLE = basis_of("pretrained", ("davis", "lasot"))
WORLD = basis_of("train", ("world",))
COUNTS = {"mean_frames": "70.5", "object_classes": "9", "instances": "24", "synthesized_videos": "1,200"}


def rows(values: Iterable[tuple[str, int, str, int, float, float]], metric: str = "lpips") -> pd.DataFrame:
    """Rows of given masks, from (name, seed, sample, frame, rate, value); a sample's video is its first part."""
    return pd.DataFrame(
        {
            "scale": "fake",
            "method": name.partition("/")[0],
            "variant": name.partition("/")[2],
            "mask_source": "given",
            "train_seed": seed,
            "sample_seed": 0,
            "sample": sample,
            "video": sample.partition("-")[0],
            "frame": frame,
            "metric": metric,
            "rate": rate,
            "value": value,
        }
        for name, seed, sample, frame, rate, value in values
    )


def measured(frame: pd.DataFrame) -> Measured:
    return Measured(frame, METRICS, "given")


def arranged(numbers: Measured, basis: Basis, paper: Paper = PAPER) -> dict[str, Table]:
    counts = {source: {row: Cell(text) for row, text in COUNTS.items()} for source in basis.sources}
    answers = score_answers(numbers, paper, basis, EVALUATION)
    answers |= count_answers(paper, basis, basis.sources, counts)
    return {table.name: table for table in arranged_tables(paper, answers, basis, METRICS.confidence)}


def lines(table: Table) -> list[list[str]]:
    return list(csv.reader(to_csv(table).splitlines()))


HARD = [("ours/full", 0, f"v{video}-a", frame, 0.6, 0.1 + 0.01 * video) for video in range(8) for frame in range(3)]


def test_each_table_has_the_papers_rows_and_columns_in_the_papers_order() -> None:
    for name, table in arranged(measured(rows(HARD)), WORLD).items():
        printed = PAPER.tables[name.removeprefix("paper_")]
        assert len(table.columns) == 1 + len(printed.columns)
        sections = list(dict.fromkeys(row.section.partition("; here")[0] for row in table.rows))
        assert sections == [row.label for row in printed.rows.values()]
        for label, row in zip(sections, printed.rows, strict=True):
            (paper,) = [r for r in table.rows if r.section.startswith(label) and r.cells[0].text == "paper"]
            expected = [PAPER.cell(f"{name.removeprefix('paper_')}.{row}.{column}").text for column in printed.columns]
            assert [cell.text for cell in paper.cells[1:]] == expected


def test_a_comparable_run_has_our_number_its_interval_the_difference_and_a_verdict() -> None:
    table = arranged(measured(rows(HARD)), COMPARABLE)["paper_table2"]
    found = {line[1]: line for line in lines(table) if line[0] == "Ours"}
    column = lines(table)[0].index("Hard Cases: LPIPS↓")
    assert found["paper"][column] == "0.14"
    assert found["ours"][column] == "0.135"
    assert found["95 % interval"][column].startswith("[0.1")
    assert found["difference"][column] == "-0.005"
    assert found["verdict"][column] not in ("", "–", "not measured", "not comparable")


def test_a_run_with_stand_ins_has_no_difference_and_says_that_it_is_not_comparable() -> None:
    table = arranged(measured(rows(HARD)), WORLD)["paper_table2"]
    found = {line[1]: line for line in lines(table) if line[0] == "Ours"}
    column = lines(table)[0].index("Hard Cases: LPIPS↓")
    assert found["ours"][column] == "0.135"
    assert found["difference"][column].startswith("– (")
    assert found["verdict"][column] == "not comparable"


def test_a_count_of_the_papers_own_data_set_has_a_difference_and_one_of_the_world_has_none() -> None:
    own = {line[0] + line[1]: line for line in lines(arranged(measured(rows(HARD)), COMPARABLE)["paper_table1"])}
    assert own["# synthesized videodifference"][2] == "+1,080"
    assert own["# instancesverdict"][2] == "as published"
    assert own["# instancesverdict"][3] == "not measured", "the run has no YouTube-VOS"
    world = {line[0] + line[1]: line for line in lines(arranged(measured(rows(HARD)), WORLD)["paper_table1"])}
    assert world["# synthesized videoours"][2] == "1,200"
    assert world["# synthesized videodifference"][2].startswith("– (")
    assert world["# synthesized videoverdict"][2] == "not comparable"


def test_latex_has_a_group_for_each_class_and_a_line_for_each_number() -> None:
    text = to_latex(arranged(measured(rows(HARD)), COMPARABLE)["paper_table2"])
    assert r"\multicolumn{4}{c}{Easy Cases} & \multicolumn{4}{c}{Hard Cases}" in text
    assert r"95 \% interval &" in text
    assert text.count("{l}{\\emph{") == 3


def test_seeds_are_listed_only_of_methods_with_several_trainings_and_spread_is_that_of_their_means() -> None:
    of = [("ours/full", seed, f"v{v}-a", 0, 0.6, 0.1 * seed + 0.01 * v) for seed in (0, 1, 4) for v in range(3)]
    table = seeds_table(measured(rows([*of, ("copy_visible/plain", -1, "v0-a", 0, 0.6, 0.5)])), EVALUATION)
    assert table is not None
    found = {line[1]: line for line in lines(table)}
    assert {line[0] for line in lines(table)[1:]} == {"Ours"}
    assert list(found)[1:] == ["seed 0", "seed 1", "seed 4", "spread"]
    column = lines(table)[0].index("Hard cases: LPIPS↓")
    assert [found[f"seed {s}"][column] for s in (0, 1, 4)] == ["0.010", "0.110", "0.410"]
    assert found["spread"][column] == f"{stdev([0.01, 0.11, 0.41]):.4f} [0.010, 0.410]"
    assert seeds_table(measured(rows(HARD)), EVALUATION) is None


def test_a_frame_is_in_one_range_and_exact_tenths_are_in_the_upper_one() -> None:
    rates = [0.0, 0.3, 0.7, 0.95, 1.0]
    frame = rows([("ours/full", 0, "v0-a", i, rate, float(i)) for i, rate in enumerate(rates)])
    found = [d for d in deciles(measured(frame), METHOD_PARAMS) if d.score.metric == "lpips"]
    assert {(d.low, d.value.mean) for d in found if d.value.frames} == {(0.0, 0.0), (0.3, 1.0), (0.7, 2.0), (0.9, 3.5)}
    assert sum(d.value.frames for d in found) == len(rates)


def test_ranges_are_written_with_empty_fields_and_drawn_to_the_same_bytes_each_time() -> None:
    found = deciles(measured(rows(HARD)), METHOD_PARAMS)
    written = list(csv.DictReader(deciles_csv(found).splitlines()))
    (full,) = [line for line in written if line["mean"]]
    assert (full["from"], full["frames"], full["videos"]) == ("0.6", "24", "8")
    assert float(full["mean"]) == pytest.approx(0.135)
    plot = deciles_plot(found, "given")
    assert plot is not None
    assert plot.startswith(b"\x89PNG")
    assert plot == deciles_plot(found, "given")
    assert deciles_plot([], "given") is None


def test_the_sample_that_moved_a_mean_most_is_the_one_without_which_it_changes_most() -> None:
    frame = rows(
        [("ours/full", 0, f"v{v}-{s}", f, 0.6, 0.2) for v in range(3) for s in "ab" for f in range(4)]
        + [("ours/full", 0, "v9-z", 7, 0.9, 3.0), ("ours/full", 0, "v9-z", 8, 0.8, 1.0)]
        + [("ours/full", 0, "v9-y", 0, 0.9, math.nan)]
    )
    moved = moved_most(frame)
    assert moved is not None
    assert (moved.sample, moved.video, moved.mean, moved.frames) == ("v9-z", "v9", 2.0, (7, 8))
    assert moved.without == pytest.approx(0.2)
    assert moved.shift == pytest.approx((24 * 0.2 + 4) / 26 - 0.2)
    assert moved.rates == {7: 0.9, 8: 0.8}
    assert moved_most(frame[frame["sample"] == "v9-z"]) is None


def test_of_two_samples_that_move_a_mean_as_much_the_smaller_id_is_named() -> None:
    thirds = [("ours/full", 0, f"v0-{s}", f, 0.6, value) for s, value in (("b", 0.1), ("a", 0.7)) for f in range(3)]
    moved = moved_most(rows(thirds))
    assert moved is not None
    assert moved.sample == "v0-a"
