"""The data set's page: one file that opens offline and without scripts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from tgvac.card.facts import Facts
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import Recipe
from tgvac.report.page import png_uri
from tgvac.report.tables import Table, to_html

FIGURES = {
    "occlusion": "How much of the objects is hidden",
    "lengths": "How long videos and stretches are",
    "categories": "What the objects are",
    "captions": "How they are described",
}


@dataclass(frozen=True)
class Shown:
    """What the page shows of a scale.

    Attributes:
        account: paragraphs on what the data set is, and on footage on both sides of the split.
        numbers: tables above the figures, in order.
        rest: tables at the end, in order.
        figures: SVG files by name.
        sheet: the contact sheet, as PNG.
        strips: samples as ``uint8 [H,W,3]``, each with its recipe.
    """

    account: Sequence[str]
    numbers: Sequence[Table]
    rest: Sequence[Table]
    figures: Mapping[str, bytes]
    sheet: bytes
    strips: Sequence[tuple[Recipe, np.ndarray]]


def render_page(facts: Facts, shown: Shown) -> str:
    """The page as HTML; text from data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def template(package: str, name: str) -> str:
        return (files(package) / "templates" / name).read_text(encoding="utf-8")

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(template("tgvac.card", "index.html.j2")).render(
        title=facts.paper.title,
        scale=facts.scale,
        style=Markup(template("tgvac.report", "style.css.j2")),
        account=shown.account,
        world=facts.world,
        numbers=[(table.name, Markup(to_html(table))) for table in shown.numbers],
        rest=[(table.name, Markup(to_html(table))) for table in shown.rest],
        figures=[(FIGURES[name], _svg_uri(data)) for name, data in shown.figures.items()],
        sheet=png_uri(shown.sheet),
        strips=[(recipe, png_uri(encode_png(image_HW3)), *image_HW3.shape[:2]) for recipe, image_HW3 in shown.strips],
        recipes=len(facts.recipes),
    )


def _svg_uri(data: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
