"""Contract 4, the rows: in long format, sorted, and the same bytes in any order of measurement."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tgvac.clips.rows import Row, read_frame, read_rows, write_rows
from tgvac.errors import BadInput

ROW = Row("tiny", "ours", "full", "given", 0, 0, "s/v/1/r0", "s/v", 0, "psnr", 0.25, 31.5)
ROWS = [
    ROW,
    replace(ROW, frame=2),
    replace(ROW, frame=10, value=0.1),
    replace(ROW, metric="ssim"),
    replace(ROW, sample="s/v/1/r1"),
    replace(ROW, sample_seed=1),
    replace(ROW, train_seed=1),
    replace(ROW, mask_source="tracked"),
    replace(ROW, variant="plain"),
    replace(ROW, method="truth", train_seed=-1),
]


def test_rows_are_sorted_and_read_back_equal(tmp_path: Path) -> None:
    write_rows(tmp_path / "r.parquet", ROWS[::-1])
    assert read_rows(tmp_path / "r.parquet") == ROWS


def test_any_order_gives_the_same_bytes(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.parquet", ROWS)
    write_rows(tmp_path / "b.parquet", ROWS[5:] + ROWS[:5])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_the_rate_of_an_absent_object_is_nan(tmp_path: Path) -> None:
    write_rows(tmp_path / "r.parquet", [replace(ROW, rate=math.nan, value=math.nan)])
    (row,) = read_rows(tmp_path / "r.parquet")
    assert math.isnan(row.rate)
    assert math.isnan(row.value)


def test_a_data_frame_has_the_columns_of_a_row(tmp_path: Path) -> None:
    write_rows(tmp_path / "r.parquet", ROWS)
    frame = read_frame(tmp_path / "r.parquet")
    assert list(frame.columns) == list(asdict(ROW))
    assert frame["frame"].tolist() == [r.frame for r in ROWS]


def test_a_table_without_rows_is_valid(tmp_path: Path) -> None:
    write_rows(tmp_path / "r.parquet", [])
    assert read_rows(tmp_path / "r.parquet") == []


def test_truncated_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    write_rows(path, ROWS)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match=r"r\.parquet is not a complete parquet file"):
        read_rows(path)
