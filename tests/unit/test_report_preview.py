"""The data set's own page: made of what is there before any training, self-contained, the same every time."""

from __future__ import annotations

import re

import pytest

from tests.unit.report_project import REPORT, report_project
from tgvac.clip.recipe import read_recipes
from tgvac.report.preview import _chosen, write_preview
from tgvac.stage import Context


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Context, str]:
    made = report_project(tmp_path_factory.mktemp("project"))
    ctx = Context(made.root, made.scale, "preview", "")
    write_preview(ctx, REPORT)
    return ctx, (ctx.out / "index.html").read_text(encoding="utf-8")


def test_the_page_shows_samples_and_table_1_and_needs_nothing_from_elsewhere(page: tuple[Context, str]) -> None:
    _, text = page
    assert "Table 1" in text
    assert text.count("<figure>") == text.count("data:image/png;base64,") == 3
    assert not re.search(r"https?://", text)
    assert "<script" not in text


def test_the_page_is_the_same_every_time(page: tuple[Context, str]) -> None:
    ctx, text = page
    write_preview(ctx, REPORT)
    assert (ctx.out / "index.html").read_text(encoding="utf-8") == text


def test_samples_come_from_as_many_source_videos_as_can_be(page: tuple[Context, str]) -> None:
    ctx, _ = page
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    chosen = _chosen(recipes, 2)
    assert len({recipe.video for recipe in chosen}) == 2
    assert [r.mean_rate for r in chosen] == sorted(r.mean_rate for r in chosen)
    assert _chosen(list(reversed(recipes)), 2) == chosen
    assert len(_chosen(recipes, 99)) == len({recipe.video for recipe in recipes})
