"""How long before its time limit a training is told, and whether that is enough to save."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CLONE
from tgvac.cluster.begin import checkpoint_sizes
from tgvac.cluster.notice import check_notice, needed_notice, notice_of, saving_rate
from tgvac.errors import BadInput
from tgvac.params import load_params

GB, MB = 10**9, 10**6


@pytest.mark.parametrize(
    ("size", "rate", "seconds"),
    # By hand: 30 s, and twice the time of size / rate, in whole minutes.
    [(14 * GB, 1000 * MB, 60), (14 * GB, 250 * MB, 180), (14 * GB, 55 * MB, 540), (10 * MB, 100 * MB, 60)],
)
def test_the_notice_covers_a_step_and_twice_the_time_of_saving(size: int, rate: float, seconds: int) -> None:
    assert needed_notice(size, rate) == seconds


@pytest.mark.parametrize(
    ("extra", "seconds"),
    [
        ("--open-mode=append --signal=USR1@600", 600),
        ("--signal=SIGUSR1@90", 90),
        ("--signal=B:USR1@600", 0),
        ("--signal=TERM@600", 0),
        ("", 0),
    ],
)
def test_a_notice_is_one_that_reaches_the_training(extra: str, seconds: int) -> None:
    assert notice_of(extra) == seconds


def test_a_notice_in_time_passes() -> None:
    check_notice({"train_frame": ("--signal=USR1@600", 2880, 14 * GB)}, 55 * MB, "profile.yaml")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (("--signal=USR1@120", 2880, 14 * GB), r"told 120 s before .* 14.0 GB .* 100 MB/s may take 360 s; .*USR1@360"),
        (("", 2880, 14 * GB), "is not told before its time limit.*USR1@360"),
        (("--signal=USR1@600", 30, 14 * GB), "time limit of 30 minutes and is told 600 s before it.*raise its runtime"),
    ],
)
def test_a_notice_too_late_or_too_early_is_refused_with_the_option_to_set(
    rule: tuple[str, int, int], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        check_notice({"train_motion": rule}, 100 * MB, "profile.yaml")


def test_the_rate_is_of_what_was_written_and_leaves_no_file(tmp_path: Path) -> None:
    ticks: Iterator[float] = iter([10.0, 14.0])
    assert saving_rate(tmp_path / "scratch", megabytes=2, clock=lambda: next(ticks)) == 2 * 2**20 / 4
    assert list((tmp_path / "scratch").iterdir()) == []


def test_checkpoints_at_the_paper_s_size_are_what_four_float32_of_each_trained_number_take() -> None:
    sizes = checkpoint_sizes(CLONE, "paper", load_params(CLONE, "paper"), ["frame"])
    # Stable Diffusion 1.5's UNet has 859,520,964 parameters; eight more input channels of a 3 x 3 kernel add the rest.
    assert sizes["frame"] == 16 * (859_520_964 + 320 * 8 * 9)
