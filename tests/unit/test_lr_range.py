"""The learning-rate range test: the rate rises by equal factors, the probe has fixed samples, and rates are read."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.shared_training import PARAMS, rows_of, squares
from tests.unit.tiny_models import CHECKPOINTS
from tgvac.bridge.lr_range import run_lr_range
from tgvac.errors import BadInput
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import StepLoss, Training
from tgvac.training.lr_picture import as_csv, draw
from tgvac.training.lr_range import Found, Point, RangeTest, found_in, range_test

TEST = RangeTest(lowest=1e-4, highest=1e2, steps=61, probe=8, every=2)


def job(folder: Path) -> Training:
    """A linear fit of inputs and targets with a little noise."""
    module = nn.Linear(6, 2, bias=False)
    with torch.no_grad():
        module.weight.zero_()

    def batch(step: int, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, noise = rows_of(step, rows)
        return inputs, inputs[:, :2] + 0.1 * noise

    return Training("fit", module, batch, squares, PARAMS, CHECKPOINTS, Identity("key"), folder / "never")


def points_of(probes: list[float], every: int = 2) -> list[Point]:
    return [Point(every * i, 1e-5 * 10**i, 1.0, probe) for i, probe in enumerate(probes)]


def test_rates_rise_by_equal_factors_from_the_lowest_to_the_highest() -> None:
    rates = [TEST.rate(step) for step in range(TEST.steps)]
    assert (rates[0], rates[-1]) == (pytest.approx(1e-4), pytest.approx(1e2))
    assert all(b / a == pytest.approx(10**0.1) for a, b in itertools.pairwise(rates))


def test_a_fit_does_best_at_a_rate_in_between_and_ends_where_it_breaks(tmp_path: Path) -> None:
    points = range_test(job(tmp_path), TEST, tmp_path / "while")
    assert [p.step for p in points] == list(range(0, 2 * len(points), 2))
    assert math.isnan(points[0].loss)
    assert [p.lr for p in points[1:]] == [TEST.rate(p.step - 1) for p in points[1:]]
    found = found_in(points, TEST)
    assert 1e-3 < found.steepest <= found.lowest < 3
    assert found.tenth == found.lowest / 10
    assert found.ended is not None
    assert found.ended > found.lowest
    assert points[-1].probe > 4 * min(p.probe for p in points)
    assert not (tmp_path / "while").exists()
    assert not (tmp_path / "never").exists()


def test_the_probe_is_the_same_rows_each_time_and_none_that_is_trained_on(tmp_path: Path) -> None:
    still, asked = job(tmp_path), list[tuple[int, int]]()
    batch = still.batch

    def noted(step: int, rows: range) -> object:
        asked.append((step, len(rows)))
        return batch(step, rows)

    object.__setattr__(still, "batch", noted)
    nothing = RangeTest(lowest=1e-30, highest=1e-29, steps=8, probe=3, every=2)
    points = range_test(still, nothing, tmp_path / "while")
    assert len({p.probe for p in points}) == 1, "nothing is learned, and nothing moves"
    assert asked == [(8, 1), (9, 1), (10, 1), *((step, PARAMS.batch) for step in range(8))]
    assert found_in(points, nothing).ended is None


def test_a_loss_that_is_not_finite_ends_the_test_with_the_points_so_far(tmp_path: Path) -> None:
    breaking, calls = job(tmp_path), []

    def loss(module: nn.Module, given: tuple[torch.Tensor, torch.Tensor]) -> StepLoss:
        found = squares(module, given)
        calls.append(1)
        return StepLoss(found.mean * (math.nan if torch.is_grad_enabled() and len(calls) > 40 else 1.0))

    object.__setattr__(breaking, "loss", loss)
    points = range_test(breaking, TEST, tmp_path / "while")
    assert 3 <= len(points) < 10
    assert all(math.isfinite(p.probe) for p in points)


def test_a_curve_gives_where_it_falls_fastest_and_where_it_is_lowest() -> None:
    probes = [1.0, 1.0, 1.0, 0.9, 0.5, 0.3, 0.28, 0.27, 0.27, 0.27, 0.4, 0.9]
    found = found_in(points_of(probes), RangeTest(1e-5, 1.0, 24, 1, 2))
    # Means of five logarithms, points 2 to 6: -0.160 -0.400 -0.655 -0.917 -1.158; the largest fall is to point 5.
    assert found.steepest == pytest.approx(1e-5 * 10**5)
    assert found.lowest == pytest.approx(1e-5 * 10**7)
    with pytest.raises(ValueError, match="the probe has 2 finite values, but a curve needs at least 3"):
        found_in(points_of([1.0, 2.0]), TEST)


def test_table_and_picture_hold_the_curve() -> None:
    points = [Point(0, 1e-5, math.nan, 0.5), Point(2, 2e-5, 0.25, 0.4), Point(4, 4e-5, 0.125, 0.3)]
    lines = as_csv(points).splitlines()
    assert lines == ["step,lr,loss,probe", "0,1e-05,,0.5", "2,2e-05,0.25,0.4", "4,4e-05,0.125,0.3"]
    found = Found(2e-5, 4e-5, 4e-6, None)
    picture = draw(points, found, 1e-4, "a title")
    assert picture.startswith(b"\x89PNG")
    assert picture == draw(points, found, 1e-4, "a title")
    assert picture != draw(points, found, 2e-4, "a title")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stage": "latents"}, r"'latents' is not a stage with a learning rate; give --stage frame"),
        ({"lowest": 0.2}, r"Learning rates from 0\.2 to 0\.1 make no range; give --lowest below --highest"),
        ({"steps": 7}, r"7 steps with a measurement every 2 are too few for a curve; give --steps 8 or more"),
    ],
)
def test_what_makes_no_range_is_said(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    given = {"stage": "frame", "lowest": 1e-5, "highest": 0.1, "steps": 120, "probe": 1, "every": 2, **wrong}
    with pytest.raises(BadInput, match=message):
        run_lr_range(tmp_path, "smoke", out=None, device="cpu", **given)  # type: ignore[arg-type]
