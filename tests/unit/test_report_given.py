"""The report's tables of other sentences and of masks with errors: rows, pairs, and where these methods are not."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.report_project import (
    EVALUATION,
    METHOD_PARAMS,
    METRICS,
    REPORT,
    SMOKE,
    STUDY,
    index_shard,
    report_project,
)
from tgvac.clips.archive import zip_writing
from tgvac.clips.rows import Row, read_frame, read_rows, write_rows
from tgvac.methods.params import MethodParams
from tgvac.models.params import VariantParams
from tgvac.report import report_stage
from tgvac.report.captions_table import captions_table
from tgvac.report.given_masks_table import given_masks_table, mask_curves, mask_overlaps
from tgvac.report.methods import of_quality, unchanged
from tgvac.report.scores import Measured
from tgvac.shards import Entry, read_index, write_index
from tgvac.stage import Context
from tgvac.training.params import FrameModelParams

METHODS = {
    **METHOD_PARAMS,
    "ours/caption_category": MethodParams(caption="category"),
    "ours/caption_mismatched": MethodParams(caption="mismatched"),
    "ours/noise1": MethodParams(mask_noise=1.0),
    "ours/noise4": MethodParams(mask_noise=4.0),
    "ours_tracked/mask": MethodParams(),
    "copy_visible/noise4": MethodParams(mask_noise=4.0),
}
NEW = tuple(name for name in METHODS if name not in METHOD_PARAMS)
EVALUATED = EVALUATION.model_copy(update={"methods": (*EVALUATION.methods, *NEW)})
SOURCES = {"noise1": "noisy", "noise4": "noisy", "mask": "tracked"}
WORSE = {name: 0.01 * (1 + k) for k, name in enumerate(NEW)}
"""What is added to each value of the method that they are compared with."""
OVERLAPS = {
    "ours/noise1": [[0.9, 0.8], [None, 0.7]],
    "ours/noise4": [[0.5], [0.3]],
    "ours_tracked/mask": [[0.6], [0.6]],
    "copy_visible/noise4": [[0.5], [0.3]],
}


def reference_of(name: str) -> str:
    return "copy_visible/plain" if name.startswith("copy_visible") else "ours/full"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A scale with these methods: rows a little off those of their reference, and the indices of completions."""
    ctx = report_project(tmp_path_factory.mktemp("given"))
    path = ctx.results / "metrics" / "rows.parquet"
    rows: list[Row] = read_rows(path)
    for name in NEW:
        method, variant = name.split("/")
        mine = [row for row in rows if f"{row.method}/{row.variant}" == reference_of(name)]
        # The mismatched sentence left one sample out.
        gone = min(row.sample for row in mine) if name == "ours/caption_mismatched" else ""
        rows += [
            replace(
                row,
                method=method,
                variant=variant,
                mask_source=SOURCES.get(variant, "given"),
                value=row.value + WORSE[name],
            )
            for row in mine
            if row.sample != gone
        ]
    write_rows(path, rows)
    for name, shards in OVERLAPS.items():
        for number, frames in enumerate(shards):
            shard = ctx.results / "completion" / name / "seed0" / f"shard-{number:03d}.zip"
            with zip_writing(shard):
                pass
            index_shard(ctx, shard)
            index = shard.with_suffix(".json")
            (entry,) = read_index(index).values()
            facts = {"samples": {"s": len(frames)}, "mask_iou": {"s": frames}}
            write_index(index, [Entry(entry.id, entry.file, entry.sha256, entry.bytes, facts)])
    return ctx


@pytest.fixture(scope="module")
def numbers(project: Context) -> Measured:
    return Measured(read_frame(project.results / "metrics" / "rows.parquet"), METRICS, "given")


@pytest.fixture(scope="module")
def out(project: Context) -> Path:
    report_stage.run(
        project,
        report=REPORT,
        metrics=METRICS,
        methods=METHODS,
        evaluation=EVALUATED,
        frame_model=FrameModelParams(start="", start_revision="main"),
        variants={"full": VariantParams()},
        study=STUDY,
        sources=SMOKE.sources,
        synthesis=SMOKE.synthesis,
        sampler=SMOKE.sampler,
    )
    return project.out


def lines(out: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "tables" / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def number(text: str) -> float:
    return float(text.split(maxsplit=1)[0])


def test_other_sentences_stand_below_the_own_one_and_are_compared_with_it(out: Path) -> None:
    table = lines(out, "captions")
    here = {line["Method"]: line for line in table if line["Section"] == "Measured here"}
    assert list(here) == [
        "Ours, told the object's own sentence",
        "Ours, told the category alone",
        "Ours, told of an object of another category",
    ]
    own, category, _ = here.values()
    assert number(category["All frames: LPIPS↓"]) == pytest.approx(
        number(own["All frames: LPIPS↓"]) + WORSE["ours/caption_category"], abs=1.1e-3
    )
    apart = {line["Method"]: line for line in table if line["Section"] == "The object's own sentence minus"}
    # Both differ by the same in every frame, also where one has fewer frames.
    for name in ("ours/caption_category", "ours/caption_mismatched"):
        line = apart[report_label(name)]
        assert number(line["All frames: LPIPS↓"]) == pytest.approx(-WORSE[name], abs=5.1e-4)
    assert any(line["Section"] == "Behind the numbers above" for line in table)


def report_label(name: str) -> str:
    return {
        "ours/caption_category": "Ours, told the category alone",
        "ours/caption_mismatched": "Ours, told of an object of another category",
    }[name]


def test_a_sentence_that_some_samples_lack_is_said_to_have_fewer(numbers: Measured) -> None:
    table = captions_table(numbers, EVALUATED, METHODS)
    assert table is not None
    assert any(remark.startswith("Ours, told of an object of another category has rows of") for remark in table.remarks)
    assert sum(" has rows of " in remark for remark in table.remarks) == 1


def test_masks_are_ordered_by_their_measured_overlap_beside_exact_and_tracked_ones(out: Path) -> None:
    table = lines(out, "given_masks")
    here = [(line["Method"], line["IoU of the given masks"]) for line in table if line["Section"] == "Measured here"]
    assert [(label, overlap.split()[0]) for label, overlap in here] == [
        ("Ours", "1.000"),
        ("Ours, outline off by 1 pixel (noisy masks)", "0.800"),
        ("Ours, from the first frame's mask (tracked masks)", "0.600"),
        ("Ours, outline off by 4 pixels (noisy masks)", "0.400"),
        ("Copy the visible part (trivial baseline)", "1.000"),
        ("Copy the visible part (trivial baseline), noise4 (noisy masks)", "0.400"),
    ]
    apart = [line for line in table if line["Section"] == "With exact masks minus"]
    assert [number(line["All frames: LPIPS↓"]) for line in apart] == pytest.approx(
        [-WORSE[name] for name in OVERLAPS], abs=5.1e-4
    )
    assert [line["IoU of the given masks"] for line in apart] == ["0.800", "0.400", "0.600", "0.400"]


def test_overlaps_are_means_over_the_frames_of_all_shards_and_frames_without_masks_do_not_count(
    project: Context,
) -> None:
    assert mask_overlaps(project, EVALUATED, METHODS) == pytest.approx(
        {"ours/noise1": 0.8, "ours/noise4": 0.4, "ours_tracked/mask": 0.6, "copy_visible/noise4": 0.4}
    )


def test_completions_that_do_not_say_their_masks_have_a_dash_and_a_reason(numbers: Measured) -> None:
    table = given_masks_table(numbers, {}, EVALUATED, METHODS)
    assert table is not None
    here = [row for row in table.rows if row.section == "Measured here"]
    (row,) = [row for row in here if row.cells[0].text.startswith("Ours, outline off by 1")]
    assert row.cells[1].text == "–"
    assert "make them again" in row.cells[1].notes[0]


def test_both_tables_are_sections_of_the_page_and_their_methods_in_no_other_table(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    for anchor in ("captions", "given-masks"):
        assert f'href="#{anchor}"' in page
        assert f'id="{anchor}"' in page
    assert of_quality(NEW, METHODS) == ("ours_tracked/mask",)
    for name in ("table2", "bins", "differences", "more", "table3", "table4"):
        text = (out / "tables" / f"{name}.csv").read_text(encoding="utf-8")
        assert "told" not in text
        assert "noisy" not in text


def test_curves_begin_at_exact_masks_and_leave_tracked_ones_out(project: Context, numbers: Measured, out: Path) -> None:
    found = mask_curves(numbers, mask_overlaps(project, EVALUATED, METHODS), EVALUATED, METHODS)
    assert found is not None
    assert found.names == ("Ours", "Copy the visible part (trivial baseline)")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert len(found.charts) == 3
    for chart in found.charts:
        assert chart in page
        assert "by 1 - IoU of the given masks" in chart
        ours, copied = re.findall(r'<polyline class="line c\d" points="([^"]+)"', chart)
        # IoU of 1, 0.8 and 0.4, and of 1 and 0.4.
        across = [[float(point.split(",")[0]) for point in line.split()] for line in (ours, copied)]
        assert [len(line) for line in across] == [3, 2]
        assert across[0][::2] == across[1]
        assert (across[0][1] - across[0][0]) / (across[0][2] - across[0][0]) == pytest.approx(0.2 / 0.6, abs=0.01)


def test_a_run_without_such_methods_has_neither_table(numbers: Measured) -> None:
    assert mask_curves(numbers, {}, EVALUATION, METHODS) is None
    assert captions_table(numbers, EVALUATION, METHODS) is None
    assert given_masks_table(numbers, {}, EVALUATION, METHODS) is None


def test_a_method_is_compared_with_the_one_that_differs_in_the_key_alone() -> None:
    methods = {**METHODS, "ours/fast": MethodParams(steps=4), "ours/fast_noise": MethodParams(steps=4, mask_noise=1.0)}
    assert unchanged("ours/fast_noise", "mask_noise", methods, methods) == "ours/fast"
    assert unchanged("ours/noise1", "mask_noise", methods, methods) == "ours/full"
    assert unchanged("copy_visible/noise4", "mask_noise", methods, methods) == "copy_visible/plain"
    assert unchanged("ours/fast_noise", "mask_noise", ["ours/full"], methods) is None
