"""The parts of a report: verdicts, choice of samples, tables, curves."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.report_project import EVALUATION, METHOD_PARAMS, METRICS, report_project
from tgvac.clips.clip import Clip
from tgvac.clips.rows import read_frame
from tgvac.metrics.aggregate import Estimate
from tgvac.report.ablations import streams_table, strides_table
from tgvac.report.basis import basis_of
from tgvac.report.choice import choose
from tgvac.report.comparisons import _against
from tgvac.report.curves import Run, _ticks, charts
from tgvac.report.draws_table import DRAWS, draws_table
from tgvac.report.methods import START, answer_to, of_quality
from tgvac.report.more_scores import more_scores_table
from tgvac.report.paper import load_paper
from tgvac.report.samples import Sample
from tgvac.report.score_tables import HERE, mark
from tgvac.report.scores import SCORES, Measured, Score, outside
from tgvac.report.sheets import Tiles, sheet
from tgvac.report.strips import spaced, strip
from tgvac.report.table2 import quality_table
from tgvac.report.tables import Cell, Column, Table, missing, to_csv, to_html, to_markdown
from tgvac.report.tables import Row as TableRow


def test_only_pretrained_backbones_on_the_papers_sources_are_comparable() -> None:
    assert not basis_of("train", ("davis",)).comparable
    assert not basis_of("pretrained", ("davis", "world")).comparable
    assert not basis_of("unknown", ("davis",)).comparable
    assert basis_of("pretrained", ("davis", "lasot")).comparable


def _sign(value: Estimate, score: Score) -> str:
    return mark(outside(value, 0.02), score)


def test_the_word_reproduced_is_only_for_pretrained_backbones_on_the_papers_sources() -> None:
    def words(origin: str, *sources: str) -> list[str]:
        return [basis_of(origin, sources).verdict_of(verdict) for verdict in ("holds", "fails", "undecided")]

    assert words("train", "world") == ["holds in the world", "fails in the world", "undecided"]
    assert words("pretrained", "world") == ["holds in the world", "fails in the world", "undecided"]
    assert words("train", "davis") == ["holds with stand-ins", "fails with stand-ins", "undecided"]
    assert words("pretrained", "davis", "world") == ["holds here", "fails here", "undecided"]
    assert words("unknown", "davis") == ["holds here", "fails here", "undecided"]
    assert words("pretrained", "davis") == ["reproduced", "not reproduced", "inconclusive"]


def test_published_rows_correspond_to_measured_methods() -> None:
    methods = ("ours/full", "ours/hop2", "pix2gestalt/faithful", "pix2gestalt/same_noise", "copy_visible/long")
    assert answer_to("table2.ours", methods) == answer_to("table3.mask_and_text", methods) == "ours/full"
    assert answer_to("table2.pix2gestalt", methods) == "pix2gestalt/faithful"
    assert answer_to("table2.progressive", methods) is None
    assert answer_to("table1.instances", methods) is None
    assert of_quality(methods, METHOD_PARAMS) == ("ours/full", "pix2gestalt/faithful", "pix2gestalt/same_noise")


def test_a_verdict_needs_enough_source_videos_and_comparable_numbers() -> None:
    up, down = SCORES[0], SCORES[1]
    assert [_sign(Estimate(0.1, 0.05, 0.2, 9, 60), score) for score in (up, down)] == [" ✓", " ✗"]
    assert [_sign(Estimate(-0.1, -0.2, -0.05, 9, 60), score) for score in (up, down)] == [" ✗", " ✓"]
    assert _sign(Estimate(0.1, -0.1, 0.2, 9, 60), up) == ""
    assert _sign(Estimate(0.1, 0.01, 0.2, 9, 60), up) == "", "it may be less than the smallest of interest"
    assert _sign(Estimate(0.1, 0.05, 0.2, 8, 60), up) == "", "too few source videos"
    real, stand_in = basis_of("pretrained", ("davis",)), basis_of("train", ("davis",))
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[0].text == "-0.010"
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[1] == "the paper's number is in our interval"
    assert _against(Estimate(0.10, 0.09, 0.11, 9, 90), 0.14, down, real)[1] == "better than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, real)[1] == "worse than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 2, 90), 0.93, up, real)[1].startswith("too few source videos")
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, stand_in)[1] == stand_in.verdict
    assert _against(Estimate(math.nan, math.nan, math.nan, 0, 0), 0.93, up, real)[1] == "not measured"


def test_of_each_class_the_median_the_best_and_the_worst_are_chosen() -> None:
    values = {"a": 5.0, "b": 1.0, "c": 9.0, "d": 3.0, "e": 7.0, "x": 2.0, "y": 2.0, "gone": 4.0}
    rates = {name: [0.2, 0.6] for name in "abcde"} | {name: [0.4, math.nan, 0.9] for name in "xy"}
    rates["gone"] = [math.nan]
    chosen = choose(values, rates, 0.5, 3)
    assert [(c.sample, c.group, c.why, c.rank, c.of) for c in chosen] == [
        ("a", "easy", ("median",), 3, 5),
        ("c", "easy", ("best",), 5, 5),
        ("b", "easy", ("worst",), 1, 5),
        # With two ties, the smaller id has all three places.
        ("x", "hard", ("median", "best", "worst"), 1, 2),
    ]
    assert [c.sample for c in choose(values, rates, 0.5, 1)] == ["a", "x"]
    assert choose(values, rates, 0.5, 0) == []
    more = choose(values, rates, 0.5, 5)
    assert [(c.sample, c.why) for c in more if c.group == "easy"] == [
        *[("a", ("median",)), ("c", ("best",)), ("b", ("worst",)), ("d", ("between",))],
    ]
    assert [c.sample for c in choose({"z": 1.0}, {"z": [0.9]}, 0.5, 3)] == ["z"]


def test_frames_of_a_strip_are_evenly_spaced() -> None:
    assert spaced(18, 6) == [0, 3, 6, 10, 13, 17]
    assert spaced(3, 6) == [0, 1, 2]
    assert spaced(5, 1) == [0]


def test_a_sheet_is_filled_row_by_row_with_small_pictures_enlarged_and_large_ones_shrunk() -> None:
    samples = [Tiles("s", "", [np.full((10, 10, 3), 10 * n + k, np.uint8) for k in range(2)]) for n in range(3)]
    drawn = sheet(samples, 2, 45)
    found = [(int(y), int(x)) for v in (0, 1, 10, 11, 20, 21) for y, x in [np.argwhere((drawn == v).all(-1))[0]]]
    assert [(drawn == v).all(-1).sum() for v in (0, 1, 10, 11, 20, 21)] == [40 * 40] * 6
    first, beside, second, _, below, _ = found
    assert first[0] == beside[0] == second[0] < below[0]
    assert first[1] == below[1] < beside[1] < second[1]
    large = sheet([Tiles("s", "", [np.zeros((90, 60, 3), np.uint8)])], 1, 45)
    assert (large == 0).all(-1).sum() == 45 * 30


def test_each_method_has_its_own_psnr_below_its_name() -> None:
    grey_FHW3, mask_FHW = np.full((2, 64, 64, 3), 99, np.uint8), np.full((2, 64, 64), 255, np.uint8)
    clip = Clip("s", "v", "t", grey_FHW3, mask_FHW, grey_FHW3, mask_FHW, 0 * mask_FHW)
    completions = {"ours/full": grey_FHW3, "copy_visible/plain": grey_FHW3}
    plain, first, second = (
        strip(Sample(clip, "a grey square", 0.0, completions, values), 2, 1)
        for values in ({}, {"ours/full": 12.34}, {"ours/full": 12.31})
    )
    changed_H = (plain != first).any(axis=(1, 2))
    # Rows from the top: input, visible part, ours, copy, truth; each 64 pixels and a gap; the input has rates below.
    third = changed_H.size - 3 * 70 - 19
    assert changed_H[third : third + 70].any()
    assert not changed_H[:third].any()
    assert not changed_H[third + 70 :].any()
    np.testing.assert_array_equal(first, second)  # 12.34 and 12.31 dB are shown with one digit


def test_tables_escape_and_number_their_notes() -> None:
    rows = (TableRow((Cell("a|b <i>"), missing("no <data>"))), TableRow((Cell("c"), missing("no <data>")), "Part"))
    table = Table("t", "T & U", (Column("x", number=False), Column("y", "G")), rows)
    html = to_html(table)
    assert "a|b &lt;i&gt;" in html
    assert html.count("<sup>1</sup>") == 2
    assert html.count("<li>") == 1
    assert "a\\|b &lt;i&gt;" in to_markdown(table)
    assert to_csv(table).splitlines()[0] == "Section,x,G: y"
    assert "– (no <data>)" in to_csv(table)
    with pytest.raises(ValueError, match="cells"):
        Table("t", "T", (Column("x"),), rows)


def test_curves_are_short_and_have_round_ticks() -> None:
    events = [{"step": float(s), "loss": float("nan") if s == 3 else 1.0 / s, "lr": 1e-4} for s in range(1, 5000)]
    drawn = charts([Run("a<b", events), Run("one", events[:1])])
    assert len(drawn) == 2
    assert all(len(svg) < 12_000 and "nan" not in svg for svg in drawn)
    assert _ticks(0, 1.1) == [0.0, 0.5, 1.0]
    assert _ticks(0, 0) == [0.0, 0.5, 1.0]
    assert charts([Run("empty", [])]) == []


def test_a_run_without_ablations_names_the_rows_it_lacks(tmp_path: Path) -> None:
    project = report_project(tmp_path)
    paper = load_paper(project.root / "reference" / "paper.yaml")
    basis = basis_of("train", ("world",))
    numbers = Measured(read_frame(project.results / "metrics" / "rows.parquet"), METRICS, "given")
    few = EVALUATION.model_copy(update={"methods": ("ours/full", "ours/hop2")})
    streams = streams_table(numbers, paper, basis, few, "")
    strides = strides_table(numbers, paper, basis, few, METHOD_PARAMS)
    assert [row.cells[0].text for row in streams.rows if row.section == HERE] == ["Visible mask ✓, text prompt ✓"]
    assert streams.remarks[-1].startswith("Not evaluated in this run: ours/no_mask, ours/no_text, ours/no_mask_g1")
    assert [row.cells[0].text for row in strides.rows if row.section == HERE] == ["o = 2"]
    assert not any("training of each row started" in remark for remark in streams.remarks)
    started = streams_table(numbers, paper, basis, few, "some/model")
    assert any("training of each row started from some/model, a model" in remark for remark in started.remarks)
    alone = EVALUATION.model_copy(update={"methods": ("ours/full",)})
    none = strides_table(numbers, paper, basis, alone, METHOD_PARAMS)
    assert {row.section for row in none.rows} == {"Published in the paper"}


def test_the_start_of_all_rows_is_a_row_of_its_own_in_table_3_and_in_no_other(tmp_path: Path) -> None:
    project = report_project(tmp_path)
    paper = load_paper(project.root / "reference" / "paper.yaml")
    numbers = Measured(read_frame(project.results / "metrics" / "rows.parquet"), METRICS, "given")
    few = EVALUATION.model_copy(update={"methods": ("ours/full", START)})
    table = streams_table(numbers, paper, basis_of("train", ("world",)), few, "some/model")
    (row,) = [row for row in table.rows if row.section == f"{HERE}, the start of all rows, with guidance"]
    assert row.cells[0].text == "Visible mask ✓, text prompt ✓, before fine-tuning"
    assert START not in of_quality(few.methods, METHOD_PARAMS)
    assert not any("Both streams minus" in row.section and "before" in row.cells[0].text for row in table.rows)


def test_several_samples_have_a_table_of_their_own_and_a_single_one_has_none(tmp_path: Path) -> None:
    project = report_project(tmp_path)
    rows = read_frame(project.results / "metrics" / "rows.parquet")
    ours = rows[(rows.method == "ours") & (rows.variant == "full") & (rows.metric == "hidden_psnr")]
    more = [ours.assign(metric=name) for name in ("hidden_psnr_best", "hidden_psnr_mean", "diversity")]
    numbers = Measured(pd.concat([rows, *more]), METRICS, "given")
    assert draws_table(numbers, METHOD_PARAMS) is None
    twice = {**METHOD_PARAMS, "ours/full": METHOD_PARAMS["ours/full"].model_copy(update={"draws": 2})}
    table = draws_table(numbers, twice)
    assert table is not None
    (row,) = table.rows
    assert row.cells[0].text == "Ours, 2 samples"
    assert row.cells[1].text == row.cells[2].text == row.cells[3].text
    assert [column.label for column in table.columns[1:5]] == [score.label for score in DRAWS]


def test_the_note_under_table_2_says_what_the_truth_itself_has_and_more_has_measured_columns_alone(
    tmp_path: Path,
) -> None:
    project = report_project(tmp_path)
    paper = load_paper(project.root / "reference" / "paper.yaml")
    rows = read_frame(project.results / "metrics" / "rows.parquet")
    ours = rows[(rows.method == "ours") & (rows.variant == "full") & (rows.metric == "clip")]
    still = ours.assign(metric="tc_truth", value=ours["rate"].ge(0.5).map({True: 0.75, False: 0.875}))
    full = Measured(pd.concat([rows, still, ours.assign(metric="clip_box")]), METRICS, "given")
    bare = Measured(rows, METRICS, "given")
    world = basis_of("train", ("world",))
    tables = [quality_table(each, paper, world, EVALUATION, METHOD_PARAMS) for each in (full, bare)]
    said = [[remark for remark in table.remarks if "The truth's own TC" in remark] for table in tables]
    found = [f"{value} in {name} cases" for name, value in (("easy", "0.875"), ("hard", "0.750"))]
    assert said == [
        [f"The truth's own TC on these frames is {' and '.join(found)}: more is stiller than the truth."],
        [],
    ]
    assert {column.label for column in more_scores_table(full, METHOD_PARAMS).columns[1:]} == {"CLIP box↑"}
    assert more_scores_table(bare, METHOD_PARAMS).columns[1:] == ()


def test_table_2_says_whether_a_baseline_is_not_listed_or_has_no_rows_yet(tmp_path: Path) -> None:
    project = report_project(tmp_path)
    paper = load_paper(project.root / "reference" / "paper.yaml")
    numbers = Measured(read_frame(project.results / "metrics" / "rows.parquet"), METRICS, "given")
    few = EVALUATION.model_copy(update={"methods": ("ours/full",)})
    listed, world = ("ours/full", "progressive/oracle"), basis_of("train", ("world",))
    table = quality_table(numbers, paper, world, few, METHOD_PARAMS, listed)
    notes = {row.cells[0].text: str(row.cells[1]) for row in table.rows}
    assert "listed, but its rows are not made yet" in notes["ProgressiveAmodal"]
    assert "evaluation.methods do not list it" in notes["Pix2Gestalt"]
