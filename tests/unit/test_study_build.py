"""What a study shows: its videos, its shuffles, and that nothing a browser gets names a method."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from scipy import stats

from tests.unit.study_project import METHODS, SCALE, study_project, synthetic_study, write_completions
from tgvac.clips.completion import Completions
from tgvac.clips.votes import completion_digest
from tgvac.errors import BadInput
from tgvac.stage import Context
from tgvac.study.ballot import ballot, media_name, media_names, shown
from tgvac.study.build import Wishes, build
from tgvac.study.holding import holding
from tgvac.study.outlining import COLOUR, outlined
from tgvac.study.page import index
from tgvac.study.plan import Study, open_study
from tgvac.study.serve import serve
from tgvac.study.store import Store
from tgvac.synthesis.clips import recipe_clips


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return study_project(tmp_path_factory.mktemp("study") / "project")


@pytest.fixture(scope="module")
def study(ctx: Context, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return synthetic_study(ctx, tmp_path_factory.mktemp("studies") / "one", checks=1)


@pytest.fixture(scope="module")
def fixed(study: Study) -> Study:
    """The study under a secret that is the same each time, so that its shuffles are."""
    return replace(study, secret=bytes(range(32)))


def frames_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_a_study_has_as_many_easy_videos_as_hard_ones_of_all_sources_before_a_second_of_one(
    ctx: Context, study: Study, tmp_path: Path
) -> None:
    items = [item for item in study.plan.items if item.kind == "vote"]
    assert Counter(item.difficulty for item in items) == {"easy": 3, "hard": 3}
    assert all((item.rate >= 0.5) == (item.difficulty == "hard") for item in items)
    for name in ("easy", "hard"):
        assert len({item.video for item in items if item.difficulty == name}) == 3
    again = synthetic_study(ctx, tmp_path / "again")
    assert [item.sample for item in again.plan.items] == [item.sample for item in items], "drawn by the seed's name"
    other = build(ctx.root, SCALE, tmp_path / "b", Wishes(METHODS, 1, "other"), {"per_class": 3, "side": 32})
    assert {item.sample for item in other.plan.items} != {item.sample for item in items}


def test_all_files_of_a_video_have_one_size_and_length_and_show_what_the_plan_says(ctx: Context, study: Study) -> None:
    for item in study.plan.items:
        videos = {layer: frames_of(study.media / media_name(study, item, layer)) for layer in study.plan.layers(item)}
        assert {video.shape for video in videos.values()} == {(item.frames, item.height, item.width, 3)}
        assert min(item.height, item.width) >= 32
        if item.kind == "check":
            assert set(item.digests) == {"truth", "spoilt-1", "spoilt-2"}
            continue
        assert set(videos) == {"input", "shown-truth", *METHODS}
        for method in METHODS:
            completions = Completions(ctx.results / "completion" / method / "seed0" / "shard-000.zip")
            with completions.store:
                rgb_FHW3 = completions.read(item.sample).rgb_FHW3
            assert item.digests[method] == completion_digest(rgb_FHW3)
            factor = item.height // rgb_FHW3.shape[1]
            small = videos[method][:, factor // 2 :: factor, factor // 2 :: factor].astype(int)
            assert np.abs(small - rgb_FHW3).mean() < 12, "the file shows this method's completion"


def test_nothing_that_a_browser_gets_names_a_method_a_sample_or_a_class(study: Study) -> None:
    sent = json.dumps([shown(study, trial) for trial in ballot(study, 1)])
    secret = [*METHODS, "ours", "copy", "flow", "easy", "hard", "check", "spoilt", study.secret.hex()]
    secret += [part for item in study.plan.items for part in (item.sample, item.video)]
    assert [word for word in secret if word in sent] == []
    assert {path.name for path in study.media.iterdir()} == media_names(study)
    for path in study.media.iterdir():
        with av.open(str(path)) as container:
            said = json.dumps([dict(container.metadata), dict(container.streams.video[0].metadata)])
        assert not any(word in said for word in METHODS)
    firsts = [shown(study, ballot(study, n)[0]) for n in (1, 2)]
    one, two = ({first["trial"], *(each["choice"] for each in first["methods"])} for first in firsts)
    assert not one & two, "tokens of one participant are of no use to another"


def test_the_order_of_methods_is_uniform_and_drawn_anew_for_each_sample_and_participant(fixed: Study) -> None:
    orders: Counter[tuple[str, ...]] = Counter()
    pairs: Counter[tuple[tuple[str, ...], ...]] = Counter()
    for participant in range(1, 601):
        mine = {trial.item.key: trial.order for trial in ballot(fixed, participant) if trial.item.kind == "vote"}
        orders.update(mine.values())
        keys = sorted(mine)
        pairs.update((mine[a], mine[b]) for a, b in itertools.pairwise(keys))
    assert len(orders) == 6
    assert stats.chisquare(list(orders.values())).pvalue > 1e-3
    assert len(pairs) == 36
    assert stats.chisquare(list(pairs.values())).pvalue > 1e-3, "the order of one video says nothing about the next"


def test_the_order_of_videos_is_uniform_for_each_participant(fixed: Study) -> None:
    firsts: Counter[str] = Counter()
    places = np.zeros((len(fixed.plan.items),) * 2, int)
    index = {item.key: i for i, item in enumerate(fixed.plan.items)}
    for participant in range(1, 1001):
        trials = ballot(fixed, participant)
        assert sorted(t.item.key for t in trials) == sorted(index)
        assert [t.number for t in trials] == list(range(1, len(index) + 1))
        firsts[trials[0].item.key] += 1
        for place, trial in enumerate(trials):
            places[index[trial.item.key], place] += 1
    for row in places:
        assert stats.chisquare(row).pvalue > 1e-4
    assert ballot(fixed, 7) == ballot(fixed, 7), "a participant who comes back finds the same order"


def test_the_line_covers_nothing_of_the_object_and_is_left_out_on_request(ctx: Context, tmp_path: Path) -> None:
    frames_FHW3, visible_FHW = np.full((2, 40, 40, 3), 90, np.uint8), np.zeros((2, 40, 40), np.uint8)
    visible_FHW[0, 10:20, 0:12] = 255
    out_FHW3 = outlined(frames_FHW3, visible_FHW)
    assert (out_FHW3[visible_FHW > 0] == 90).all()
    assert (out_FHW3[1] == 90).all(), "nothing is seen of it"
    assert {tuple(each) for each in out_FHW3[0, 9, 0:12]} == {COLOUR}
    assert (out_FHW3[0, 25:] == 90).all()
    changes = {"per_class": 1, "side": 32, "outline": False}
    plain = build(ctx.root, SCALE, tmp_path / "s", Wishes(METHODS, 1, "study", "synthetic"), changes)
    assert "pink" not in index(plain, static=False)
    marked = synthetic_study(ctx, tmp_path / "t", per_class=1)
    assert "pink line</b> goes around the part of the object that can be seen" in index(marked, static=False)
    item = marked.plan.items[0]
    clip = recipe_clips(ctx).render(item.sample, range(item.frames))
    sizes = item.height // clip.visible_FHW.shape[1]
    visible_FHW = clip.visible_FHW.repeat(sizes, axis=1).repeat(sizes, axis=2)
    ring = outlined(np.zeros((*visible_FHW.shape, 3), np.uint8), visible_FHW).any(-1)
    assert ring.any()
    inputs = [frames_of(s.media / media_name(s, item, "input")).astype(int) for s in (plain, marked)]
    without, with_line = (np.abs(each - COLOUR)[ring].mean() for each in inputs)
    assert with_line < 0.5 * without, "the file has the line where the object's visible part ends"


def test_the_truth_can_be_hidden(ctx: Context, tmp_path: Path) -> None:
    hidden = synthetic_study(ctx, tmp_path / "s", per_class=1, truth=False)
    assert shown(hidden, ballot(hidden, 1)[0])["truth"] is None
    assert len(list(hidden.media.iterdir())) == 2 * (1 + len(METHODS))


def test_too_few_videos_of_a_class_are_said_with_what_there_is(ctx: Context, tmp_path: Path) -> None:
    told = "has 11 easy videos that all methods completed, fewer than the 12 asked for .it has 11 easy, 11 hard.; give"
    with pytest.raises(BadInput, match=told + " --per-class 11"):
        synthetic_study(ctx, tmp_path / "s", per_class=12)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ((), "evaluates ours/full of the paper's three methods; name three or more by --method"),
        (METHODS[:2], "compares 3 to 8 different methods, not ours/full, copy_visible/plain"),
        ((*METHODS[:2], METHODS[0]), "compares 3 to 8 different methods"),
        ((*METHODS[:2], "ours/ful"), "does not evaluate the method 'ours/ful'; .*ours/full"),
        ((*METHODS[:2], "white/plain"), r"\('white/plain'\) has no completions yet; run"),
    ],
)
def test_methods_that_cannot_be_compared_are_refused(
    methods: tuple[str, ...], message: str, ctx: Context, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        build(ctx.root, SCALE, tmp_path / "s", Wishes(methods), {"per_class": 2})


def test_videos_that_a_method_lacks_are_never_drawn(tmp_path: Path) -> None:
    lacks = "world/ape-1/1/r0"
    ctx = study_project(tmp_path / "p", easy=3, hard=3, without=[("ours/full", lacks)])
    study = synthetic_study(ctx, tmp_path / "s", per_class=2)
    assert lacks not in [item.sample for item in study.plan.items]
    with pytest.raises(BadInput, match="has 2 easy videos that all methods completed, fewer than the 3"):
        synthetic_study(ctx, tmp_path / "t", per_class=3)


def test_a_completion_of_another_length_than_its_clip_is_refused_by_name(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    write_completions(ctx, "copy_visible/plain", tint=9, frames=4)
    with pytest.raises(BadInput, match="copy_visible/plain completed 'world/ape-1/1/r0' as 4 frames of 32x24, but the"):
        synthetic_study(ctx, tmp_path / "s", per_class=1)
    assert not (tmp_path / "s").exists()


def test_a_study_with_votes_is_never_replaced_and_one_without_is(ctx: Context, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    first = synthetic_study(ctx, folder, per_class=1)
    second = synthetic_study(ctx, folder, per_class=1)
    assert first.plan.study != second.plan.study
    with Store(second) as store:
        store.vote(1, second.plan.items[0].key, METHODS[0], 5, 1, "server")
    with pytest.raises(
        BadInput, match="is a study with 1 votes and 0 filled-in forms, which cannot be made again; give"
    ):
        synthetic_study(ctx, folder, per_class=1)
    assert open_study(folder).plan.study == second.plan.study


def test_a_study_in_which_somebody_has_agreed_is_never_replaced(ctx: Context, tmp_path: Path) -> None:
    first = synthetic_study(ctx, tmp_path / "s", per_class=1)
    with Store(first) as store:
        store.consent(1, "graduate", "law")
    with pytest.raises(BadInput, match="is a study with 0 votes and 1 filled-in forms"):
        synthetic_study(ctx, tmp_path / "s", per_class=1)
    assert open_study(first.folder).plan.study == first.plan.study


def test_a_study_that_a_process_holds_is_neither_replaced_nor_served_and_the_process_is_named(
    ctx: Context, tmp_path: Path
) -> None:
    first = synthetic_study(ctx, tmp_path / "s", per_class=1)
    told = f"Process {os.getpid()} serves or builds .*; stop it with Ctrl.C before you "
    with holding(first.folder, "serve it"):
        with pytest.raises(BadInput, match=told + "build anew"):
            synthetic_study(ctx, first.folder, per_class=1)
        with pytest.raises(BadInput, match=told + "serve it"):
            serve(first.folder, "127.0.0.1", 0)
    assert open_study(first.folder).plan.study == first.plan.study
    assert synthetic_study(ctx, first.folder, per_class=1).plan.study != first.plan.study


def test_codes_without_their_store_are_said_and_no_empty_store_takes_its_place(ctx: Context, tmp_path: Path) -> None:
    study = synthetic_study(ctx, tmp_path / "s", per_class=1)
    study.store.unlink()
    with pytest.raises(
        BadInput, match=r"votes\.sqlite is missing, .*; restore it from a copy, or build the study anew"
    ):
        Store(study)
    assert not study.store.exists()
    assert synthetic_study(ctx, study.folder, per_class=1).plan.study != study.plan.study


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_may_not_be_written_or_read_is_said_in_one_sentence(mode: int, ctx: Context) -> None:
    with tempfile.TemporaryDirectory() as outer:
        study = synthetic_study(ctx, Path(outer) / "s", per_class=1)
        for path in (Path(outer), *study.folder.rglob("*")):
            path.chmod(0o555)
        study.folder.chmod(mode)
        with nobody():
            for act in (lambda: Store(open_study(study.folder)), lambda: serve(study.folder, "127.0.0.1", 0)):
                with pytest.raises(BadInput, match="give your user the right to"):
                    act()
        for path in (Path(outer), study.folder, study.media):
            path.chmod(0o755)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights; root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_only_the_owner_reads_the_key_and_the_codes(study: Study) -> None:
    assert study.folder.stat().st_mode & 0o077 == 0
    assert (study.folder / "secret").stat().st_mode & 0o077 == 0
    assert (study.folder / "codes.csv").stat().st_mode & 0o077 == 0


def test_a_synthetic_study_cannot_be_passed_off_as_one_of_people(ctx: Context, tmp_path: Path) -> None:
    study = synthetic_study(ctx, tmp_path / "s", per_class=1)
    plan = study.folder / "study.json"
    plan.write_text(plan.read_text().replace('"synthetic"', '"people"'))
    with pytest.raises(BadInput, match=r"is of study .*\(synthetic, .*not of .*\(people,"):
        Store(open_study(study.folder))


def test_a_folder_with_other_files_is_refused(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(BadInput, match="has other files in it; give a folder that is new, empty, or a study without"):
        synthetic_study(ctx, tmp_path)


def test_a_study_without_its_key_is_refused(ctx: Context, tmp_path: Path) -> None:
    study = synthetic_study(ctx, tmp_path / "s", per_class=1)
    (study.folder / "secret").write_text("ab")
    with pytest.raises(BadInput, match="secret is cut off; restore it"):
        open_study(study.folder)
    (study.folder / "secret").unlink()
    with pytest.raises(BadInput, match="nobody can tell which file shows what"):
        open_study(study.folder)
    (study.folder / "study.json").write_text("{}")
    with pytest.raises(BadInput, match="is no study of format tgvac-study-1"):
        open_study(study.folder)
    with pytest.raises(BadInput, match=r"has no study\.json; give the folder"):
        open_study(tmp_path)
