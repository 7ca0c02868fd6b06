"""The data set before anything is trained on it: Table 1, what was refused, and a few samples.

preview/index.html     one page that opens from disk, minutes after a run began
"""

from __future__ import annotations

from importlib.resources import files

from tgvac.clip.captions import read_captions
from tgvac.clip.images import encode_png
from tgvac.clip.recipe import Recipe, read_recipes
from tgvac.clip.tables import read_table
from tgvac.files import write_text
from tgvac.report.page import png_uri
from tgvac.report.paper import load_paper
from tgvac.report.params import ReportParams
from tgvac.report.samples import Sample
from tgvac.report.strips import strip
from tgvac.report.table1 import dataset_table, rejected_before, selection_table
from tgvac.report.tables import to_html
from tgvac.seeds import unit
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.synthesis.select_stage import TRACKS_FORMAT

LISTED = 40
"""Tracks that the page's account of selection shows."""


def write_preview(ctx: Context, report: ReportParams) -> None:
    """Write the page of a scale whose synthesis and captions are done."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    paper = load_paper(ctx.root / "reference" / "paper.yaml")
    selection = read_table(ctx.results / "select" / "tracks.parquet", TRACKS_FORMAT)
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    tracks = read_index(ctx.results / "tracks" / "index.json")
    rejected = rejected_before(ctx)
    shown = _chosen(recipes, 2 * report.strips)
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    clips = RecipeClips(shown, track_opener(ctx))
    pictures = []
    for recipe in shown:
        clip = clips.render(recipe.recipe)
        caption = captions[recipe.target].text if recipe.target in captions else ""
        image_HW3 = strip(Sample(clip, caption, recipe.mean_rate, {}), report.strip_frames, report.zoom)
        height, width = image_HW3.shape[:2]
        pictures.append((recipe, png_uri(encode_png(image_HW3)), width, height))
    templates = files("tgvac.report") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    page = environment.from_string((templates / "preview.html.j2").read_text(encoding="utf-8")).render(
        title=paper.title,
        scale=ctx.scale,
        style=Markup((templates / "style.css.j2").read_text(encoding="utf-8")),
        tables=[
            Markup(to_html(table))
            for table in (
                dataset_table(paper, tracks, selection, recipes, rejected),
                selection_table(selection, rejected, LISTED),
            )
        ],
        pictures=pictures,
        recipes=len(recipes),
    )
    write_text(ctx.out / "index.html", page)


def _chosen(recipes: list[Recipe], count: int) -> list[Recipe]:
    """Recipes that a draw by their names puts first, of as many source videos as can be; sorted by occlusion."""
    drawn = sorted(recipes, key=lambda r: (unit("preview", r.recipe), r.recipe))
    firsts = list({recipe.video: recipe for recipe in reversed(drawn)}.values())[::-1]
    return sorted(firsts[:count], key=lambda r: (r.mean_rate, r.recipe))
