"""Power and coverage in small: planted effects are decidable, absent ones only where they are certain to be small."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.coverage import Ends, bca, oracle, ours, percentile, sign_flips, skewed, students, taken
from benchmarks.dev_differences import DevVideos
from benchmarks.dev_videos import COLUMNS
from benchmarks.power import Analysis
from tests.unit.report_project import PROJECT
from tgvac.params import load_params
from tgvac.report.claims import load_claims
from tgvac.report.paper import load_paper

NO_TEXT, NO_MASK, NO_MOTION = "table3.mask_only", "table3.text_only", "own.frame_only"
VIDEOS = 40


def better(row: str, column: str, than: str) -> str:
    return f"better {row}.{column} {than}.{column}"


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> DevVideos:
    """Videos whose every second has hard frames: without mask all is worse, text does nothing, and motion is noise."""
    draw, rows = np.random.Generator(np.random.PCG64(6)), []
    for video in range(VIDEOS):
        base = draw.normal(0.7, 0.1)
        for group in ("easy", "hard")[: 1 + video % 2]:
            frames = int(draw.integers(2, 12))
            means = {
                "ours/full": base,
                "ours/no_mask": base - draw.normal(0.1, 0.05),
                "ours/no_text": base + draw.normal(0, 0.002),
                "ours/no_motion": base + draw.normal(0, 0.08),
            }
            rows += [
                ("short", f"v{video}", name, metric, group, frames * mean, frames)
                for name, mean in means.items()
                for metric in ("clip", "tc")
            ]
    path = tmp_path_factory.mktemp("dev") / "dev.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return DevVideos(path)


def test_power_is_high_for_planted_effects_and_for_certain_absence_and_low_for_noise(dev: DevVideos) -> None:
    analysis = Analysis(load_params(PROJECT, "tiny"), 60, dev)

    def power(name: str, videos: int) -> float:
        return analysis.power(name, videos).power

    assert power(better("table3.mask_and_text", "easy.clip", NO_MASK), 30) == 1
    assert power(better("table3.mask_and_text", "easy.clip", NO_TEXT), 30) == 1, "alike, which fails “better”"
    assert power(better("table2.ours", "easy.tc", NO_MOTION), 30) < 0.3
    few = analysis.power(better("table3.mask_and_text", "hard.clip", NO_MASK), 10)
    assert (few.videos, few.power) == (5, 0), "half of the videos have hard frames, and five are too few for a test"


def test_only_comparisons_of_methods_that_the_dev_world_has_are_analysed(dev: DevVideos) -> None:
    analysis = Analysis(load_params(PROJECT, "tiny"), 1, dev)
    claims = load_claims(PROJECT / "reference" / "claims.yaml", load_paper(PROJECT / "reference" / "paper.yaml"))
    every = {each.id for claim in claims.values() for each in claim.comparisons}
    assert set(analysis.comparisons) < every
    assert not any("pix2gestalt" in name or "table4" in name or "lpips" in name for name in analysis.comparisons)
    gains = [found for each, found in analysis.comparisons.values() if each.kind == "gain"]
    assert {found.sum_VG.shape for found in gains} == {(VIDEOS, 2)}


def test_more_trainings_that_differ_lower_the_power_to_call_two_methods_alike(dev: DevVideos) -> None:
    name = better("table3.mask_and_text", "easy.clip", NO_TEXT)
    params = load_params(PROJECT, "tiny")
    five = params.model_copy(
        update={"evaluation": params.evaluation.model_copy(update={"train_seeds": (0, 1, 2, 3, 4)})}
    )
    assert Analysis(five, 60, dev).power(name, 30).power < Analysis(params, 60, dev).power(name, 30).power


def test_methods_of_other_frames_are_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "dev.csv"
    rows = [("short", "v0", "ours/full", "clip", "easy", 1, 2), ("short", "v0", "ours/no_text", "clip", "easy", 1, 3)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    with pytest.raises(ValueError, match="ours/full has 2 easy frames of v0 and ours/no_text 3"):
        DevVideos(path).of("ours/full", "ours/no_text", "clip", "easy")


@pytest.mark.parametrize(
    ("interval", "least", "most"),
    [(ours, 0.92, 0.98), (students, 0.90, 0.96), (sign_flips, 0.89, 0.96), (percentile, 0.84, 0.91), (bca, 0.84, 0.92)],
)
def test_of_ten_skewed_differences_the_reports_interval_covers_most(
    interval: Callable[..., Ends], least: float, most: float
) -> None:
    """2,000 draws have a standard error of 0.6 %; `make bench-coverage` makes 10,000."""
    draw = np.random.default_rng(5)
    found = interval(skewed(draw, (2000, 10)), taken(draw, 10))
    assert least <= found.covered() / 100 <= most


def test_the_oracles_width_is_that_of_the_normal_law() -> None:
    width = oracle(lambda draw, shape: draw.normal(size=shape), 9)
    assert width == pytest.approx(2 * 1.96 / 3, rel=0.02)
