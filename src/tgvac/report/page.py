"""The page: one file that opens from disk, offline and without scripts; pictures and video stand inside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from tgvac.report.basis import Basis
from tgvac.report.curves import Run, charts
from tgvac.report.paper import Paper
from tgvac.report.tables import Table, to_html

PHASES = {
    "backbones": "Stand-in backbones",
    "frame": "Frame stage",
    "motion": "Motion stage",
}


@dataclass(frozen=True)
class Picture:
    """A picture or video on disk and what the page says of it."""

    path: Path
    sample: str
    caption: str
    rate: float
    width: int
    height: int
    why: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """The pictures of a report and the rule that chose their samples."""

    rule: str
    strips: tuple[Picture, ...]
    videos: tuple[Picture, ...]
    glance: Picture | None = None


@dataclass(frozen=True)
class Content:
    """All that the page shows."""

    scale: str
    facts: Sequence[tuple[str, str]]
    basis: Basis
    paper: Paper
    tables: Mapping[str, Table]
    gallery: Gallery
    fps: int
    runs: Mapping[str, Sequence[Run]]


def data_uri(path: Path, kind: str) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def png_uri(data: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _template(name: str) -> str:
    return (files("tgvac.report") / "templates" / name).read_text(encoding="utf-8")


def render_page(content: Content) -> str:
    """The page as HTML; whatever comes from data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_template("index.html.j2")).render(
        scale=content.scale,
        facts=content.facts,
        basis=content.basis,
        paper=content.paper,
        style=Markup(_template("style.css.j2")),
        tables={name: Markup(to_html(_briefly(table, content.basis))) for name, table in content.tables.items()},
        rule=content.gallery.rule,
        strips=[_shown(strip, "image/png") for strip in content.gallery.strips],
        videos=[_shown(video, "video/mp4") for video in content.gallery.videos],
        glance=_shown(content.gallery.glance, "image/png") if content.gallery.glance else None,
        fps=content.fps,
        curves=[
            {
                "title": PHASES.get(phase, phase),
                "runs": [run.name for run in runs],
                "charts": [Markup(chart) for chart in charts(runs)],
            }
            for phase, runs in content.runs.items()
        ],
        flaws=list(content.paper.flaws.values()),
    )


def _briefly(table: Table, basis: Basis) -> Table:
    """A table as the page shows it: what its numbers stand on is said in full once, at the top, and then in short."""
    short = f"{basis.verdict[0].upper()}{basis.verdict[1:]}."
    return replace(table, lead=short) if table.lead == basis.sentence else table


def _shown(picture: Picture, kind: str) -> dict[str, Any]:
    return {
        "sample": picture.sample,
        "caption": picture.caption,
        "hidden": f"{picture.rate * 100:.0f} %",
        "data": data_uri(picture.path, kind),
        "width": picture.width,
        "height": picture.height,
        "why": picture.why,
        "rows": ", ".join(picture.rows),
    }


def table_document(table: Table) -> str:
    """One table as a page of its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(table.title)}</title>\n<style>\n{_template('style.css.j2')}</style>\n</head>\n<body>\n<main>\n"
        f"<section>\n{to_html(table)}</section>\n</main>\n</body>\n</html>\n"
    )
