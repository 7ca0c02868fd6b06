"""Marks in tables of differences: beyond the smallest difference of interest, corrected for all cells of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from tests.unit.report_project import METRICS
from tgvac.report.multiple import holm
from tgvac.report.score_tables import Pair, ScoreColumns
from tgvac.report.scores import Measured, Scored, p_outside, score_of

CLIP = score_of("clip")
ONLY_CLIP = ScoreColumns("", (("all", ""),), verdict=False, scores=(CLIP,))


def measured(values: Mapping[str, Sequence[float]], smallest: float) -> Measured:
    """One frame of each source video, by variant."""
    rows = [
        {"scale": "tiny", "method": "m", "variant": variant, "mask_source": "given", "train_seed": 0, "sample_seed": 0}
        | {"sample": f"v{video}/r0", "video": f"v{video}", "frame": 0, "metric": "clip", "rate": 0.2, "value": value}
        for variant, series in values.items()
        for video, value in enumerate(series)
    ]
    metrics = METRICS.model_copy(update={"bootstrap": 2000})
    return Measured(pd.DataFrame(rows), metrics, "given", smallest={"clip": smallest})


def marks(numbers: Measured, others: Sequence[str]) -> list[str]:
    """The marks of ``m/ours`` minus each other variant."""
    asked = [Pair(Scored("m", "ours", "given"), Scored("m", name, "given"), name) for name in others]
    return [row.cells[1].text[-1] for row in ONLY_CLIP.compared(numbers, asked)]


def test_holms_corrected_p_values_are_those_of_r() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R 4.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1])
    first, second = holm([math.nan, 0.04])
    assert math.isnan(first)
    assert second == 0.04


def test_a_mark_needs_more_than_the_smallest_difference_of_interest() -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    ours = draw.normal(0.8, 0.1, 20)
    noise = draw.normal(0, 0.001, 20)
    values = {"ours": ours, "worse": ours - 0.05 + noise, "better": ours + 0.05 + noise, "alike": ours - 0.004 + noise}
    names = ("worse", "better", "alike")
    assert marks(measured(values, 0.005), names) == ["✓", "✗", "4"], "the last has no mark after its digits"
    # Without a smallest difference, a difference of 0.004 is certain.
    assert marks(measured(values, 0), names) == ["✓", "✗", "✓"]


def test_a_mark_is_corrected_for_the_other_cells_of_its_table() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    ours = np.zeros(20)
    noise = draw.normal(0, 1, 20)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    barely = {"ours": ours, "barely": ours - (noise + 0.55)}
    others = {f"other{k}": draw.normal(0, 1, 20) for k in range(9)}
    numbers = measured(barely | others, 0)
    alone = numbers.difference(Scored("m", "ours", "given"), Scored("m", "barely", "given"), CLIP, "all")
    assert 0.005 < p_outside(alone, 0) < 0.05
    assert marks(numbers, ["barely"]) == ["✓"]
    assert "✓" not in marks(numbers, ["barely", *others])


def test_eight_source_videos_have_no_mark_however_clear_the_difference_is() -> None:
    def found(videos: int) -> list[str]:
        return marks(measured({"ours": [0.9] * videos, "other": [0.1] * videos}, 0.005), ["other"])

    assert found(8) == ["0"]
    assert found(9) == ["✓"]
