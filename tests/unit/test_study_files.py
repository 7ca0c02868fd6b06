"""Answers that were saved as files, and the data of one participant on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.study_project import METHODS, study_project, synthetic_study
from tgvac.cli import main
from tgvac.errors import BadInput
from tgvac.stage import Context
from tgvac.study.ballot import ballot
from tgvac.study.plan import Study, open_study
from tgvac.study.static import answer_files, collect, write_static
from tgvac.study.store import Store


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return study_project(tmp_path_factory.mktemp("study") / "project", easy=1, hard=1)


@pytest.fixture
def study(ctx: Context, tmp_path: Path) -> Study:
    return synthetic_study(ctx, tmp_path / "s", per_class=1)


def code_of(study: Study, number: int) -> str:
    with Store(study) as store:
        return store.participants()[number - 1].code


def answers(of: Study, number: int = 1, **changes: Any) -> dict[str, Any]:
    votes = [{"trial": t.token, "choice": t.choices[0], "ms": 2500.4} for t in ballot(of, number)]
    about = {"code": code_of(of, number), "level": "graduate", "field": "law", "consent": True}
    return {"format": "tgvac-answers-1", "study": of.plan.study, **about, "votes": votes} | changes


def saved(path: Path, value: dict[str, Any]) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_files_are_collected_once_however_often_they_are_given(study: Study, tmp_path: Path) -> None:
    file = saved(tmp_path / "answers-1.json", answers(study))
    assert [vars(collect(study, answer_files([tmp_path]))) for _ in range(2)] == [
        {"new": 2, "known": 0, "refused": ()},
        {"new": 0, "known": 2, "refused": ()},
    ]
    other = answers(study)
    other["votes"][0]["choice"] = ballot(study, 1)[0].choices[1]
    found = collect(study, [saved(file, other)])
    assert (found.new, found.known) == (0, 1)
    assert found.refused[0].startswith(f"{file}, vote 1: there is another vote on this video already")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"study": "f" * 16}, "it is of study ffffffffffffffff, not of"),
        ({"code": "AAAA-AAAA"}, "This code is not known"),
        ({"votes": []}, "it has no vote that can be taken"),
        ({"format": "tgvac-answers-0"}, "'format' is not as it should be"),
        ({"consent": False}, "'consent' is not as it should be"),
        ({"level": "dean"}, "'level' is not as it should be"),
        ({"votes": [{"trial": "x", "choice": "y", "ms": -1}]}, "'votes.0.ms' is not as it should be"),
        ({"votes": [{"trial": "x", "choice": "y", "ms": 1}]}, "vote 1: it is for a video that the participant of"),
        ({"field": "  "}, "'field' is not as it should be; ask the participant"),
        ({"extra": 1}, "'extra' is not as it should be"),
    ],
)
def test_a_file_that_was_changed_is_refused_and_costs_the_others_nothing(
    change: dict[str, Any], message: str, study: Study, tmp_path: Path
) -> None:
    bad = saved(tmp_path / "a-bad.json", answers(study, 1, **change))
    cut = tmp_path / "b-cut.json"
    cut.write_text('{"format": "tgvac-ans')
    good = saved(tmp_path / "c-good.json", answers(study, 2))
    found = collect(study, [bad, cut, good, tmp_path / "none.json"])
    assert found.new == 2
    assert len([each for each in found.refused if str(bad) not in each]) == 2
    assert any(f"{cut}: it is cut off, or no file of answers" in each for each in found.refused)
    assert message in found.refused[0]
    with Store(study) as store:
        assert {each.participant for each in store.votes()} == {2}


def test_a_choice_of_another_participant_is_refused(study: Study, tmp_path: Path) -> None:
    copied = answers(study, 1) | {"code": code_of(study, 2)}
    found = collect(study, [saved(tmp_path / "a.json", copied)])
    assert (found.new, len(found.refused)) == (0, 3)
    assert not any("reload" in each or "your" in each for each in found.refused), "it is said to the staff"
    assert f"the participant of code {code_of(study, 2)} does not have" in found.refused[0]
    assert "so its form is not kept" in found.refused[2]
    with Store(study) as store:
        assert store.participants()[1].level is None, "who owns the code is still asked to agree"
        assert store.everything_of(2)["shown"] == {}


def test_what_is_collected_is_not_marked_as_shown(study: Study, tmp_path: Path) -> None:
    answered = answers(study)
    answered["votes"] = answered["votes"][:1]
    assert collect(study, [saved(tmp_path / "a.json", answered)]).new == 1
    with Store(study) as store:
        assert store.participants()[0].level == "graduate"
        assert store.everything_of(1)["shown"] == {}


def test_a_folder_without_answers_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no \.json file; give the files that participants saved"):
        answer_files([tmp_path])


def test_the_static_folder_names_no_method_and_replaces_only_itself(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "static"
    write_static(study, out)
    write_static(study, out)
    assert len({path.stat().st_mtime for path in (*out.rglob("*"), *study.media.iterdir())}) == 1, (
        "no time tells a method"
    )
    text = "".join(path.read_text() for path in out.rglob("*") if path.suffix in {".js", ".html", ".css"})
    assert not any(word in text for word in (*METHODS, "ours/", study.secret.hex(), study.plan.items[0].sample))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.tex").write_text("mine")
    with pytest.raises(BadInput, match="has other files in it"):
        write_static(study, tmp_path / "own")


def test_a_static_folder_of_a_study_that_lacks_a_video_is_refused(study: Study, tmp_path: Path) -> None:
    lost = next(study.media.iterdir())
    lost.unlink()
    with pytest.raises(BadInput, match=f"lacks 1 videos, such as {lost.name}; copy the study's folder again"):
        write_static(study, tmp_path / "static")
    assert not (tmp_path / "static").exists()


def test_one_participant_s_data_is_exported_and_deleted_by_the_command_line(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(study, [saved(tmp_path / "a.json", answers(study, 1)), saved(tmp_path / "b.json", answers(study, 2))])
    code, file = code_of(study, 1), tmp_path / "one.json"
    main_ok("study", "participant", code, "--study", str(study.folder), "--export", str(file), "--delete")
    kept = json.loads(file.read_text())
    assert (kept["participant"]["field"], len(kept["votes"])) == ("law", 2)
    assert "participant 1 is deleted, with 2 votes" in capsys.readouterr().out
    assert code not in (study.folder / "codes.csv").read_text()
    main_ok("study", "codes", "--study", str(study.folder), "--add", "1")
    said = capsys.readouterr().out
    assert "2 votes; 1 participants deleted" in said
    assert "   5  " in said
    with pytest.raises(SystemExit):
        main(["study", "participant", code, "--study", str(study.folder), "--delete"])
    assert f"has the code '{code}'; `tgvac study codes` lists them" in capsys.readouterr().err


def test_a_participant_s_data_is_neither_touched_without_an_option_nor_written_over_a_file(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, file = code_of(study, 1), tmp_path / "thesis.tex"
    file.write_text("mine")
    for options, told in (
        ((), "--export FILE, or --delete, or both"),
        (("--export", str(file), "--delete"), "is there already; give another --export"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["study", "participant", code, "--study", str(study.folder), *options])
        assert ended.value.code == 2
        assert told in " ".join(capsys.readouterr().err.split())
    assert file.read_text() == "mine"
    assert code_of(study, 1) == code


def test_the_command_line_builds_a_study_writes_it_as_a_folder_and_collects_answers(
    ctx: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ctx.root)
    named = [option for method in METHODS for option in ("--method", method)]
    main_ok("study", "build", "--scale", "smoke", *named, "--per-class", "1", "--participants", "2", "--no-truth")
    study = open_study(Path("study") / "smoke")
    assert (study.plan.origin, study.plan.truth, len(study.plan.items)) == ("people", False, 2)
    assert len((study.folder / "codes.csv").read_text().splitlines()) == 3
    main_ok("study", "static", "--study", "study/smoke", "--out", str(tmp_path / "static"))
    assert "it is for the 2 participants with codes" in capsys.readouterr().out
    page = (tmp_path / "static" / "index.html").read_text()
    assert "ground truth" not in page.lower()
    bad = saved(tmp_path / "bad.json", {})
    with pytest.raises(SystemExit) as ended:
        main(["study", "collect", str(bad), "--study", "study/smoke"])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert "refused:" in said
    assert "0 new votes; 0 were there already" in said


def main_ok(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0
