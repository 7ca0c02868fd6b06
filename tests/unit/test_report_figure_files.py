"""The figures of a report: their files, what they show, and what the page says."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from tests.unit.report_project import EVALUATION, METHOD_PARAMS, METRICS, REPORT, report_project, run_report
from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import Row, read_frame, write_rows
from tgvac.completion.params import EvaluationParams
from tgvac.report import figure_files
from tgvac.report.figure_drawing import Part, still
from tgvac.report.figure_files import FigureDrawer
from tgvac.report.figures import Figure, load_figures
from tgvac.report.page import Drawn
from tgvac.report.samples import occlusion_rates
from tgvac.report.scores import Measured
from tgvac.shards import read_index
from tgvac.stage import Context


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return report_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def out(project: Context) -> Path:
    run_report(project)
    return project.out


def draw(
    ctx: Context, figures: dict[str, Figure], evaluation: EvaluationParams = EVALUATION
) -> tuple[dict[str, Drawn], list[Path]]:
    numbers = Measured(read_frame(ctx.results / "metrics" / "rows.parquet"), METRICS, "given")
    every = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    drawer = FigureDrawer(
        ctx, REPORT, evaluation, METHOD_PARAMS, numbers, every, occlusion_rates(ctx, every), "stand-ins"
    )
    drawn, files = drawer.draw(figures)
    return {each.name: each for each in drawn}, files


def listed() -> dict[str, Figure]:
    return dict(load_figures(Path(__file__).resolve().parents[2] / "reference" / "figures.yaml"))


def without(*methods: str) -> EvaluationParams:
    return EVALUATION.model_copy(update={"methods": tuple(m for m in EVALUATION.methods if m not in methods)})


def test_each_figure_has_a_picture_a_video_and_latex_in_the_index(out: Path) -> None:
    index = read_index(out / "index.json")
    for name in ("figure4", "figure5", "figure6", "figureI", "figureIX", "motion"):
        assert {f"figures/{name}.{suffix}" for suffix in ("png", "mp4", "tex")} <= set(index)
    assert "figures/samples.csv" in index


def test_the_list_of_samples_is_the_rule_s_choice(project: Context, out: Path) -> None:
    rows = list(csv.DictReader((out / "figures" / "samples.csv").read_text(encoding="utf-8").splitlines()))
    scores = read_frame(project.results / "metrics" / "rows.parquet")
    ours = scores[(scores["method"] == "ours") & (scores["variant"] == "full") & (scores["metric"] == "lpips")]
    means = ours[ours["rate"] > 0].groupby("sample")["value"].mean()
    rates = ours.groupby("sample")["rate"].mean()
    hard = [sample for sample in means.index if rates[sample] >= METRICS.hard_from]
    worst = next(row for row in rows if row["figure"] == "figureIX")
    best = next(row for row in rows if row["figure"] == "figureVIII")
    assert means[best["sample"]] == min(means[hard])
    assert means[worst["sample"]] == max(means[hard])
    assert worst["lpips"] == f"{means[worst['sample']]:.4f}"
    assert (worst["place"], worst["rank"], worst["among"]) == ("worst", worst["among"], worst["among"])
    assert all(row["rank"] == "" for row in rows if row["place"] == "drawn")


def test_a_method_that_the_scale_lacks_has_no_row_and_the_caption_says_so(
    project: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_parts: list[Part] = []

    def recording(parts: list[Part], shown: int, zoom: int) -> np.ndarray:
        drawn_parts.extend(parts)
        return still(parts, shown, zoom)

    monkeypatch.setattr(figure_files, "still", recording)
    drawn, _ = draw(project, {"figure4": listed()["figure4"]})
    assert [layer.label for layer in drawn_parts[0].layers] == [
        *("Input", "Visible part", "Copy from other frames (trivial baseline)", "Ours", "Truth")
    ]
    assert drawn_parts[0].layers[3].note.startswith("LPIPS 0.")
    assert any(
        "“ProgressiveAmodal” (progressive) and “Pix2Gestalt” (pix2gestalt)" in sentence
        for sentence in drawn["figure4"].caption
    )


def test_a_figure_whose_methods_are_missing_says_so_and_has_no_files(project: Context) -> None:
    drawn, files = draw(project, listed(), without("ours/no_text"))
    assert drawn["figure6"].picture is None
    (reason,) = drawn["figure6"].caption
    assert reason == ("Not drawn: “Ours without text” (ours/no_text), which this scale does not evaluate.")
    assert not [path for path in files if path.stem == "figure6"]
    assert [path for path in files if path.stem == "figure4"]


def test_the_page_says_why_a_figure_is_not_drawn(tmp_path: Path) -> None:
    ctx = report_project(tmp_path)
    scores = read_frame(ctx.results / "metrics" / "rows.parquet")
    kept = scores[scores["metric"] != "lpips"].to_dict("records")
    write_rows(ctx.results / "metrics" / "rows.parquet", [Row(**row) for row in kept])
    run_report(ctx)
    page = unescape((ctx.out / "index.html").read_text(encoding="utf-8"))
    assert "<strong>Figure IV.</strong> Additional Qualitative Comparison 1.</figcaption>" in page
    reason = "Not drawn: no evaluated sample has the class and the LPIPS of “Ours” that its rule asks for."
    assert f"<strong>Figure VI.</strong> Additional Qualitative Comparison 3. {reason}" in page
    assert not (ctx.out / "figures" / "figureVI.png").exists()


def test_a_figure_without_a_sample_that_fits_says_so(project: Context) -> None:
    of = Figure.model_validate(listed()["figure4"].model_dump() | {"ranked_by": "ours/full", "beside": ()})
    scores = read_frame(project.results / "metrics" / "rows.parquet")
    numbers = Measured(scores[scores["metric"] != "lpips"], METRICS, "given")
    every = read_recipes(project.results / "synthesis" / "recipes.parquet")
    drawer = FigureDrawer(
        project, REPORT, EVALUATION, METHOD_PARAMS, numbers, every, occlusion_rates(project, every), "stand-ins"
    )
    (drawn,), files = drawer.draw({"figure4": of})
    assert drawn.caption == (
        "Not drawn: no evaluated sample has the class and the LPIPS of “Ours” that its rule asks for.",
    )
    assert [path.name for path in files] == ["samples.csv"]


def test_the_order_of_methods_changes_no_byte(project: Context) -> None:
    names = ("figure4", "figure6", "figureI")
    figures = {name: figure for name, figure in listed().items() if name in names}
    kept = {path: path.read_bytes() for path in draw(project, figures)[1]}
    turned = EVALUATION.model_copy(update={"methods": tuple(reversed(EVALUATION.methods))})
    assert {path: path.read_bytes() for path in draw(project, figures, turned)[1]} == kept


def test_a_figure_shows_at_most_its_own_number_of_frames(project: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def recording(path: Path, frames_FHW3: np.ndarray, fps: int) -> None:
        lengths.append(len(frames_FHW3))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    monkeypatch.setattr(figure_files, "write_mp4", recording)
    figure = listed()["figureI"]
    draw(project, {"a": figure.model_copy(update={"frames": 3}), "b": figure})
    assert lengths == [3, EVALUATION.frames]


def test_the_page_has_every_figure_with_its_rule_and_its_text_escaped(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="figures"') : page.index('<section id="samples"')]
    assert re.findall(r'<figure id="(\w+)"', section) == list(listed()) == re.findall(r'href="#(\w+)"', section)
    videos = re.findall(r"<video [^>]*>", section)
    assert videos
    assert all({"loop", "autoplay", "muted", "playsinline", "controls"} <= set(video.split()) for video in videos)
    assert section.count('loading="lazy"') == len(videos) == section.count('tabindex="0"') / 2
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]{12})', section))
    text = unescape(section)
    assert "Samples by rule: the median of the easy samples; the median of the hard samples." in text
    assert "Additional Qualitative Comparison 6." in text
    assert "<script" not in section
