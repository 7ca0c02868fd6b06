"""The phase `dataset`: its files, which load nothing from elsewhere and are the same every time."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.card_project import PARAMS, card_project, copied
from tests.unit.report_project import PROJECT
from tgvac.card import dataset_stage
from tgvac.card.facts import read_facts
from tgvac.card.fields import PUBLISHED
from tgvac.card.histograms import draw_figures, most, whole_edges, words_of
from tgvac.card.sheet import contact_sheet, drawn
from tgvac.clips.tables import read_arrow
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

TABLES = ("table1", "counts", "truth", "masks", "splits", "captions", "selection")
FIGURES = ("occlusion", "lengths", "categories", "captions")
AGAIN = """
from pathlib import Path
from tests.unit.card_project import PARAMS
from tgvac.card import dataset_stage
from tgvac.stage import Context
ctx = Context(Path({root!r}), "fake", "dataset", "")
dataset_stage.run(ctx, dataset=PARAMS.dataset, select=PARAMS.select, metrics=PARAMS.metrics)
"""


def run(ctx: Context) -> None:
    dataset_stage.run(ctx, dataset=PARAMS.dataset, select=PARAMS.select, metrics=PARAMS.metrics)


def contents(ctx: Context) -> dict[str, bytes]:
    return {p.relative_to(ctx.out).as_posix(): p.read_bytes() for p in sorted(ctx.out.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    made = card_project(tmp_path_factory.mktemp("project"))
    run(made)
    return made


def test_all_documented_files_are_there_and_in_the_index(ctx: Context) -> None:
    expected = {"index.html", "README.md", "croissant.json", "figures/sheet.png"}
    expected |= {f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "html", "tex")}
    expected |= {f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")}
    expected |= {f"data/{name}.parquet" for name in PUBLISHED}
    assert set(read_index(ctx.out / "index.json")) == expected
    assert set(contents(ctx)) == expected | {"index.json"}
    assert not (ctx.results / ".dataset.part").exists()


def test_another_process_writes_the_same_bytes(ctx: Context, tmp_path: Path) -> None:
    again = copied(ctx, tmp_path)
    (again.out / "left.txt").write_text("of an earlier run")
    done = subprocess.run(
        [sys.executable, "-c", AGAIN.format(root=str(again.root))],
        cwd=PROJECT,
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert contents(again) == contents(ctx)


def test_page_and_card_have_the_digest_of_the_worlds_generator(ctx: Context) -> None:
    for name in ("index.html", "README.md"):
        assert "feed" * 16 in (ctx.out / name).read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_comes_from_data(ctx: Context) -> None:
    text = (ctx.out / "index.html").read_text(encoding="utf-8")
    # SVG names its own namespace by an address; none is loaded.
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<script" not in text
    # The sheet and a strip of each of six videos; four figures.
    assert text.count("data:image/png;base64,") == 1 + 6
    assert text.count("data:image/svg+xml;base64,") == len(FIGURES)
    for title in ("Table 1, rule by rule", "Selection against the truth", "Splits", "Captions"):
        assert title in text


def test_published_tables_are_those_of_their_phases_and_each_column_is_explained(ctx: Context) -> None:
    kinds = {"text": "string", "integer": "int64", "number": "double"}
    for name, table in PUBLISHED.items():
        source = ctx.results / table.phase / f"{name}.parquet"
        assert (ctx.out / "data" / f"{name}.parquet").read_bytes() == source.read_bytes()
        formats = {"recipes": "tgvac-recipe-3", "occlusion": "tgvac-occlusion-1", "captions": "tgvac-captions-2"}
        schema = read_arrow(source, formats[name]).schema
        assert {f.name: str(f.type) for f in schema} == {n: kinds[f.kind] for n, f in table.fields.items()}


def test_figures_have_no_date_and_change_with_the_data(ctx: Context) -> None:
    facts = read_facts(ctx)
    found = draw_figures(facts, PARAMS.dataset)
    for name, (png, svg) in found.items():
        assert b"tEXt" not in png, name
        assert b"<dc:date>" not in svg, name
    other = draw_figures(facts, PARAMS.dataset.model_copy(update={"rate_bins": 3}))
    assert other["occlusion"] != found["occlusion"]
    assert other["captions"] == found["captions"]


def test_figures_are_drawn_without_data(ctx: Context) -> None:
    facts = dataclasses.replace(read_facts(ctx), recipes=[], stretches=[], captions={}, selection=[])
    for png, _ in draw_figures(facts, PARAMS.dataset).values():
        assert png.startswith(b"\x89PNG")


def test_bins_of_whole_numbers_have_equal_width_and_cover_all_values() -> None:
    assert whole_edges([14, 18], 20).tolist() == [13.5, 14.5, 15.5, 16.5, 17.5, 18.5]
    assert whole_edges([1, 100], 10).tolist() == [0.5 + 10 * i for i in range(11)]
    assert whole_edges([7], 3).tolist() == [6.5, 7.5]


def test_the_counts_beyond_the_limit_are_one_bar() -> None:
    counts = {"dog": 4, "cat": 4, "eel": 2, "ape": 1}
    assert list(most(counts, 2).items()) == [("cat", 4), ("dog", 4), ("all others", 3)]
    assert most(counts, 4) == counts


def test_words_are_counted_without_case_and_punctuation() -> None:
    assert words_of("A dog's RED tail, to-and-fro (twice) $x_1$") == [
        *("a", "dog's", "red", "tail", "to-and-fro", "twice", "x", "1"),
    ]


def test_samples_come_from_as_many_source_videos_as_possible_in_a_fixed_order(ctx: Context) -> None:
    recipes = read_facts(ctx).recipes
    assert len({r.video for r in drawn("x", recipes, 3)}) == 3
    assert sorted(r.recipe for r in drawn("x", recipes, 99)) == [r.recipe for r in recipes]
    assert drawn("x", recipes[::-1], 5) == drawn("x", recipes, 5)
    assert [r.recipe for r in drawn("x", recipes, 6)] != [r.recipe for r in drawn("y", recipes, 6)]


def test_the_contact_sheet_shows_pictures_enlarged_by_whole_pixels_or_shrunk(ctx: Context) -> None:
    facts = read_facts(ctx)
    clips = RecipeClips(facts.recipes, track_opener(ctx))
    sizes = {}
    for side in (16, 64, 79):
        params = PARAMS.dataset.model_copy(update={"sheet_side": side, "sheet_columns": 2})
        sizes[side] = contact_sheet(facts.recipes[:3], clips, params).shape[0]
    # Frames of 24 x 32 in two rows: twice as large, the same because no whole factor fits, half as large.
    assert sizes[64] - sizes[16] == 2 * (48 - 12)
    assert sizes[79] == sizes[64]


def test_the_sheet_on_disk_is_not_blank(ctx: Context) -> None:
    with Image.open(ctx.out / "figures" / "sheet.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
