"""Phase `dataset`: the data set's card, which is ready before any training.

dataset/index.html                        one page that opens offline
dataset/README.md                         the card in the layout of a hub
dataset/croissant.json                    metadata of the tables and of the archives behind them, validated
dataset/data/<table>.parquet              recipes, occlusion and captions as their phases wrote them
dataset/tables/<name>.{csv,md,html,tex}   table1, counts, truth, masks, splits, captions, selection
dataset/figures/<name>.{png,svg}          occlusion, lengths, categories, captions; sheet.png
dataset/index.json                        digests of all files, written last
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from tgvac.card.agreement import measure_agreement, truth_table
from tgvac.card.archives import used_sources
from tgvac.card.counts import counts_table
from tgvac.card.croissant import write_croissant
from tgvac.card.facts import Facts, read_facts
from tgvac.card.fields import PUBLISHED
from tgvac.card.histograms import draw_figures
from tgvac.card.judged import judge_frames
from tgvac.card.page import Shown, render_page
from tgvac.card.params import DatasetParams
from tgvac.card.readme import describe, leakage, readme
from tgvac.card.sheet import contact_sheet, drawn
from tgvac.card.statistics import captions_table, splits_table
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import Recipe
from tgvac.clips.tables import read_table
from tgvac.files import sha256, write_text, writing
from tgvac.masks.join_quality import QUALITY_FORMAT
from tgvac.metrics.params import MetricsParams
from tgvac.progress import with_progress
from tgvac.report.masks_table import masks_table
from tgvac.report.samples import Sample
from tgvac.report.strips import spaced, strip
from tgvac.report.table1 import dataset_table, selection_table
from tgvac.report.table_files import write_table_files
from tgvac.shards import Entry, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.synthesis.params import SelectParams

_KINDS = ("png", "svg")


def run(ctx: Context, *, dataset: DatasetParams, select: SelectParams, metrics: MetricsParams) -> None:
    """Write the card of a scale; it replaces an earlier card only when it is complete."""
    staged = replace(ctx, folder=".dataset.part")
    shutil.rmtree(staged.out, ignore_errors=True)
    _write(staged, dataset, select, metrics.hard_from)
    shutil.rmtree(ctx.out, ignore_errors=True)
    staged.out.rename(ctx.out)


def _write(ctx: Context, dataset: DatasetParams, select: SelectParams, hard_from: float) -> None:
    facts = read_facts(ctx)
    sources = used_sources(ctx, facts)
    judged = judge_frames(ctx, select, facts.selection, facts.stretches)
    agreement = measure_agreement(ctx, with_progress(judged, f"{ctx.label}: tracks judged", len(facts.selection)))
    table1 = dataset_table(facts.paper, facts.tracks, facts.selection, facts.recipes, facts.rejected)
    counts, truth = counts_table(facts), truth_table(agreement)
    masks = masks_table(read_table(ctx.results / "masks" / "quality.parquet", QUALITY_FORMAT))
    splits, captions = splits_table(facts, hard_from), captions_table(facts)
    for table in (table1, counts, truth, masks, splits, captions, selection_table(facts.selection, facts.rejected)):
        write_table_files(ctx.out / "tables", table)

    for name, published in PUBLISHED.items():
        with writing(ctx.out / "data" / f"{name}.parquet") as part:
            shutil.copyfile(ctx.results / published.phase / f"{name}.parquet", part)

    figures = draw_figures(facts, dataset)
    clips = RecipeClips(facts.recipes, track_opener(ctx))
    shown = drawn("contact sheet", facts.recipes, dataset.sheet_rows * dataset.sheet_columns)
    sheet = encode_png(contact_sheet(shown, clips, dataset))
    pictures = {
        f"{name}.{kind}": data for name, both in figures.items() for kind, data in zip(_KINDS, both, strict=True)
    }
    for name, data in {**pictures, "sheet.png": sheet}.items():
        with writing(ctx.out / "figures" / name) as part:
            part.write_bytes(data)

    write_croissant(ctx.out / "croissant.json", facts, sources, describe(facts), dataset)
    numbers = (splits, table1, counts, truth, captions)
    write_text(ctx.out / "README.md", readme(facts, sources, agreement, numbers, ctx.out))
    page = Shown(
        account=(describe(facts), leakage(facts).replace("**", "")),
        numbers=(table1, counts, truth),
        rest=(splits, captions, masks, selection_table(facts.selection, facts.rejected, dataset.listed)),
        figures={name: svg for name, (_, svg) in figures.items()},
        sheet=sheet,
        strips=_strips(facts, clips, dataset),
    )
    write_text(ctx.out / "index.html", render_page(facts, page))
    _write_index(ctx.out)


def _strips(facts: Facts, clips: RecipeClips, dataset: DatasetParams) -> list[tuple[Recipe, np.ndarray]]:
    """A few samples frame by frame, sorted by how much of them is hidden."""
    chosen = sorted(drawn("strips", facts.recipes, dataset.samples), key=lambda r: (r.mean_rate, r.recipe))
    found = []
    for recipe in chosen:
        caption = facts.captions[recipe.target].text if recipe.target in facts.captions else ""
        # Only the frames to show are rendered, because the video may be long.
        clip = clips.render(recipe.recipe, spaced(recipe.frames, dataset.strip_frames))
        sample = Sample(clip, caption, recipe.mean_rate, {})
        found.append((recipe, strip(sample, dataset.strip_frames, dataset.zoom)))
    return found


def _write_index(folder: Path) -> None:
    """Write the digests of all files in a folder."""
    entries = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        entries.append(Entry(name, name, sha256(path), path.stat().st_size))
    write_index(folder / "index.json", entries)
