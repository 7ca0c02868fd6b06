"""A table on disk, four times."""

from __future__ import annotations

from pathlib import Path

from tgvac.files import write_text
from tgvac.report.latex import to_latex
from tgvac.report.page import table_document
from tgvac.report.tables import Table, to_csv, to_markdown


def write_table_files(folder: Path, table: Table) -> list[Path]:
    """Write a table as CSV, Markdown, HTML and LaTeX; returns the files."""
    texts = {"csv": to_csv(table), "md": to_markdown(table), "html": table_document(table), "tex": to_latex(table)}
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{table.name}.{suffix}")
        write_text(paths[-1], text)
    return paths
