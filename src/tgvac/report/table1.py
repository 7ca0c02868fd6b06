"""Table 1: the data set by source, beside the paper's; and the tracks that selection kept or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tgvac.clips.recipe import Recipe
from tgvac.errors import BadInput
from tgvac.report.basis import PAPER_SOURCES
from tgvac.report.paper import Cell as PaperCell
from tgvac.report.paper import Paper
from tgvac.report.tables import Cell, Column, Row, Table, missing
from tgvac.shards import Entry
from tgvac.sources.rejected import REJECTED, Rejected, read_rejected
from tgvac.stage import Context

REFUSALS = {
    "": "",
    "share": "whole in too few frames",
    "length": "no stretch long enough",
    "mask": "masks fail in too many frames",
}
FAULTS = {
    "absent": "absent",
    "mask": "mask fails a gate",
    "small": "too small",
    "border": "cut by the border",
    "parts": "in several parts",
    "touch": "touches another object",
    "jump": "area jumps",
}


def paper_cell(paper: Paper, cell: PaperCell) -> Cell:
    """A published cell, with notes on its errors in print."""
    flaws = (paper.flaws[flaw] for flaw in cell.flaws)
    return Cell(cell.text, notes=tuple(f"Of the paper: {flaw.what}" for flaw in flaws if flaw.kind != "open"))


def rejected_before(ctx: Context) -> list[Rejected]:
    """What was left out before selection, by the phases `sources` and `tracks`: videos, and objects of other videos."""
    return [each for phase in ("sources", "tracks") for each in read_rejected(ctx.results / phase / REJECTED)]


def dataset_table(
    paper: Paper,
    tracks: Mapping[str, Entry],
    selection: Sequence[Mapping[str, Any]],
    recipes: Sequence[Recipe],
    rejected: Sequence[Rejected],
) -> Table:
    """Table 1: our sources, each beside the paper's column where it has one.

    Args:
        tracks: the index of the phase `tracks`; the facts of an entry are its video, frames and category.
        selection: rows of ``select/tracks.parquet``; an instance is a track of which selection kept a stretch.
        rejected: what was left out before selection.
    """
    ours = sorted({str(row["source"]) for row in selection} | {each.source for each in rejected})
    published = paper.tables["table1"]
    columns = [Column("", number=False)]
    for source in ours:
        columns.append(Column("here", source))
        if source in PAPER_SOURCES:
            columns.append(Column("paper", source))
    rest = [name for name in published.columns if name not in {PAPER_SOURCES.get(source) for source in ours}]
    columns += [Column("paper", published.columns[name].label) for name in rest]

    by_row = {source: counts_of(source, tracks, selection, recipes, rejected) for source in ours}
    labels = {name: row.label for name, row in published.rows.items()} | _OWN_ROWS
    rows = []
    for name, label in labels.items():
        cells = [Cell(label)]
        for source in ours:
            cells.append(by_row[source][name])
            if source in PAPER_SOURCES:
                cells.append(_published(paper, name, PAPER_SOURCES[source]))
        cells += [_published(paper, name, column) for column in rest]
        rows.append(Row(tuple(cells)))
    return Table(
        "table1",
        "Table 1. The synthesized data set by source",
        tuple(columns),
        tuple(rows),
        remarks=(
            "An instance is a track of which selection kept a stretch. The mean number of frames counts the whole video"
            " of each instance, once per instance.",
        ),
    )


_OWN_ROWS = {
    "left_out": "# videos left out before selection",
    "objects_left_out": "# objects of other videos left out before selection",
    "tracks": "# tracks judged",
    "videos": "# source videos of instances",
    "clip_frames": "Mean #frames of a synthesized video",
    "train": "# synthesized video, train",
    "dev": "# synthesized video, dev",
    "val": "# synthesized video, validation",
}


def _published(paper: Paper, row: str, column: str) -> Cell:
    if row in _OWN_ROWS:
        return missing("Not given in the paper.")
    return paper_cell(paper, paper.cell(f"table1.{row}.{column}"))


def counts_of(
    source: str,
    tracks: Mapping[str, Entry],
    selection: Sequence[Mapping[str, Any]],
    recipes: Sequence[Recipe],
    rejected: Sequence[Rejected],
) -> dict[str, Cell]:
    """The cells of a source, by row of the paper's Table 1 and by row of our own; as in :func:`dataset_table`."""
    judged = [str(row["track"]) for row in selection if row["source"] == source]
    instances = [str(row["track"]) for row in selection if row["source"] == source and row["kept"] > 0]
    if lost := [track for track in instances if track not in tracks]:
        raise BadInput(f"Track '{lost[0]}' was selected but is not among the tracks; run `tgvac stage select` again.")
    facts = [tracks[track].facts for track in instances]
    made = [recipe for recipe in recipes if recipe.source == source]
    counts = {
        "object_classes": len({fact["category"] for fact in facts}),
        "instances": len(instances),
        "synthesized_videos": len(made),
        "left_out": sum(each.source == source and not each.object for each in rejected),
        "objects_left_out": sum(each.source == source and bool(each.object) for each in rejected),
        "tracks": len(judged),
        "videos": len({fact["video"] for fact in facts}),
        **{split: sum(recipe.split == split for recipe in made) for split in ("train", "dev", "val")},
    }
    return {name: Cell(f"{count:,}") for name, count in counts.items()} | {
        "mean_frames": _mean([fact["frames"] for fact in facts], "No track of this source was selected."),
        "clip_frames": _mean([recipe.frames for recipe in made], "No video was synthesized from this source."),
    }


def _mean(values: Sequence[int], otherwise: str) -> Cell:
    return Cell(f"{sum(values) / len(values):,.1f}") if values else missing(otherwise)


def selection_table(selection: Sequence[Mapping[str, Any]], rejected: Sequence[Rejected], limit: int = 0) -> Table:
    """The outcome of selection for each track: a really occluded object must not become ground truth.

    Args:
        rejected: what was left out before selection.
        limit: rows to show, refused tracks first; 0 for all, by id.
    """
    refused = sum(1 for row in selection if row["kept"] == 0)
    lead = (
        f"{len(selection) - refused:,} of {len(selection):,} tracks became ground truth; {refused:,} were refused,"
        " because their object is not fully visible. A frame counts under the first rule that it breaks."
    )
    if rejected:
        lead += (
            f" Before selection {sum(not each.object for each in rejected):,} videos and"
            f" {sum(bool(each.object) for each in rejected):,} objects of other videos were left out as faulty or"
            " duplicate; sources/rejected.csv and tracks/rejected.csv have the reasons."
        )
    ordered = sorted(selection, key=lambda row: str(row["track"]))
    if limit and len(ordered) > limit:
        ordered = sorted(ordered, key=lambda row: row["kept"] > 0)[:limit]
        lead += f" {limit} are shown, refused ones first; tables/selection.csv has all."
    rows = []
    for row in ordered:
        reasons = json.loads(row["reasons"])
        faults = ", ".join(f"{FAULTS.get(name, name)} {count}" for name, count in sorted(reasons.items()))
        rows.append(
            Row(
                (
                    Cell(str(row["track"])),
                    Cell(str(row["category"])),
                    Cell(f"{row['frames']:,}"),
                    Cell(f"{row['whole']:,}"),
                    Cell(f"{row['kept']:,}"),
                    Cell("refused" if row["kept"] == 0 else "kept"),
                    Cell(REFUSALS.get(row["refused"], str(row["refused"]))),
                    Cell(faults),
                )
            )
        )
    columns = (
        Column("Track", number=False),
        Column("Category", number=False),
        Column("Frames"),
        Column("Whole"),
        Column("Kept"),
        Column("Verdict", number=False),
        Column("Refused for", number=False),
        Column("Frames that break a rule", number=False),
    )
    return Table("selection", "Selection. Which tracks show their object whole", columns, tuple(rows), lead)
