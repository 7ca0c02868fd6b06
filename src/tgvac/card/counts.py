"""Table 1, rule by rule: the tracks and frames left after each step, beside the paper's counts.

Every frame and every track is in exactly one row of its section, so the rows of a section add up.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping

from tgvac.card.facts import SPLITS, Facts
from tgvac.report.basis import PAPER_SOURCES
from tgvac.report.table1 import FAULTS, REFUSALS, paper_cell
from tgvac.report.tables import Cell, Column, Row, Table, missing

ALL = "all sources"
_NOT_GIVEN = "Not given in the paper."
_UNDIVIDED = ("share", "mask")
"""Reasons to refuse a whole track, whatever its stretches are."""

ROWS: dict[str, tuple[str, str]] = {
    "videos": ("Looked at", "Videos"),
    "left_out": ("Looked at", "Videos left out: faulty or duplicate"),
    "objects_left_out": ("Looked at", "Objects of other videos left out as faulty"),
    "tracks": ("Looked at", "Tracks"),
    "frames": ("Looked at", "Frames of these tracks"),
    **{f"fault.{name}": ("Frames refused, under the first rule they break", label) for name, label in FAULTS.items()},
    "whole": ("Frames that break no rule", "All of them"),
    "whole.refused": ("Frames that break no rule", "Left out, as the track was refused"),
    "whole.short": ("Frames that break no rule", "Left out, in no stretch long enough"),
    "kept_frames": ("Frames that break no rule", "Kept"),
    **{f"refused.{name}": ("Tracks refused", label) for name, label in REFUSALS.items() if name},
    "instances": ("Tracks kept", "# instances"),
    "object_classes": ("Tracks kept", "# object classes"),
    "mean_frames": ("Tracks kept", "Mean #frames of their videos"),
    "stretches": ("Tracks kept", "Stretches in which the object is whole"),
    "synthesized_videos": ("Synthesized", "# synthesized video"),
    "per_instance": ("Synthesized", "Videos an instance"),
    **{split: ("Synthesized", f"in {split}") for split in SPLITS},
}
"""The section and the label of each row, in order."""

_OF_TABLE_1 = ("mean_frames", "object_classes", "instances", "synthesized_videos")


def counts_table(facts: Facts) -> Table:
    """The counts of each source beside the paper's column, and the totals of both."""
    ours = sorted(facts.sources)
    by_source = source_counts(facts)
    published = facts.paper.tables["table1"].columns
    columns = [Column("", number=False)]
    for source in ours:
        columns.append(Column("here", source))
        if source in PAPER_SOURCES:
            columns.append(Column("paper", source))
    rest = [name for name in published if name not in {PAPER_SOURCES.get(source) for source in ours}]
    columns += [Column("paper", published[name].label) for name in rest]
    columns += [Column("here", ALL), Column("paper", ALL)]
    rows = []
    for name, (section, label) in ROWS.items():
        cells = [Cell(label)]
        for source in ours:
            cells.append(_number(by_source[source].get(name)))
            if source in PAPER_SOURCES:
                cells.append(_published(facts, name, PAPER_SOURCES[source]))
        cells += [_published(facts, name, column) for column in rest]
        cells += [_number(by_source[ALL].get(name)), _published_in_all(facts, name)]
        rows.append(Row(tuple(cells), section))
    return Table(
        "counts",
        "Table 1, rule by rule. What was looked at, refused and made",
        tuple(columns),
        tuple(rows),
        remarks=(
            "A frame counts under the first rule that it breaks, a track under the first reason to refuse it. Frames"
            " refused and frames that break no rule add up to the frames looked at; tracks refused and instances add up"
            " to the tracks. The paper names no rule and gives no count of what it refused.",
        ),
    )


def source_counts(facts: Facts) -> dict[str, Mapping[str, float]]:
    """The numbers of each source, and of all sources under `ALL`, by row; rows without a number are left out."""
    sums: dict[str, Counter[str]] = {source: Counter() for source in (*facts.sources, ALL)}

    def add(source: str, name: str, count: int = 1) -> None:
        sums[source][name] += count
        sums[ALL][name] += count

    for source, entry in facts.sources.items():
        add(source, "videos", len(entry["videos"]))
    for each in facts.rejected:
        add(each.source, "objects_left_out" if each.object else "left_out")
    classes: dict[str, set[str]] = defaultdict(set)
    lengths: dict[str, list[int]] = defaultdict(list)
    for row in facts.selection:
        source, kept, whole = str(row["source"]), int(row["kept"]), int(row["whole"])
        add(source, "tracks")
        add(source, "frames", int(row["frames"]))
        for fault, count in json.loads(row["reasons"]).items():
            add(source, f"fault.{fault}", count)
        add(source, "whole", whole)
        add(source, "kept_frames", kept)
        left = "whole.refused" if row["refused"] in _UNDIVIDED else "whole.short"
        add(source, left, whole - kept)
        if kept:
            add(source, "instances")
            for of in (source, ALL):
                classes[of].add(facts.category(str(row["track"])))
                lengths[of].append(int(row["frames"]))
        else:
            add(source, f"refused.{row['refused']}")
    for stretch in facts.stretches:
        add(stretch.source, "stretches")
    for recipe in facts.recipes:
        add(recipe.source, "synthesized_videos")
        add(recipe.source, recipe.split)
    return {source: _with_means(counted, classes[source], lengths[source]) for source, counted in sums.items()}


def _with_means(counted: Counter[str], classes: set[str], lengths: list[int]) -> dict[str, float]:
    found: dict[str, float] = {name: counted[name] for name in ROWS if name not in ("mean_frames", "per_instance")}
    found["object_classes"] = len(classes)
    if lengths:
        found["mean_frames"] = sum(lengths) / len(lengths)
        found["per_instance"] = counted["synthesized_videos"] / len(lengths)
    return found


def _number(value: float | None) -> Cell:
    if value is None:
        return missing("No track of this source was kept.")
    return Cell(f"{value:,}" if isinstance(value, int) else f"{value:,.1f}")


def _published(facts: Facts, name: str, column: str) -> Cell:
    paper = facts.paper
    if name in _OF_TABLE_1:
        return paper_cell(paper, paper.cell(f"table1.{name}.{column}"))
    if name == "per_instance":
        made, of = (paper.cell(f"table1.{row}.{column}").value for row in ("synthesized_videos", "instances"))
        return Cell(f"{made / of:,.1f}", notes=("Divided here: the paper's videos by its instances.",))
    return missing(_NOT_GIVEN)


def _published_in_all(facts: Facts, name: str) -> Cell:
    paper = facts.paper
    columns = paper.tables["table1"].columns
    if name in ("instances", "synthesized_videos"):
        total = sum(paper.cell(f"table1.{name}.{column}").value for column in columns)
        return Cell(f"{total:,.0f}", notes=("Added up here, over the paper's three sources.",))
    if name == "val":
        flaw = paper.flaws["validation_count"]
        return Cell(
            f"{paper.quotes['validation_videos'].numbers['videos']:,.0f}", notes=(f"Of the paper: {flaw.what}",)
        )
    return missing(_NOT_GIVEN)
