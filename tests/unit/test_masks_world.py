"""Generated masks of a small world against its ground truth: they are good, and refinement improves them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import make_project
from tests.unit.params_project import overlay
from tgvac.bridge.runner import run_phase
from tgvac.clips.tables import read_table
from tgvac.masks.join_quality import QUALITY_FORMAT
from tgvac.report.masks_table import masks_table

SCALE = """
extends: tiny
sources:
  use: [world_youtube_vos, world_lasot]
  pairs: []
  world: {seed: 31, videos: {davis: 1, youtube_vos: 6, lasot: 6}, frames: 21}
frame: {pairs_share: 0.0}
shards: {data: 1}
"""


@pytest.fixture(scope="module")
def quality(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One row per track, from the phases as the workflow runs them."""
    root = make_project(tmp_path_factory.mktemp("world") / "project")
    overlay(root, SCALE, "world")
    for name in ("sources", "tracks", "masks"):
        run_phase(root, name, "world", None, False, {}, {}, "cpu")
    return read_table(root / "results" / "world" / "masks" / "quality.parquet", QUALITY_FORMAT)


@pytest.mark.parametrize(("segmenter", "least"), [("flow", 0.7), ("grabcut", 0.85)])
def test_masks_are_good_and_refinement_raises_their_overlap_with_the_truth(
    quality: list[dict[str, Any]], segmenter: str, least: float
) -> None:
    rows = [row for row in quality if row["segmenter"] == segmenter and row["frames"]]
    assert len(rows) >= 5
    raw, refined = (sum(row[key] for row in rows) / len(rows) for key in ("iou_raw", "iou_refined"))
    assert least < raw < refined < 1


def test_the_table_has_a_row_for_each_source_and_segmenter(quality: list[dict[str, Any]]) -> None:
    rows = masks_table(quality).rows
    assert [[cell.text for cell in row.cells[:2]] for row in rows] == [
        ["world_lasot", "grabcut"],
        ["world_youtube_vos", "flow"],
    ]
