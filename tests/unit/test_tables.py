"""Tables: the same rows are the same bytes; missing, truncated and foreign tables are refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tgvac.clips.captions import Caption, read_captions, write_captions
from tgvac.clips.tables import read_table, write_table
from tgvac.errors import BadInput

COLUMNS = {"name": "string", "number": "int64", "value": "float64"}
ROWS = [{"name": "é", "number": 2**62, "value": 0.1}, {"name": "", "number": -1, "value": float("inf")}]


def test_rows_are_read_back_equal(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", ROWS, COLUMNS, "x-1")
    assert read_table(tmp_path / "t.parquet", "x-1") == ROWS


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, ROWS, COLUMNS, "x-1")
    write_table(tmp_path / "c", [dict(reversed(row.items())) for row in ROWS], COLUMNS, "x-1")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_table_without_rows_is_valid_and_has_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", [], COLUMNS, "x-1")
    assert read_table(tmp_path / "t.parquet", "x-1") == []
    assert pq.read_schema(tmp_path / "t.parquet").names == list(COLUMNS)


@pytest.mark.parametrize("row", [{"name": "a"}, {"name": "a", "number": 1, "value": 1.0, "more": 2}])
def test_a_row_of_other_columns_is_not_written(tmp_path: Path, row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a row of x-1 has columns"):
        write_table(tmp_path / "t.parquet", [row], COLUMNS, "x-1")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_table_is_refused_naming_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"t\.parquet does not exist; run the phase that makes it"):
        read_table(tmp_path / "t.parquet", "x-1")


@pytest.mark.parametrize("keep", [0, 3, 40, -1])
def test_a_truncated_table_is_refused_naming_the_file(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, COLUMNS, "x-1")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        BadInput, match=r"t\.parquet is not a complete parquet file .*; delete it and run its phase again"
    ):
        read_table(path, "x-1")


def test_another_format_is_refused_naming_both(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, COLUMNS, "x-1")
    with pytest.raises(BadInput, match=r"t\.parquet is of format 'x-1', expected 'x-2'; delete it"):
        read_table(path, "x-2")
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(BadInput, match="is of format 'no format', expected 'x-1'"):
        read_table(path, "x-1")


def test_captions_of_an_earlier_format_are_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "c.parquet", [{"track": "s/a/1"}], {"track": "string"}, "tgvac-captions-1")
    with pytest.raises(BadInput, match=r"is of format 'tgvac-captions-1', expected 'tgvac-captions-2'; delete it"):
        read_captions(tmp_path / "c.parquet")


def captions(*names: str) -> list[Caption]:
    return [Caption(track=n, captioner="given", raw=f"{n}.", text=n) for n in names]


def test_captions_are_read_by_track_and_written_the_same_in_any_order(tmp_path: Path) -> None:
    write_captions(tmp_path / "a.parquet", captions("s/b/1", "s/a/1"))
    write_captions(tmp_path / "b.parquet", captions("s/a/1", "s/b/1"))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    found = read_captions(tmp_path / "a.parquet")
    assert list(found) == ["s/a/1", "s/b/1"]
    assert found["s/b/1"] == captions("s/b/1")[0]
