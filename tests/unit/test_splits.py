"""Splits by source video: no video is in two splits, and a new video does not move others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgvac.errors import BadInput
from tgvac.synthesis.params import SplitParams
from tgvac.synthesis.splits import split_videos


def params(val: float = 0.2, dev: float = 0.1, least: int = 2, seed: int = 1) -> SplitParams:
    return SplitParams(by="video", seed=seed, val=val, dev=dev, min_videos=least)


def names(count: int) -> list[str]:
    return [f"s/video-{i}" for i in range(count)]


@settings(deadline=None)
@given(st.integers(0, 60), st.floats(0.01, 0.99), st.floats(0, 0.99), st.integers(1, 4), st.integers(0, 99))
def test_every_video_is_in_one_split_and_no_split_is_too_small(
    count: int, val: float, dev: float, least: int, seed: int
) -> None:
    wanted = {"train", "val", "dev"} if dev and count >= 3 * least else {"train", "val"}
    it = params(val, dev, least, seed)
    if count < 2 * least:
        with pytest.raises(BadInput, match=f"{count} videos with whole objects are too few for two splits"):
            split_videos(it, names(count))
        return
    found = split_videos(it, names(count))
    assert sorted(found) == sorted(names(count))
    sizes = Counter(found.values())
    assert set(sizes) == wanted
    assert min(sizes.values()) >= least
    # Neither the order nor repetitions matter.
    assert split_videos(it, [*reversed(names(count)), *names(count)]) == found


def test_too_few_videos_are_refused_with_advice() -> None:
    with pytest.raises(BadInput, match=r"3 videos .* two splits of at least 2, .*; give more videos, or lower .*min_v"):
        split_videos(params(), names(3))


def test_with_too_few_videos_for_three_splits_none_is_in_dev() -> None:
    assert Counter(split_videos(params(), names(5)).values()) == {"train": 3, "val": 2}
    assert set(split_videos(params(), names(6)).values()) == {"train", "val", "dev"}


@pytest.mark.parametrize("seed", range(5))
def test_with_enough_videos_a_new_one_does_not_move_others(seed: int) -> None:
    known = names(150)
    before = split_videos(params(seed=seed), known)
    for added in ("s/a", "s/b", "t/c", "s/zebra"):
        after = split_videos(params(seed=seed), [*known, added])
        assert {v: after[v] for v in known} == before
    without = split_videos(params(seed=seed), known[1:])
    assert without == {v: before[v] for v in known[1:]}


def test_the_shares_are_those_asked_for() -> None:
    sizes = Counter(split_videos(params(), names(4000)).values())
    assert sizes["val"] / 4000 == pytest.approx(0.2, abs=0.025)
    assert sizes["dev"] / 4000 == pytest.approx(0.08, abs=0.02)  # a tenth of the rest


def test_another_seed_splits_otherwise() -> None:
    assert split_videos(params(seed=1), names(50)) != split_videos(params(seed=2), names(50))
