"""Which sample moved a mean most: the mean of a cell with all of its samples, and without each one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Moved:
    """The sample without which a mean would change most.

    Attributes:
        sample, video: its id, and its source video.
        mean: of the sample's own values, in the metric's unit.
        without: the mean of the cell without the sample.
        shift: the mean of the cell minus ``without``: by how much the sample moves it.
        values: the sample's values by frame; over several training seeds their mean.
        rates: the occlusion rates of these frames, in [0,1].
    """

    sample: str
    video: str
    mean: float
    without: float
    shift: float
    values: Mapping[int, float]
    rates: Mapping[int, float]

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that count in the cell, in order."""
        return tuple(self.values)


def moved_most(rows: pd.DataFrame) -> Moved | None:
    """The sample that moved the mean of a cell most, up or down; ties go to the smaller id.

    Args:
        rows: rows of one cell, with the columns ``sample``, ``video``, ``frame``, ``rate`` and ``value``; NaN values
            do not count.

    Returns:
        None where fewer than two samples have values, since no mean is left without the only one.
    """
    rows = rows[rows["value"].notna()]
    sums = rows.groupby("sample", observed=True)["value"].agg(["sum", "count"]).sort_index()
    if len(sums) < 2:
        return None
    total, count = sums["sum"].sum(), sums["count"].sum()
    without = (total - sums["sum"]) / (count - sums["count"])
    shift = total / count - without
    # Rounded: of two samples with as many frames each moves the mean as much as the other, but for the last bits.
    sample = str(shift.abs().round(12).idxmax())
    mine = rows[rows["sample"] == sample]
    by_frame = mine.groupby("frame")[["value", "rate"]].mean().sort_index()
    return Moved(
        sample=sample,
        video=str(mine["video"].iloc[0]),
        mean=float(mine["value"].mean()),
        without=float(without[sample]),
        shift=float(shift[sample]),
        values={int(str(frame)): float(value) for frame, value in by_frame["value"].items()},
        rates={int(str(frame)): float(rate) for frame, rate in by_frame["rate"].items()},
    )
