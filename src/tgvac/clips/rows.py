"""Contract 4, the rows: all measured values in long format; all tables, claims and figures come from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.clips.tables import read_arrow, schema_of, write_table
from tgvac.files import writing

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


_RUN = ("method", "variant", "mask_source", "train_seed", "sample_seed")
_ORDER = (*_RUN, "sample", "metric", "frame")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, sorted by method, variant, seeds, sample, metric and frame."""
    write_table(path, [asdict(row) for row in sorted(rows, key=attrgetter(*_ORDER))], _COLUMNS, ROWS_FORMAT)


def join_row_files(parts: Iterable[Path], path: Path) -> None:
    """Join files of rows, in the order of :func:`write_rows`.

    It works on columns, one run (method, masks and seeds) after the other, so its memory is that of the largest run.

    Args:
        parts: files whose rows are of one run each.

    Raises:
        ValueError: when a file has rows of several runs.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    runs: dict[tuple[str | int, ...], list[Path]] = {}
    for part in parts:
        runs.setdefault(_run_of(part), []).append(part)
    with writing(path) as beside, pq.ParquetWriter(beside, schema_of(_COLUMNS, ROWS_FORMAT), compression="zstd") as out:
        for run in sorted(runs):
            table = pa.concat_tables([read_arrow(part, ROWS_FORMAT) for part in runs[run]])
            out.write_table(table.sort_by([(name, "ascending") for name in _ORDER]))


def _run_of(part: Path) -> tuple[str | int, ...]:
    """The run that a file's rows are of; empty for a file without rows."""
    columns = read_arrow(part, ROWS_FORMAT, _RUN)
    found = [columns.column(name).unique().to_pylist() for name in _RUN]
    if any(len(values) > 1 for values in found):
        raise ValueError(f"{part} has rows of several runs: {dict(zip(_RUN, found, strict=True))}")
    return tuple(value for values in found for value in values)


def read_rows(path: Path) -> list[Row]:
    """Read rows as objects."""
    return [Row(**row) for row in read_arrow(path, ROWS_FORMAT).to_pylist()]


def read_frame(path: Path) -> pd.DataFrame:
    """Read rows as a data frame with the columns of :class:`Row`."""
    frame: pd.DataFrame = read_arrow(path, ROWS_FORMAT).to_pandas()
    return frame
