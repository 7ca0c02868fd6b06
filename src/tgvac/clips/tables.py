"""Parquet tables with a format version; the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgvac.errors import BadInput
from tgvac.files import writing

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(columns: Mapping[str, str], format_name: str) -> pa.Schema:
    """An Arrow schema from ``{column: Arrow type name}``, marked with the table's format."""
    import pyarrow as pa

    fields = [pa.field(name, pa.type_for_alias(kind)) for name, kind in columns.items()]
    return pa.schema(fields, metadata={"tgvac": format_name})


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], format_name: str) -> None:
    """Write rows (mappings with exactly the given columns) atomically; a table without rows is valid."""
    import pyarrow as pa

    for row in rows:
        if set(row) != set(columns):
            raise ValueError(f"a row of {format_name} has columns {sorted(row)}, not {sorted(columns)}")
    write_arrow(path, pa.Table.from_pylist([dict(row) for row in rows], schema=schema_of(columns, format_name)))


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write an Arrow table atomically; its format is in the metadata of its schema."""
    import pyarrow.parquet as pq

    with writing(path) as part:
        pq.write_table(table, part, compression="zstd")


def read_arrow(path: Path, format_name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table as Arrow, or some columns of it.

    Raises:
        BadInput: when the file is missing, truncated, or of another format.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise BadInput(f"{path} does not exist; run the phase that makes it (`tgvac phases` lists them).")
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not a complete parquet file ({error}); delete it and run its phase again.") from None
    found = (table.schema.metadata or {}).get(b"tgvac", b"no format").decode()
    if found != format_name:
        raise BadInput(f"{path} is of format '{found}', expected '{format_name}'; delete it and run its phase again.")
    return table


def read_table(path: Path, format_name: str) -> list[dict[str, Any]]:
    """Read a table as plain rows."""
    rows: list[dict[str, Any]] = read_arrow(path, format_name).to_pylist()
    return rows
