"""Selection against the truth: frames counted by hand, and sources without truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.card_project import PARAMS, REFUSED, card_project
from tgvac.card.agreement import BY_RULES, BY_STRETCH, Agreement, measure_agreement, truth_table
from tgvac.card.facts import read_facts
from tgvac.card.judged import Judged, judge_frames
from tgvac.clips.archive import zip_writing
from tgvac.errors import BadInput
from tgvac.stage import Context


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return card_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def judged(ctx: Context) -> list[Judged]:
    facts = read_facts(ctx)
    return list(judge_frames(ctx, PARAMS.select, facts.selection, facts.stretches))


def test_frames_are_judged_as_the_phase_select_did(judged: list[Judged]) -> None:
    assert [each.kept.count(True) for each in judged] == [10, 10, 10, 0]
    assert judged[3].faults == ("", "", *("touch",) * 8)
    assert (judged[3].video, judged[3].object, judged[3].refused) == ("dog-4", "1", "share")


def test_frames_that_break_no_rule_are_counted_against_the_truth(ctx: Context, judged: list[Judged]) -> None:
    found = measure_agreement(ctx, judged)[BY_RULES, "world"]
    # Of four tracks of ten frames, two are occluded, one is cut, one absent; eight break a rule.
    assert (found.frames, found.whole, found.taken, found.both) == (40, 36, 32, 28)
    assert (found.precision, found.recall) == (28 / 32, 28 / 36)
    assert found.wrong == {"occluded": 2, "cut": 1, "absent": 1}
    assert found.missed == {"touch": 8}


def test_kept_frames_are_counted_against_the_truth(ctx: Context, judged: list[Judged]) -> None:
    found = measure_agreement(ctx, judged)[BY_STRETCH, "world"]
    assert (found.whole, found.taken, found.both) == (36, 30, 26)
    assert (found.precision, found.recall) == (26 / 30, 26 / 36)
    assert found.missed == {"touch": 8, "": 2}


def test_the_hidden_share_of_wrongly_taken_frames_is_that_of_the_true_masks(ctx: Context, judged: list[Judged]) -> None:
    found = measure_agreement(ctx, judged)[BY_STRETCH, "world"]
    assert found.hidden == pytest.approx([0.5, 0.1])


def test_the_table_has_a_row_per_source_and_level(ctx: Context, judged: list[Judged]) -> None:
    table = truth_table(measure_agreement(ctx, judged))
    texts = [[cell.text for cell in row.cells] for row in table.rows]
    assert [row.section for row in table.rows] == [BY_RULES, BY_STRETCH]
    assert texts[0][:6] == ["world", "40", "36", "32", "0.875", "0.778"]
    assert texts[0][6] == "absent 1, occluded 2 (hidden: median 30 %, most 50 %), cut by the border 1"
    assert texts[1][7] == "touches another object 8, no rule: in a refused track, or in no stretch long enough 2"


def test_a_source_without_truth_has_no_row(ctx: Context) -> None:
    tracks = [Judged("davis/bear/1", "davis", ("",), (True,), "")]
    table = truth_table(measure_agreement(ctx, tracks))
    assert table.rows == ()
    assert table.lead.startswith("No source of this scale has ground truth")


def test_without_taken_frames_there_is_no_precision() -> None:
    table = truth_table({(BY_RULES, "world"): Agreement(frames=3)})
    assert [cell.text for cell in table.rows[0].cells][4:6] == ["–", "–"]
    assert table.notes() == {"Nothing was taken.": 1, "In no frame is an object whole.": 2}


def test_a_track_without_an_entry_in_the_truth_is_refused(tmp_path: Path) -> None:
    ctx = Context(tmp_path, "fake", "dataset", "")
    with zip_writing(ctx.results / "sources" / "world" / "truth.zip") as sink:
        sink.add("truth.json", b'{"ape-1": {}}')
    with pytest.raises(BadInput, match="has no entry for 'world/ape-1/1'; run `tgvac stage sources` again"):
        measure_agreement(ctx, [Judged("world/ape-1/1", "world", ("",), (True,), "")])


def test_rules_that_differ_from_selections_are_noticed(ctx: Context) -> None:
    facts = read_facts(ctx)
    stricter = PARAMS.select.model_copy(update={"max_touch": 0.9})
    with pytest.raises(BadInput, match=f"The masks of '{REFUSED}' are not those that selection judged"):
        list(judge_frames(ctx, stricter, facts.selection, facts.stretches))
