"""Contract 4, the rows: all measured values in long format; all tables, claims and figures come from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.clips.tables import read_arrow, write_arrow, write_table

if TYPE_CHECKING:
    import pandas as pd

ROWS_FORMAT = "tgvac-rows-1"

_COLUMNS = {
    "scale": "string",
    "method": "string",
    "variant": "string",
    "mask_source": "string",
    "train_seed": "int64",
    "sample_seed": "int64",
    "sample": "string",
    "video": "string",
    "frame": "int64",
    "metric": "string",
    "rate": "float64",
    "value": "float64",
}


@dataclass(frozen=True)
class Row:
    """One value: one metric on one frame of one sample by one method.

    Attributes:
        mask_source: the visible masks that the method was given (``given``, ``tracked`` or ``noisy``).
        train_seed, sample_seed: seeds of training and of sampling; -1 if there is none.
        video: the target's source video, the unit of confidence intervals.
        frame: the frame's position in the sample; for a pair of frames, the later one.
        rate: the frame's occlusion rate in [0, 1]; NaN if the object is absent.
        value: the value; NaN if the metric is undefined (such rows are dropped, not counted as 0).
    """

    scale: str
    method: str
    variant: str
    mask_source: str
    train_seed: int
    sample_seed: int
    sample: str
    video: str
    frame: int
    metric: str
    rate: float
    value: float


_ORDER = ("method", "variant", "mask_source", "train_seed", "sample_seed", "sample", "metric", "frame")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, sorted by method, variant, seeds, sample, metric and frame."""
    write_table(path, [asdict(row) for row in sorted(rows, key=attrgetter(*_ORDER))], _COLUMNS, ROWS_FORMAT)


def join_row_files(parts: Iterable[Path], path: Path) -> None:
    """Join files of rows, in the order of :func:`write_rows`; it works on columns and makes no row objects."""
    import pyarrow as pa

    table = pa.concat_tables([read_arrow(part, ROWS_FORMAT) for part in parts])
    write_arrow(path, table.sort_by([(name, "ascending") for name in _ORDER]))


def read_rows(path: Path) -> list[Row]:
    """Read rows as objects."""
    return [Row(**row) for row in read_arrow(path, ROWS_FORMAT).to_pylist()]


def read_frame(path: Path) -> pd.DataFrame:
    """Read rows as a data frame with the columns of :class:`Row`."""
    frame: pd.DataFrame = read_arrow(path, ROWS_FORMAT).to_pandas()
    return frame
