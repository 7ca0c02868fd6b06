"""Table 1, rule by rule, and the smaller tables: counted by hand, and all counts add up."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.card_project import card_project, copied
from tgvac.card.counts import ALL, ROWS, counts_table, source_counts
from tgvac.card.facts import Facts, read_facts
from tgvac.card.statistics import captions_table, splits_table
from tgvac.clips.captions import Caption
from tgvac.clips.tables import read_table, write_table
from tgvac.errors import BadInput
from tgvac.report.tables import Table, to_csv
from tgvac.stage import Context
from tgvac.synthesis.synthesis_stage import _OCCLUSION_COLUMNS, OCCLUSION_FORMAT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return card_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def facts(project: Context) -> Facts:
    return read_facts(project)


def column(table: Table, group: str, label: str) -> dict[str, str]:
    """A column's cells by the label of their row; the last of equal ones."""
    at = next(i for i, c in enumerate(table.columns) if (c.group, c.label) == (group, label))
    return {row.cells[0].text: row.cells[at].text for row in table.rows}


def test_each_step_has_its_count(facts: Facts) -> None:
    found = source_counts(facts)["world"]
    expected = {
        "videos": 4,
        "left_out": 1,
        "objects_left_out": 1,
        "tracks": 4,
        "frames": 40,
        "fault.touch": 8,
        "fault.border": 0,
        "whole": 32,
        "whole.refused": 2,
        "whole.short": 0,
        "kept_frames": 30,
        "refused.share": 1,
        "refused.length": 0,
        "instances": 3,
        "object_classes": 3,
        "mean_frames": 10,
        "stretches": 3,
        "synthesized_videos": 6,
        "per_instance": 2,
        "train": 1,
        "dev": 0,
        "val": 5,
    }
    assert {name: found[name] for name in expected} == expected


def test_counts_of_frames_and_of_tracks_add_up(facts: Facts) -> None:
    for found in source_counts(facts).values():
        faults = sum(count for name, count in found.items() if name.startswith("fault."))
        assert faults + found["whole"] == found["frames"]
        assert found["whole.refused"] + found["whole.short"] + found["kept_frames"] == found["whole"]
        refused = sum(count for name, count in found.items() if name.startswith("refused."))
        assert refused + found["instances"] == found["tracks"]


def test_all_sources_are_the_sum_of_each(facts: Facts) -> None:
    entry = facts.sources["world"]
    rows = [{**row, "source": "other"} if row["video"] == "world/ape-1" else row for row in facts.selection]
    found = source_counts(replace(facts, sources={"world": entry, "other": entry}, selection=rows))
    for name in ("tracks", "frames", "kept_frames", "instances", "fault.touch"):
        assert found["world"][name] + found["other"][name] == found[ALL][name]
    assert found["other"]["instances"] == 1


def test_the_papers_counts_are_beside_ours(facts: Facts) -> None:
    table = counts_table(facts)
    assert len(table.rows) == len(ROWS)
    davis = column(table, "DAVIS [34]", "paper")
    assert (davis["# instances"], davis["# synthesized video"], davis["Videos an instance"]) == ("24", "120", "5.0")
    assert davis["Tracks"] == "–"
    everything = column(table, ALL, "paper")
    assert (everything["# instances"], everything["# synthesized video"], everything["in val"]) == (
        "1,400",
        "6,940",
        "1,400",
    )
    assert column(table, "world", "here")["touches another object"] == "8"


def test_a_source_of_the_paper_has_the_papers_column_beside_it(facts: Facts) -> None:
    rows = [{**row, "source": "davis"} for row in facts.selection]
    recipes = [recipe.model_copy(update={"source": "davis"}) for recipe in facts.recipes]
    stretches = [replace(stretch, source="davis") for stretch in facts.stretches]
    table = counts_table(
        replace(
            facts,
            sources={"davis": facts.sources["world"]},
            rejected=(),
            selection=rows,
            recipes=recipes,
            stretches=stretches,
        )
    )
    assert [(c.group, c.label) for c in table.columns[1:3]] == [("davis", "here"), ("davis", "paper")]
    assert not any(c.group.startswith("DAVIS") for c in table.columns)


def test_a_source_without_kept_tracks_has_no_means(facts: Facts) -> None:
    rows = [{**row, "kept": 0, "refused": row["refused"] or "share"} for row in facts.selection]
    table = counts_table(replace(facts, selection=rows, stretches=[], recipes=[]))
    here = column(table, "world", "here")
    assert here["Mean #frames of their videos"] == here["Videos an instance"] == "–"


def test_splits_count_videos_objects_and_hard_frames(facts: Facts) -> None:
    table = splits_table(facts, 0.5)
    rows = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}
    # Five recipes of eight frames, of three targets, all hidden by one occluder: four videos.
    assert rows["val"][:5] == ["5", "40", "3", "1", "4"]
    assert rows["dev"] == ["0", "0", "0", "0", "0", "–", "–"]
    rates = [rate for r in facts.recipes if r.split == "val" for rate in facts.rates[r.recipe]]
    known = [rate for rate in rates if not math.isnan(rate)]
    assert rows["val"][5] == f"{100 * sum(known) / len(known):.1f} %"
    assert rows["val"][6] == f"{100 * sum(rate >= 0.5 for rate in known) / len(known):.1f} %"


def test_captions_are_counted_by_captioner(facts: Facts) -> None:
    captions = {
        "world/a/1": Caption(track="world/a/1", captioner="given", raw="", text="a red dog"),
        "world/b/1": Caption(track="world/b/1", captioner="given", raw="", text="a big blue fish"),
        "world/c/1": Caption(track="world/c/1", captioner="blip2", raw="", text="a cat", model="blip@1"),
    }
    table = captions_table(replace(facts, captions=captions))
    assert to_csv(table).splitlines()[1:] == ["world,blip2,blip@1,1,2.0", "world,given,,2,3.5"]
    assert table.lead == "1 objects have no caption and are used without text."


def test_a_table_of_rates_that_lacks_frames_is_refused(project: Context, tmp_path: Path) -> None:
    ctx = copied(project, tmp_path)
    path = ctx.results / "synthesis" / "occlusion.parquet"
    rows = read_table(path, OCCLUSION_FORMAT)
    write_table(path, rows[1:], _OCCLUSION_COLUMNS, OCCLUSION_FORMAT)
    with pytest.raises(BadInput, match="has 7 of the 8 frames of 'world/ape-1/1/r0'; run `tgvac stage synthesis`"):
        read_facts(ctx)


def test_rates_are_in_order_of_frames_whatever_the_order_of_rows(
    project: Context, facts: Facts, tmp_path: Path
) -> None:
    ctx = copied(project, tmp_path)
    path = ctx.results / "synthesis" / "occlusion.parquet"
    write_table(path, read_table(path, OCCLUSION_FORMAT)[::-1], _OCCLUSION_COLUMNS, OCCLUSION_FORMAT)
    for recipe, rates in read_facts(ctx).rates.items():
        assert rates.tolist() == pytest.approx(facts.rates[recipe].tolist(), nan_ok=True)


def test_a_missing_captions_phase_is_named(project: Context, tmp_path: Path) -> None:
    ctx = copied(project, tmp_path)
    (ctx.results / "captions" / "rejected.csv").unlink()
    with pytest.raises(BadInput, match=r"rejected\.csv does not exist; run `tgvac stage captions --scale fake` first"):
        read_facts(ctx)


def test_a_judged_track_that_is_missing_is_named(project: Context, tmp_path: Path) -> None:
    ctx = copied(project, tmp_path)
    index = ctx.results / "tracks" / "index.json"
    index.write_text(index.read_text().replace('"id": "world/ape-1/1"', '"id": "world/ape-9/1"'))
    with pytest.raises(BadInput, match="Track 'world/ape-1/1' was judged but is not among the tracks"):
        read_facts(ctx)
