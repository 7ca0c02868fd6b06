"""``tgvac explain``: a cell by its name, why it has no number, and the chain behind one that it has."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from tests.unit.ledger_project import FILES, ledger_project, record, trained_again
from tests.unit.report_project import PROJECT
from tests.unit.test_study_report import votes_on
from tgvac.cli import main
from tgvac.clips.votes import votes_file, write_votes
from tgvac.errors import BadInput
from tgvac.ledger.cells import find_cell
from tgvac.ledger.chain import Link, grouped
from tgvac.ledger.explain import explain, to_json
from tgvac.ledger.explain_text import to_text
from tgvac.report.paper import load_paper
from tgvac.stage import Context

PAPER = load_paper(PROJECT / "reference" / "paper.yaml")
CHAIN = ["all rows", "rows", "completions", "motion training", "frame training", "frozen networks"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return ledger_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def changed(tmp_path: Path) -> Context:
    """A project of its own, for a test that changes files."""
    return ledger_project(tmp_path)


def said(ctx: Context, cell: str) -> str:
    """The text of a cell on one line, since lines are wrapped."""
    return " ".join(to_text(explain(ctx.root, "fake", cell)).split())


def states(ctx: Context, cell: str = "table2.ours.hard.lpips") -> dict[str, str]:
    return {link.role: link.state for link in explain(ctx.root, "fake", cell).entry.chain}


@pytest.mark.parametrize("cell", list(PAPER.cells))
def test_the_parts_of_a_cells_name_may_be_in_any_order_after_the_table(cell: str) -> None:
    table, *parts = cell.split(".")
    for order in permutations(parts):
        assert find_cell(PAPER, ".".join((table, *order))).id == cell


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("table2.hard.lpip.ours", "table2.ours.hard.lpips"),
        ("table2.ours.hard.lpips.mean", "table2.ours.hard.lpips"),
        ("table4.stride3.tc", "table4.stride2.tc"),
        ("tabel3.text_only.easy.tc", "table3.text_only.easy.tc"),
    ],
)
def test_a_cell_that_does_not_exist_is_refused_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(BadInput, match=rf"^The paper has no cell '{name}'; the nearest are .*{near}") as caught:
        find_cell(PAPER, name)
    assert str(caught.value).count("table") <= 4


def test_a_name_that_resembles_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(BadInput, match=r"a cell is named as table1\.mean_frames\.davis is"):
        find_cell(PAPER, "@")


def test_a_measured_cell_has_the_papers_sentence_our_number_and_the_sample_that_moved_it(project: Context) -> None:
    text = said(project, "table2.hard.lpips.ours")
    assert text.startswith("table2.ours.hard.lpips: Table 2, “Ours”, Hard Cases, LSIPS↓ paper 0.14 “0.06 versus 0.12")
    assert "misprint The tables head the column LSIPS" in text
    assert "at scale fake, by Ours 24 values of 3 source videos, of this training verdict not comparable;" in text
    assert "Ours − Ours without motion, hard, LPIPS↓: " in text
    assert "moved by world/" in text
    assert "again tgvac run --scale fake --target metrics" in text


def test_the_chain_leads_from_all_rows_to_the_frozen_networks(project: Context) -> None:
    found = explain(project.root, "fake", "table2.ours.hard.lpips")
    assert [link.role for link in found.entry.chain] == CHAIN
    assert {link.state for link in found.entry.chain} == {"intact"}
    assert [link.file for link in found.entry.chain] == [FILES[n][1] for n in reversed(FILES)]
    assert all(step.same_params and step.same_code for step in found.steps)
    text = said(project, "table2.ours.hard.lpips")
    assert "sampler {steps: 3," in text
    assert "methods.ours/full {trained: full," in text


def test_a_network_that_was_trained_again_after_its_completions_were_made_is_told(changed: Context) -> None:
    trained_again(changed, "motion")
    assert states(changed)["motion training"] == "made again"
    assert "index.json, made again after the next step read it" in said(changed, "table2.ours.hard.lpips")


def test_files_that_were_changed_lost_or_never_recorded_are_told(changed: Context) -> None:
    (changed.results / FILES["frame"][1]).write_text("{}")
    (changed.results / f"{FILES['backbones'][1]}.prov.json").unlink()
    assert states(changed) | {"frame training": "changed", "frozen networks": "unrecorded"} == states(changed)
    (changed.results / FILES["motion"][1]).unlink()
    assert states(changed)["motion training"] == "missing"
    assert "frame training" not in states(changed), "nothing says any more what the motion modules were trained on"


def test_shards_of_one_kind_are_one_line_and_a_faulty_one_has_its_own() -> None:
    shards = [Link("rows", f"shard-{k}", "intact", params="p", code="c") for k in range(5)]
    faulty = Link("rows", "shard-5", "missing")
    other = Link("completions", "shard-0", "intact", params="p", code="c")
    assert grouped([*shards, faulty, other]) == [(shards[0], 4), (faulty, 0), (other, 0)]


def test_steps_of_other_params_or_other_code_are_named(changed: Context) -> None:
    record(changed, "completion", params="f" * 64)
    record(changed, "rows", code="e" * 64)
    record(changed, "all rows")
    text = said(changed, "table2.ours.hard.lpips")
    assert "params of completions: other than this scale's present ones; run it again." in text
    assert "sampler {" not in text, "the present values are not those that it was made with"
    assert "commit rows: other code than this clone's" in text or "commit unknown" in text


@pytest.mark.parametrize(
    ("cell", "why", "command"),
    [
        (
            "table2.pix2gestalt.hard.lpips",
            "Scale 'fake' does not evaluate pix2gestalt/full (“Pix2gestalt, stand-in”). Scale 'tiny' does; or add"
            " pix2gestalt/full to evaluation.methods in workflow/scales/fake.yaml.",
            "run tgvac run --scale tiny --target metrics",
        ),
        (
            "table4.stride8.tc",
            "Scale 'fake' evaluates ours/hop8 (“o = 8”), but has no rows of it yet.",
            "run tgvac run --scale fake --target metrics its rows alone"
            " snakemake -c2 results/fake/metrics/ours/hop8/seed0/shard-000.parquet --config scale=fake",
        ),
        ("table2.ours.easy.user_preference", "No votes of people yet;", "run tgvac study build --scale fake"),
        (
            "table1.instances.lasot",
            "Scale 'fake' uses no source that corresponds to LaSOT [10].",
            "run tgvac run --scale fake --target synthesis",
        ),
    ],
)
def test_a_cell_without_a_number_says_why_and_which_command_measures_it(
    project: Context, cell: str, why: str, command: str
) -> None:
    text = said(project, cell)
    assert f"here not measured. {why}" in text
    assert text.endswith(command)


def test_a_scale_that_was_not_run_says_so_of_each_cell(project: Context) -> None:
    text = " ".join(to_text(explain(project.root, "smoke", "table2.ours.hard.lpips")).split())
    assert "Scale 'smoke' evaluates ours/full (“Ours”), but has no rows of it yet." in text
    text = " ".join(to_text(explain(project.root, "smoke", "table1.instances.davis")).split())
    assert "Scale 'smoke' has no data set yet." in text


def test_a_count_comes_from_the_data_set(project: Context) -> None:
    found = explain(project.root, "fake", "table1.davis.synthesized_videos")
    assert (found.entry.here, found.entry.mean) == ("6", 6.0)
    assert [link.file for link in found.entry.chain] == [
        "select/tracks.parquet",
        "tracks/index.json",
        "synthesis/recipes.parquet",
    ]


def test_a_sentence_that_contradicts_its_table_is_quoted_with_its_value(project: Context) -> None:
    text = said(project, "table2.progressive.hard.user_preference")
    assert "paper 0.11; section 4.2 says 0.08" in text
    assert "The shares of the three methods sum to 1.01" in text


def test_a_share_of_votes_says_how_many_votes_there_are_and_where(changed: Context) -> None:
    votes = votes_on(changed, lambda person, n: "ours/full" if person > 3 or n > 1 else "copy_visible/plain")
    write_votes(changed.root / votes_file("fake"), votes)
    text = said(changed, "table2.ours.easy.user_preference")
    assert "here 0.75 [" in text
    assert "24 votes on 2 source videos The votes are in reference/votes/fake.csv." in text
    assert "moved by" not in text
    assert "Scale 'fake' does not evaluate" in said(changed, "table2.progressive.easy.user_preference")


def test_json_has_whole_digests_all_params_and_the_same_numbers(project: Context) -> None:
    found = explain(project.root, "fake", "table2.ours.hard.lpips")
    read = json.loads(to_json(found))
    assert read["id"] == "table2.ours.hard.lpips"
    assert read["mean"] == found.entry.mean
    assert read["moved"]["sample"] in to_text(found)
    assert [link["role"] for link in read["chain"]] == CHAIN
    assert all(len(link[key]) == 64 for link in read["chain"] for key in ("sha256", "params", "code"))
    (completed,) = [link for link in read["chain"] if link["role"] == "completions"]
    assert completed["present_code"] is True
    assert completed["values"]["sampler"]["steps"] == 3
    assert read["rows"]["counted"] == 24


def test_the_command_prints_a_cell_and_refuses_an_unknown_one(
    project: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    with pytest.raises(SystemExit) as ended:
        main(["explain", "table2.hard.lpips.ours", "--scale", "fake"])
    assert ended.value.code == 0
    assert "table2.ours.hard.lpips: Table 2" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["explain", "table2.hard.lpips.us", "--scale", "fake"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("tgvac: The paper has no cell 'table2.hard.lpips.us'; the nearest are")
