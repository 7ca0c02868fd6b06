"""The page: one file that opens offline and without scripts; pictures and videos are embedded in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from tgvac.report.basis import Basis
from tgvac.report.curves import MaskCurves, Run, charts
from tgvac.report.paper import Paper
from tgvac.report.tables import Table, to_html

PHASES = {
    "backbones": "Stand-in backbones",
    "frame": "Frame stage",
    "motion": "Motion stage",
}


@dataclass(frozen=True)
class Picture:
    """A picture or video on disk, and what the page says about it."""

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
    """The pictures of a report, and the rule that chose their samples."""

    rule: str
    strips: tuple[Picture, ...]
    videos: tuple[Picture, ...]
    glance: Picture | None = None


@dataclass(frozen=True)
class Drawn:
    """A figure of a report.

    Attributes:
        name: of its files, and its address on the page.
        printed: the paper's sentence below it; "" for a figure of our own.
        caption: what is in it, and the rule, in sentences. Of a figure that is not drawn, the reason.
        picture, video: files, or None if it is not drawn.
        size, video_size: width and height in pixels.
    """

    name: str
    title: str
    printed: str
    caption: tuple[str, ...]
    picture: Path | None = None
    video: Path | None = None
    size: tuple[int, int] = (0, 0)
    video_size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Content:
    """Everything that the page shows."""

    scale: str
    facts: Sequence[tuple[str, str]]
    basis: Basis
    paper: Paper
    tables: Mapping[str, Table]
    gallery: Gallery
    figures: Sequence[Drawn]
    fps: int
    runs: Mapping[str, Sequence[Run]]
    mask_curves: MaskCurves | None = None
    by_decile: Path | None = None


def data_uri(path: Path, kind: str) -> str:
    """A file as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def png_uri(data: bytes) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def template(name: str) -> str:
    """The text of a file in the folder of templates."""
    return (files("tgvac.report") / "templates" / name).read_text(encoding="utf-8")


def render_page(content: Content) -> str:
    """The page as HTML; text from data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(template("index.html.j2")).render(
        scale=content.scale,
        facts=content.facts,
        basis=content.basis,
        paper=content.paper,
        style=Markup(template("style.css.j2")),
        tables={name: Markup(to_html(_shortened(table, content.basis))) for name, table in content.tables.items()},
        figures=[_figure(drawn) for drawn in content.figures],
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
        mask_curves=[Markup(chart) for chart in content.mask_curves.charts] if content.mask_curves else [],
        mask_lines=content.mask_curves.names if content.mask_curves else [],
        by_decile=data_uri(content.by_decile, "image/png") if content.by_decile else "",
        flaws=list(content.paper.flaws.values()),
    )


def _shortened(table: Table, basis: Basis) -> Table:
    """A table for the page, with a short lead: the page has the basis of all numbers in full, once, at the top."""
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


def _figure(drawn: Drawn) -> dict[str, Any]:
    return {
        "name": drawn.name,
        "title": drawn.title,
        "printed": drawn.printed,
        "caption": [sentence.replace(" %", "\u00a0%") for sentence in drawn.caption],
        "picture": data_uri(drawn.picture, "image/png") if drawn.picture else "",
        "video": data_uri(drawn.video, "video/mp4") if drawn.video else "",
        "size": drawn.size,
        "video_size": drawn.video_size,
    }
