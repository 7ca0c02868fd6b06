"""The files of a table: CSV, Markdown, HTML and LaTeX."""

from __future__ import annotations

from html import escape
from pathlib import Path

from tgvac.files import write_text
from tgvac.report.latex import to_latex
from tgvac.report.page import template
from tgvac.report.tables import Table, to_csv, to_html, to_markdown


def write_table_files(folder: Path, table: Table) -> list[Path]:
    """Write a table as CSV, Markdown, HTML and LaTeX; returns the files."""
    texts = {"csv": to_csv(table), "md": to_markdown(table), "html": table_document(table), "tex": to_latex(table)}
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{table.name}.{suffix}")
        write_text(paths[-1], text)
    return paths


def table_document(table: Table) -> str:
    """One table as an HTML page of its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(table.title)}</title>\n<style>\n{template('style.css.j2')}</style>\n</head>\n<body>\n<main>\n"
        f"<section>\n{to_html(table)}</section>\n</main>\n</body>\n</html>\n"
    )
