"""The tables of splits and captions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from tgvac.card.facts import SPLITS, Facts
from tgvac.clips.recipe import Recipe
from tgvac.report.tables import Cell, Column, Row, Table, missing


def video_of(track: str) -> str:
    """The source video of a track."""
    return track.rpartition("/")[0]


def splits_table(facts: Facts, hard_from: float) -> Table:
    """The contents of each split.

    Args:
        hard_from: the occlusion rate from which a frame is hard, in [0, 1].
    """
    rows = []
    for split in SPLITS:
        mine = [recipe for recipe in facts.recipes if recipe.split == split]
        occluders = {placement.track for recipe in mine for placement in recipe.occluders}
        videos = {recipe.video for recipe in mine} | {video_of(track) for track in occluders}
        counts = (
            len(mine),
            sum(recipe.frames for recipe in mine),
            len({recipe.target for recipe in mine}),
            len(occluders),
            len(videos),
        )
        rows.append(Row((Cell(split), *(Cell(f"{count:,}") for count in counts), *_rates(facts, mine, hard_from))))
    columns = (
        Column("Split", number=False),
        *(Column(label) for label in ("Videos made", "Frames", "Objects", "Occluders", "Source videos")),
        Column("Mean rate"),
        Column("Hard frames"),
    )
    return Table(
        "splits",
        "Splits",
        columns,
        tuple(rows),
        remarks=(
            "The occlusion rate of a frame is the hidden share of the object's amodal mask; frames without the object"
            f" have none. A frame is hard from {100 * hard_from:g} % (paper, section 4.2).",
        ),
    )


def _rates(facts: Facts, recipes: Iterable[Recipe], hard_from: float) -> tuple[Cell, Cell]:
    rates = np.concatenate([np.zeros(0), *(facts.rates[recipe.recipe] for recipe in recipes)])
    rates = rates[~np.isnan(rates)]
    if not len(rates):
        return missing("No frame shows an object."), missing("No frame shows an object.")
    return Cell(f"{100 * rates.mean():.1f} %"), Cell(f"{100 * np.mean(rates >= hard_from):.1f} %")


def captions_table(facts: Facts) -> Table:
    """Where captions come from, including those of pairs and of refused objects, and how many objects have none."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for caption in facts.captions.values():
        groups[caption.track.partition("/")[0], caption.captioner, caption.model].append(len(caption.text.split()))
    rows = [
        Row((Cell(source), Cell(captioner), Cell(model), Cell(f"{len(words):,}"), Cell(f"{np.mean(words):.1f}")))
        for (source, captioner, model), words in sorted(groups.items())
    ]
    columns = (
        Column("Source", number=False),
        Column("Captioner", number=False),
        Column("Model", number=False),
        Column("Captions"),
        Column("Mean words"),
    )
    lead = f"{len(facts.wordless):,} objects have no caption and are used without text." if facts.wordless else ""
    return Table("captions", "Captions", columns, tuple(rows), lead)
