"""From votes to the column of Table 2: what reaches it, what does not, and what the study's own report says."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.report_project import EVALUATION, METHOD_PARAMS, STUDY, report_project, run_report
from tests.unit.study_project import METHODS, SCALE, study_project, synthetic_study
from tests.unit.test_votes import vote
from tgvac.cli import main
from tgvac.clips.recipe import read_recipes
from tgvac.clips.votes import Vote, VotedStudy, Votes, completion_digest, read_votes, votes_file, write_votes
from tgvac.completion.evaluated import SHORT, evaluated
from tgvac.errors import BadInput
from tgvac.report.preference import NO_VOTES, preference_of
from tgvac.report.samples import Outputs
from tgvac.report.voted import read_preference
from tgvac.stage import Context
from tgvac.study.ballot import ballot
from tgvac.study.counting import publish, votes_of
from tgvac.study.plan import Study, open_study
from tgvac.study.privacy import delete_one
from tgvac.study.report import report
from tgvac.study.store import Store

ASKED = ("copy_visible/plain", "ours/full", "temporal_copy/plain")
PEOPLE = 12


def cast(study: Study, people: int, chosen: Callable[[str], str]) -> None:
    """Synthetic votes: every participant votes on all videos, as ``chosen`` says by class."""
    with Store(study) as store:
        for each in store.participants()[:people]:
            store.consent(each.number, "graduate" if each.number % 3 == 0 else "undergraduate", "=LAW()")
            for trial in ballot(study, each.number):
                store.show(each.number, trial.item.key)
                choice = "truth" if trial.item.kind == "check" else chosen(trial.item.difficulty)
                store.vote(each.number, trial.item.key, choice, 7000 + trial.number, 1, "server")


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Context, Study]:
    folder = tmp_path_factory.mktemp("voted")
    ctx = study_project(folder / "project")
    study = synthetic_study(ctx, folder / "s", per_class=10, participants=6, checks=1)
    cast(study, 5, lambda difficulty: METHODS[0] if difficulty == "easy" else METHODS[1])
    with Store(study) as store:
        store.consent(6, "graduate", "law")
        first = ballot(study, 6)[0]
        store.vote(6, first.item.key, first.order[0], 9000, 1, "server")
    return ctx, study


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return {next(iter(row.values())): row for row in csv.DictReader(stream)}


def test_the_store_becomes_the_contract_with_places_and_digests_and_without_codes(
    voted: tuple[Context, Study],
) -> None:
    _, study = voted
    with Store(study) as store:
        votes, codes = votes_of(study, store), [each.code for each in store.participants()]
    assert len(votes.votes) == 5 * 21 + 1
    for each in votes.votes:
        (trial,) = [t for t in ballot(study, each.participant) if t.number == each.number]
        assert tuple(name for name, _ in each.shown) == trial.order
        assert dict(each.shown) == trial.item.digests
    assert not any(code in repr(votes) or "law" in repr(votes) for code in codes)


def test_the_report_counts_by_class_and_says_who_was_left_out(voted: tuple[Context, Study]) -> None:
    ctx, study = voted
    made = report(ctx.root, study.folder)
    tables = made.folder / "tables"
    shares = rows_of(tables / "shares.csv")
    assert shares["Ours"]["Easy cases"].startswith("1.00 [")
    assert shares["Ours"]["Hard cases"].startswith("0.00 [")
    assert shares["Ours"]["All videos"].startswith("0.50 [")
    assert shares["Votes (source videos)"]["Easy cases"].startswith("50 (")
    people = rows_of(tables / "participants.csv")
    assert people["6"]["Whether the votes count"].startswith(("unfinished: 1 of 20 videos", "no vote on a video"))
    assert [people[str(n)]["Whether the votes count"] for n in range(1, 6)] == ["counts"] * 5
    assert rows_of(tables / "times.csv")["Median"]["All videos"] == "7.0"
    assert "1.00" in rows_of(tables / "agreement.csv")["Pairs of participants that agree"]["Easy cases"]
    assert {path.stem for path in tables.glob("*.tex")} == {
        *("shares", "differences", "strengths", "agreement", "places", "times", "participants", "fields"),
    }
    assert (made.folder / "shares.png").read_bytes().startswith(b"\x89PNG")
    assert rows_of(tables / "fields.csv")["“=law()”"] == {
        **{"What participants study": "“=law()”", "Graduate": "1", "Undergraduate": "4"},
    }
    first = (made.folder / "votes.csv").read_bytes()
    report(ctx.root, study.folder)
    assert (made.folder / "votes.csv").read_bytes() == first


def test_synthetic_votes_reach_no_table(voted: tuple[Context, Study]) -> None:
    ctx, study = voted
    made = report(ctx.root, study.folder)
    assert made.published is None
    assert any("these votes are synthetic" in line and "is not written" in line for line in made.lines)
    path = ctx.root / votes_file(SCALE)
    assert not path.exists()
    assert "These votes are synthetic: a test of this program." in (made.folder / "tables" / "shares.md").read_text()
    votes = read_votes(made.folder / "votes.csv")
    with pytest.raises(BadInput, match="These votes are synthetic, so no table may show them"):
        publish(votes, ctx.root)
    # Nor if somebody copies the file there.
    write_votes(path, votes)
    try:
        found = read_preference(ctx, EVALUATION, METHOD_PARAMS, STUDY.exclude)
        assert found.why == f"{votes_file(SCALE)} has synthetic votes, which no table shows."
        assert found.votes() == []
    finally:
        path.unlink()


def test_the_command_prints_the_shares_and_where_to_look(
    voted: tuple[Context, Study], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx, study = voted
    monkeypatch.chdir(ctx.root)
    with pytest.raises(SystemExit) as ended:
        main(["study", "report", "--study", str(study.folder)])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "Ours (easy cases, hard cases, all videos): 1.00 [" in said
    assert "this study has 6 participants and 10 videos of each class; the paper's has 20 and 10" in said
    assert f"look at {study.folder / 'report' / 'tables'}" in said


def test_votes_of_people_are_published_once_and_never_over_those_of_another_study(tmp_path: Path) -> None:
    votes = Votes(VotedStudy.model_validate(_about() | {"scale": SCALE}), (_vote(1, "a/1/r0", {}),))
    path = publish(votes, tmp_path)
    assert publish(votes, tmp_path) == path
    assert read_votes(path) == votes
    other = Votes(votes.study.model_copy(update={"study": "f" * 16}), votes.votes)
    with pytest.raises(BadInput, match=f"has the votes of another study, {votes.study.study}, .* move that file"):
        publish(other, tmp_path)
    assert read_votes(path) == votes


def test_a_study_whose_participants_are_all_left_out_has_tables_of_dashes(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=2, hard=2)
    study = synthetic_study(ctx, tmp_path / "s", per_class=2)
    with Store(study) as store:
        store.consent(1, "graduate", "law")
        first = next(trial for trial in ballot(study, 1) if trial.item.kind == "vote")
        store.vote(1, first.item.key, first.order[0], 9000, 1, "server")
    made = report(ctx.root, study.folder)
    for name in ("shares", "differences", "strengths", "agreement", "places", "times"):
        text = (made.folder / "tables" / f"{name}.csv").read_text()
        assert "–" in text
        assert "nan" not in text
    assert rows_of(made.folder / "tables" / "participants.csv")["1"]["Whether the votes count"].startswith("unfinished")


def as_of_people(study: Study) -> Study:
    """The same study as if people had voted; what is published stays in a test's folder."""
    plan = study.folder / "study.json"
    plan.write_text(plan.read_text().replace('"synthetic"', '"people"'))
    with contextlib.closing(sqlite3.connect(study.store)) as db, db:
        db.execute("UPDATE about SET value = 'people' WHERE key = 'origin'")
    return open_study(study.folder)


def test_deleted_votes_leave_the_published_file_at_the_next_report_also_those_of_the_last_participant(
    tmp_path: Path,
) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    study = as_of_people(synthetic_study(ctx, tmp_path / "s", per_class=1))
    cast(study, 2, lambda difficulty: METHODS[0])
    made = report(ctx.root, study.folder, to_tables=False)
    path = ctx.root / votes_file(SCALE)
    assert (made.published, path.exists()) == (None, False), "a pilot reaches no table"
    assert any(line.endswith("is not written") for line in made.lines)
    assert report(ctx.root, study.folder).published == path
    for person, left in ((1, {2}), (2, set())):
        with Store(study) as store:
            code = store.participants()[0].code
        said = delete_one(ctx.root, study.folder, code)
        assert f"participant {person} is deleted, with 2 votes; " in said
        assert (
            f"{study.folder / 'report' / 'votes.csv'} and {path} still have these votes: run `tgvac study report"
            in said
        )
        assert person in read_votes(path).people
        made = report(ctx.root, study.folder)
        assert (read_votes(path).people if path.exists() else set()) == left
    assert made.lines == (
        f"all who voted are deleted, so {study.folder / 'report' / 'votes.csv'} and {path} are deleted, with the"
        " tables",
    )
    assert made.folder is None
    assert not (study.folder / "report").exists()


def test_a_deletion_is_said_also_where_the_published_file_is_damaged(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    study = as_of_people(synthetic_study(ctx, tmp_path / "s", per_class=1))
    cast(study, 1, lambda difficulty: METHODS[0])
    path = ctx.root / votes_file(SCALE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("no votes")
    with Store(study) as store:
        code = store.participants()[0].code
    said = delete_one(ctx.root, study.folder, code)
    assert "participant 1 is deleted, with 2 votes; whether a report still has these votes cannot be told: " in said
    assert f"{path} is of format" in said
    with Store(study) as store:
        assert store.count() == 0


def test_a_store_that_lost_its_votes_does_not_delete_the_published_ones(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    study = as_of_people(synthetic_study(ctx, tmp_path / "s", per_class=1))
    before = study.store.read_bytes()
    cast(study, 1, lambda difficulty: METHODS[0])
    path = report(ctx.root, study.folder).published
    study.store.write_bytes(before)
    with pytest.raises(BadInput, match=r"has no vote, and nobody was deleted, but .* restore the store from a copy"):
        report(ctx.root, study.folder)
    assert path is not None
    assert len(read_votes(path).votes) == 2


def test_where_nobody_counts_the_report_says_how_many_and_why_and_not_that_the_column_fills(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    study = as_of_people(synthetic_study(ctx, tmp_path / "s", per_class=1))
    with Store(study) as store:
        for person in (1, 2):
            store.consent(person, "graduate", "law")
            first = next(trial for trial in ballot(study, person) if trial.item.kind == "vote")
            store.vote(person, first.item.key, first.order[0], 9000, 1, "server")
    said = "\n".join(report(ctx.root, study.folder).lines)
    assert "2 participants are left out, by number: 1: unfinished: 1 of 2 videos; 2: unfinished: 1 of 2" in said
    assert "nobody counts, so the column of Table 2 stays empty" in said
    assert "fills the column" not in said


def test_a_study_without_votes_is_said(tmp_path: Path) -> None:
    ctx = study_project(tmp_path / "p", easy=1, hard=1)
    study = synthetic_study(ctx, tmp_path / "s", per_class=1)
    with pytest.raises(BadInput, match=r"Nobody has voted in .* yet; `tgvac study serve --study"):
        report(ctx.root, study.folder)


# ---------------------------------------------------------------- Table 2 and its claim


def _about() -> dict[str, object]:
    return {
        "study": "0123456789abcdef",
        "origin": "people",
        "scale": "fake",
        "methods": ASKED,
        "per_class": 2,
        "truth": True,
        "hard_from": 0.5,
    }


def _vote(person: int, sample: str, digests: dict[str, str], **changes: object) -> Vote:
    known = {
        "video": sample.rsplit("/", 2)[0],
        "shown": [(name, digests.get(name, "0" * 16)) for name in np.roll(ASKED, person)],
        "level": "graduate" if person % 3 == 0 else "undergraduate",
        "choice": "ours/full",
    }
    return vote(person, sample, **(known | changes))


def votes_on(ctx: Context, choice: Callable[[int, int], str]) -> Votes:
    """Votes as of people, on the completions of a project, half of them as easy videos."""
    outputs = Outputs(ctx, EVALUATION, METHOD_PARAMS)
    recipes = evaluated(read_recipes(ctx.results / "synthesis" / "recipes.parquet"), EVALUATION, SHORT)[:4]
    found = []
    for n, recipe in enumerate(recipes):
        shown = {name: outputs.read(name, recipe.recipe) for name in ASKED}
        digests = {name: completion_digest(rgb) for name, rgb in shown.items() if rgb is not None}
        for person in range(1, PEOPLE + 1):
            found.append(
                _vote(
                    person,
                    recipe.recipe,
                    digests,
                    number=n + 1,
                    difficulty="easy" if n < 2 else "hard",
                    video=f"world/video-{n}",
                    choice=choice(person, n),
                )
            )
    return Votes(VotedStudy.model_validate(_about()), tuple(found))


@pytest.fixture
def project(tmp_path: Path) -> Context:
    return report_project(tmp_path)


def table2(ctx: Context) -> dict[str, dict[str, str]]:
    with (ctx.out / "tables" / "table2.csv").open(encoding="utf-8") as stream:
        return {row["Method"]: row for row in csv.DictReader(stream) if row["Section"] != "Published in the paper"}


def test_the_column_is_filled_from_votes_of_people_on_this_run_s_completions(project: Context) -> None:
    votes = votes_on(project, lambda person, n: "ours/full" if person > 3 or n > 1 else "copy_visible/plain")
    write_votes(project.root / votes_file("fake"), votes)
    run_report(project)
    rows = table2(project)
    assert rows["Ours"]["Easy cases: User preference↑"].startswith("0.75 [")
    assert rows["Ours"]["Hard cases: User preference↑"].startswith("1.00 [")
    copied = rows["Copy the visible part (trivial baseline)"]
    assert copied["Easy cases: User preference↑"].startswith("0.25 [")
    assert rows["Ours without motion"]["Easy cases: User preference↑"] == "– (The study did not compare it.)"
    assert rows["Frames (source videos)"]["Easy cases: User preference↑"] == "24 votes (2)"
    text = (project.out / "tables" / "table2.md").read_text()
    assert "48 votes by 12 students (4 graduate, 8 undergraduate) on 2 easy and 2 hard videos (the paper: 20" in text
    with (project.out / "tables" / "estimates.csv").open(encoding="utf-8") as stream:
        lines = [row for row in csv.DictReader(stream) if row["metric"] == "user_preference"]
    ours = next(row for row in lines if row["method"] == "ours" and row["class"] == "easy")
    assert (ours["mean"], ours["paper"]) == ("0.75", "0.78")
    assert len(lines) == 2 * len(ASKED)
    with (project.out / "tables" / "paper.csv").open(encoding="utf-8") as stream:
        beside = {row["Number"]: row for row in csv.DictReader(stream)}
    assert beside["Ours: Easy Cases, User preference↑"]["Here"].startswith("0.75 [")
    assert beside["Ours: Easy Cases, User preference↑"]["Paper"] == "0.78"


def test_votes_on_other_completions_do_not_count_and_the_table_says_so(project: Context) -> None:
    votes = votes_on(project, lambda person, n: "ours/full")
    sample = votes.votes[0].sample
    others = tuple(
        each.model_copy(update={"shown": tuple((name, "f" * 16) for name, _ in each.shown)})
        if each.sample == sample
        else each
        for each in votes.votes
    )
    write_votes(project.root / votes_file("fake"), Votes(votes.study, others))
    found = read_preference(project, EVALUATION, METHOD_PARAMS, STUDY.exclude)
    assert len(found.votes()) == 3 * PEOPLE
    assert "12 votes are about other completions than this run's and do not count." in found.said
    every = tuple(
        each.model_copy(update={"shown": tuple((name, "f" * 16) for name, _ in each.shown)}) for each in votes.votes
    )
    write_votes(project.root / votes_file("fake"), Votes(votes.study, every))
    found = read_preference(project, EVALUATION, METHOD_PARAMS, STUDY.exclude)
    assert found.why.endswith("are about other completions than this run's; ask people again.")
    run_report(project)
    assert table2(project)["Ours"]["Easy cases: User preference↑"].startswith(
        "– (All votes of reference/votes/fake.csv"
    )
    page = (project.out / "index.html").read_text()
    assert "not measured: no votes of people on this run" in page


def test_without_a_file_the_column_says_that_there_are_no_votes(project: Context) -> None:
    run_report(project)
    cell = table2(project)["Ours"]["Hard cases: User preference↑"]
    assert cell == f"– ({NO_VOTES.why})"


def test_votes_of_another_scale_and_a_damaged_file_do_not_pass(project: Context) -> None:
    votes = votes_on(project, lambda person, n: "ours/full")
    moved = Votes(votes.study.model_copy(update={"scale": "tiny"}), votes.votes)
    path = project.root / votes_file("fake")
    write_votes(path, moved)
    found = read_preference(project, EVALUATION, METHOD_PARAMS, STUDY.exclude)
    assert found.why == "reference/votes/fake.csv has votes on scale 'tiny', not on this one."
    path.write_text(path.read_text().replace("8000", "?").replace("5000", "?"))
    with pytest.raises(BadInput, match=r"fake\.csv, line 3: 'ms' is wrong"):
        read_preference(project, EVALUATION, METHOD_PARAMS, STUDY.exclude)


def test_where_the_rules_leave_nobody_the_column_says_so(project: Context) -> None:
    votes = votes_on(project, lambda person, n: "ours/full")
    hasty = tuple(each.model_copy(update={"ms": 100}) for each in votes.votes)
    found = preference_of(Votes(votes.study, hasty), STUDY.exclude, where="the file")
    assert found.why == "The rules of exclusion leave none of the votes of the file."
    assert found.lacks == "votes of people that count"
