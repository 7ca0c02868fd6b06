"""Rich placements are drawn by name within their ranges; quotas of the mean rate hold, and unmet ones are reported."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import box, open_fake_track, write_fake_track
from tests.unit.test_synthesis import ALL, RICH, Open, always, draw, masks, params, project, stretch, synthesise
from tgvac.clips.recipe import Placement, Recipe, read_recipes
from tgvac.errors import BadInput
from tgvac.seeds import unit
from tgvac.synthesis.account import read_account
from tgvac.synthesis.clips import RecipeClips
from tgvac.synthesis.drawing import acceptable, draw_recipes, occlusion_rates
from tgvac.synthesis.placements import draw_placements
from tgvac.synthesis.quotas import Bin, bins, wanted_bin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks")
    for number in range(12):
        write_fake_track(path, f"s/v{number}/1", masks(number), number)
    return path


@pytest.fixture
def open_track(folder: Path) -> Open:
    return lambda track: open_fake_track(folder, track)


def rich(**changes: Any) -> Any:
    return params(placement="rich", rich={**RICH, **changes})


def attempts(it: Any, open_track: Open, count: int = 60, target: int = 0) -> list[tuple[Placement, ...]]:
    others = [s for s in ALL if s.video != f"s/v{target}"]
    amodal = masks(target)[:6]
    return [draw_placements(it, f"s/v{target}/1/r0", others, i, amodal, open_track) for i in range(count)]


# ---------------------------------------------------------------- the paper's


def test_recipes_with_the_papers_placement_do_not_change(open_track: Open) -> None:
    rows = json.loads((Path(__file__).parent / "paper_recipes.json").read_text())
    assert [r for t in range(4) for r in draw(params(), ALL, open_track, t)] == [Recipe.model_validate(r) for r in rows]


# ---------------------------------------------------------------- rich


def test_draws_are_in_their_ranges_and_fill_them(open_track: Open) -> None:
    found = [p for drawn in attempts(rich(aim=0.0), open_track) for p in drawn]
    for key, (low, high) in (("scale", (0.6, 1.4)), ("dx", (-0.2, 0.2)), ("dy", (-0.2, 0.2))):
        values = [getattr(p, key) for p in found]
        assert low - 1e-4 <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high + 1e-4
    lengths = [np.hypot(p.drift_x, p.drift_y) for p in found]
    assert 0 <= min(lengths) < 0.04
    assert 0.36 < max(lengths) <= 0.4001
    assert {np.sign(p.drift_x) for p in found} >= {-1.0, 1.0}
    assert np.mean([p.flip for p in found]) == pytest.approx(0.5, abs=0.15)


def test_the_number_of_occluders_is_in_its_range_and_each_is_of_another_stretch(open_track: Open) -> None:
    found = attempts(rich(), open_track)
    assert {len(drawn) for drawn in found} == {1, 2, 3}
    for drawn in found:
        assert len({p.track for p in drawn}) == len(drawn)
        assert "s/v0/1" not in {p.track for p in drawn}
    assert {len(drawn) for drawn in attempts(rich(occluders=[2, 2]), open_track, 10)} == {2}


def test_with_fewer_candidates_than_occluders_each_is_used_once(open_track: Open) -> None:
    it = rich(occluders=[3, 3])
    drawn = draw_placements(it, "s/v0/1/r0", [stretch(1), stretch(2)], 0, masks(0)[:6], open_track)
    assert sorted(p.track for p in drawn) == ["s/v1/1", "s/v2/1"]


def test_an_aimed_occluder_has_its_centre_on_the_targets_in_the_middle_frame(open_track: Open) -> None:
    it = rich(aim=1.0, shift_x=[0.0, 0.0], shift_y=[0.0, 0.0], occluders=[1, 1], scale=[1.0, 1.0])
    amodal = masks(0)[:5]
    for attempt in range(6):
        (placement,) = draw_placements(it, "s/v0/1/r0", [stretch(5)], attempt, amodal, open_track)
        clip_rates = occlusion_rates(amodal, [placement], open_track)
        # The boxes have the same size, so with equal centres all is hidden.
        assert clip_rates[2] == 1.0


def test_changing_one_range_only_changes_its_own_value(open_track: Open) -> None:
    one, other = attempts(rich(), open_track, 20), attempts(rich(drift=[0.0, 0.0], flip=0.0), open_track, 20)
    for a, b in zip(one, other, strict=True):
        for p, q in zip(a, b, strict=True):
            assert (p.track, p.start, p.scale) == (q.track, q.start, q.scale)
            assert (q.drift_x, q.drift_y, q.flip) == (0.0, 0.0, False)


def test_rich_recipes_render_to_the_rates_they_were_accepted_for_hard_and_soft(open_track: Open) -> None:
    for edge in ("hard", "soft"):
        it = params(placement="rich", edge=edge)
        drawn = draw_recipes(it, [stretch(0)], ALL, always("train"), open_track)
        assert len(drawn) == 5
        clips = RecipeClips([r for r, _ in drawn], open_track)
        for recipe, rates in drawn:
            assert recipe.feather == (1 if edge == "soft" else 0)
            clip = clips.render(recipe.recipe)
            clip.check()
            assert np.array_equal(clip.occlusion_F, rates)
            assert 0.05 <= recipe.mean_rate <= 0.9


def test_the_order_of_candidates_does_not_matter(open_track: Open) -> None:
    assert draw(rich(), ALL, open_track) == draw(rich(), ALL[::-1], open_track)
    assert draw(rich(), ALL, open_track) != draw(params(placement="rich", rich=RICH, seed=2), ALL, open_track)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": [1.5, 0.5]}, "scale has a minimum of 1.5 above its maximum of 0.5"),
        ({"scale": [0.0, 1.0]}, "scale has a minimum of 0.0, which must be above 0"),
        ({"occluders": [0, 2]}, "occluders has a minimum of 0, below 1"),
        ({"drift": [-0.1, 0.2]}, "drift has a minimum of -0.1, below 0"),
    ],
)
def test_invalid_ranges_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        rich(**changes)


# ---------------------------------------------------------------- quotas

SHARES = {"edges": [0.05, 0.3, 0.5, 0.9], "shares": [0.2, 0.3, 0.5]}


def test_bins_are_half_open_except_the_last() -> None:
    low, middle, high = bins(params(histogram=SHARES))
    assert (low.holds(0.05), low.holds(0.3), middle.holds(0.3), high.holds(0.9)) == (True, False, True, True)
    assert low.distance(0.3) > 0
    assert low.distance(0.35) == pytest.approx(0.05)
    assert high.distance(0.2) == pytest.approx(0.3)
    assert not Bin(0.0, 0.5, last=False).distance(0.2)


def test_quotas_hold_over_all_targets_and_approximately_within_each() -> None:
    it = params(histogram=SHARES, per_object=10)
    total: Counter[float] = Counter()
    for target in range(300):
        found = [wanted_bin(it, f"s/v{target}/1", k) for k in range(10)]
        lows = Counter(bin_.low for bin_ in found if bin_)
        assert (lows[0.05], lows[0.3], lows[0.5]) == pytest.approx((2, 3, 5), abs=1)
        total += lows
    assert [total[low] / 3000 for low in (0.05, 0.3, 0.5)] == pytest.approx([0.2, 0.3, 0.5], abs=0.02)
    assert wanted_bin(params(), "s/v0/1", 0) is None


def test_recipes_are_in_their_bins_if_any_attempt_is_and_else_nearest(open_track: Open) -> None:
    hard = {"edges": [0.5, 0.9], "shares": [1.0]}
    for target in range(4):
        plain = draw(rich(), ALL, open_track, target)
        found = draw(params(placement="rich", histogram=hard), ALL, open_track, target)
        assert len(found) == len(plain) == 5
        assert np.mean([r.mean_rate for r in found]) > np.mean([r.mean_rate for r in plain])
    assert all(r.mean_rate >= 0.5 for r in found)
    # No attempt is in the bin: the nearest of all acceptable attempts is taken.
    it = params(placement="rich", histogram={"edges": [0.8999, 0.9], "shares": [1.0]}, attempts=8)
    first = draw(it, ALL, open_track)[0]
    amodal = masks(0)[first.start : first.start + first.frames]
    ranked = sorted((s for s in ALL if s.video != "s/v0"), key=lambda s: unit("occluder", 1, first.recipe, s.track, 0))
    tried = [draw_placements(it, first.recipe, ranked, k, amodal, open_track) for k in range(8)]
    rates = [occlusion_rates(amodal, each, open_track) for each in tried]
    assert first.mean_rate == max(round(float(r.mean()), 6) for r in rates if acceptable(it, r)) < 0.8999


@pytest.mark.parametrize(
    ("histogram", "message"),
    [
        ({"edges": [0.1, 0.5], "shares": [0.5, 0.5]}, "2 shares need 3 edges, not 2"),
        ({"edges": [0.5, 0.1], "shares": [1.0]}, r"edges \[0.5, 0.1\] are not increasing"),
        ({"edges": [0.1, 0.5], "shares": [0.9]}, r"shares \[0.9\] are negative or do not add up to 1"),
        ({"edges": [0.01, 0.5], "shares": [1.0]}, "histogram.edges go from 0.01 to 0.5, outside of rate_min 0.05"),
    ],
)
def test_an_invalid_histogram_is_refused(histogram: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        params(histogram=histogram)


# ---------------------------------------------------------------- the stage


def test_unmet_quotas_are_reported_and_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, 10)
    it = params(histogram={"edges": [0.05, 0.899, 0.9], "shares": [0.4, 0.6]}, attempts=4)
    out = synthesise(tmp_path, 2, it)
    found = read_account(out / "account.json")
    recipes = read_recipes(out / "recipes.parquet")
    assert sum(found["recipes"].values()) == len(recipes)
    assert found["missing"] == 50 - len(recipes)
    assert (found["placement"], found["edge"], found["split_by"], found["shared_videos"]) == (
        "paper",
        "hard",
        "video",
        0,
    )
    rows = found["histogram"]
    assert sum(row["wanted"] for row in rows) == 50
    assert sum(row["wanted"] for row in rows if row["from"] == 0.899) == 30
    assert sum(row["filled"] for row in rows) == len(recipes)
    unmet = [row for row in rows if row["from"] == 0.899 and row["met"] < row["wanted"]]
    log = capsys.readouterr().err
    assert unmet
    for row in unmet:
        count = f"{row['wanted'] - row['met']} of {row['wanted']} {row['split']} recipes"
        assert f"{count} with mean rates from 0.899 to 0.9 were not found" in log


def test_a_split_at_random_leaks_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, 10)
    split = {"by": "random", "seed": 1, "val": 0.3, "dev": 0.2, "min_videos": 2}
    out = synthesise(tmp_path, 1, params(split=split))
    recipes = read_recipes(out / "recipes.parquet")
    shares = Counter(r.split for r in recipes)
    assert shares["val"] / len(recipes) == pytest.approx(0.3, abs=0.15)
    found = read_account(out / "account.json")
    assert found["split_by"] == "random"
    assert found["shared_videos"] == 10
    assert "must not be compared with others" in capsys.readouterr().err
    # Occluders still come from another video.
    assert all(p.track.rsplit("/", 1)[0] != r.video for r in recipes for p in r.occluders)


def test_one_video_cannot_be_split_at_random(tmp_path: Path) -> None:
    project(tmp_path, 1)
    with pytest.raises(BadInput, match="there is only one video; give more videos"):
        synthesise(tmp_path, 1, params(split={"by": "random", "seed": 1, "val": 0.3, "dev": 0.2, "min_videos": 2}))


def test_a_missing_or_wrong_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    with pytest.raises(BadInput, match=r"account\.json does not exist; run `tgvac stage synthesis` first"):
        read_account(path)
    path.write_text('{"format": "x"}')
    with pytest.raises(BadInput, match=r"is not an account of format tgvac-synthesis-1 \(format x\)"):
        read_account(path)


def test_rich_recipes_do_not_depend_on_shards(tmp_path: Path) -> None:
    it = params(placement="rich", edge="soft", histogram=SHARES, attempts=10)
    made = []
    for name, shards in (("one", 1), ("three", 3)):
        project(tmp_path / name, 10)
        out = synthesise(tmp_path / name, shards, it)
        made.append([(out / f).read_bytes() for f in ("recipes.parquet", "occlusion.parquet", "account.json")])
    assert made[0] == made[1]


def test_a_target_of_another_size_is_aimed_at_in_its_own_frame(tmp_path: Path) -> None:
    write_fake_track(tmp_path, "s/v1/1", np.stack([box(10, 12, 2, 2, 5, 5)] * 4), 1)
    it = rich(aim=1.0, shift_x=[0.0, 0.0], shift_y=[0.0, 0.0], occluders=[1, 1], scale=[2.0, 2.0], drift=[0.0, 0.0])
    amodal = np.stack([box(20, 30, 10, 16, 14, 20)] * 4)
    other = stretch(1, 0, 4)
    (placement,) = draw_placements(it, "s/t/1/r0", [other], 0, amodal, lambda t: open_fake_track(tmp_path, t))
    assert (occlusion_rates(amodal, [placement], lambda t: open_fake_track(tmp_path, t)) == 1.0).all()
