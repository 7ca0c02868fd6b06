"""Phase `report`: the tables, pictures and page of a scale, beside what the paper published.

report/tables/<name>.{csv,md,html}    table1, selection, table2, paper, differences, frames
report/tables/estimates.csv           each of our numbers in full, one line a number
report/strips/<sample>.png            what is seen, made and true, frame by frame
report/video.mp4                      the most hidden of those samples, in motion
report/index.html                     all of it in one file
report/index.json                     digests of all files, written last
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.baselines.completion_names import Methods, trainings
from tgvac.clip.captions import read_captions
from tgvac.clip.images import encode_png
from tgvac.clip.recipe import Recipe, read_recipes
from tgvac.clip.rows import read_frame
from tgvac.clip.tables import read_table
from tgvac.clip.track import file_stem
from tgvac.clip.video import write_mp4
from tgvac.completion.evaluated import SHORT, evaluated
from tgvac.completion.params import EvaluationParams
from tgvac.errors import BadInput
from tgvac.files import sha256, write_text, writing
from tgvac.metrics.params import MetricsParams
from tgvac.progress import track as with_progress
from tgvac.report.basis import Basis, read_basis
from tgvac.report.comparisons import methods_table, paper_table
from tgvac.report.curves import find_runs
from tgvac.report.page import Content, Picture, render_page, table_document
from tgvac.report.paper import Paper, load_paper
from tgvac.report.params import ReportParams
from tgvac.report.samples import Outputs, Sample, choose, frames_of, mean_rates, read_sample
from tgvac.report.scores import CLASSES, SCORES, estimate, label_of, scored
from tgvac.report.strips import layers, side_by_side, strip
from tgvac.report.table1 import dataset_table, selection_table
from tgvac.report.table2 import frames_table, quality_table
from tgvac.report.tables import Table, to_csv, to_markdown
from tgvac.shards import Entry, read_index, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.synthesis.select_stage import TRACKS_FORMAT
from tgvac.synthesis.synthesis_stage import OCCLUSION_FORMAT

if TYPE_CHECKING:
    import pandas as pd

ESTIMATES = (
    *("method", "variant", "mask_source", "class", "metric"),
    *("mean", "low", "high", "videos", "frames", "paper_cell", "paper"),
)
"""The columns of ``estimates.csv``."""

PAGE_ROWS = 60
"""How many tracks the page's own account of selection shows; the table on disk has all."""


def run(
    ctx: Context, *, report: ReportParams, metrics: MetricsParams, methods: Methods, evaluation: EvaluationParams
) -> None:
    """Write the report of a scale."""
    _clear(ctx.out)
    paper = load_paper(ctx.root / "reference" / "paper.yaml")
    selection = read_table(ctx.results / "select" / "tracks.parquet", TRACKS_FORMAT)
    every = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    recipes = evaluated(every, evaluation, SHORT)
    rows = read_frame(ctx.results / "metrics" / "rows.parquet")
    occlusion = _occlusion(ctx, recipes)
    basis = read_basis(ctx, tuple(sorted({str(row["source"]) for row in selection})))

    tables = {
        "table1": dataset_table(paper, read_index(ctx.results / "tracks" / "index.json"), selection, every),
        "selection": selection_table(selection),
        "table2": quality_table(rows, paper, basis, metrics, evaluation),
        "paper": paper_table(rows, paper, basis, metrics, evaluation),
        "differences": methods_table(rows, metrics, evaluation),
        "frames": frames_table(
            [(r.recipe, r.video, rate) for r in recipes for rate in occlusion[r.recipe][: frames_of(r, evaluation)]],
            metrics,
        ),
    }
    written = [path for table in tables.values() for path in _write_table(ctx.out / "tables", table)]
    write_text(ctx.out / "tables" / "estimates.csv", _estimates(rows, paper, metrics, evaluation))
    written.append(ctx.out / "tables" / "estimates.csv")

    rates = mean_rates(recipes, occlusion, evaluation)
    strips, video = _pictures(ctx, report, evaluation, recipes, rates)
    written += [picture.path for picture in (*strips, *([video] if video else []))]

    content = Content(
        scale=ctx.scale,
        facts=_facts(ctx, basis, metrics, evaluation),
        basis=basis,
        paper=paper,
        tables=tables | {"selection": selection_table(selection, PAGE_ROWS)},
        rule=(
            f"{len(strips)} of {len(recipes):,} synthesized videos of the split '{evaluation.split}', sorted by mean"
            " occlusion rate: the easiest, the hardest, and evenly spaced ranks between."
        ),
        strips=strips,
        video=video,
        fps=report.fps,
        runs=find_runs(
            ctx,
            {phase: trainings(evaluation.methods, phase, methods) for phase in ("frame", "motion")},
            evaluation.train_seeds,
        ),
    )
    write_text(ctx.out / "index.html", render_page(content))
    written.append(ctx.out / "index.html")
    _write_index(ctx.out, written)


def _clear(folder: Path) -> None:
    """Take away an earlier report, its index first, so that nothing of it passes for this one's."""
    for name in ("index.json", "index.html", "video.mp4"):
        (folder / name).unlink(missing_ok=True)
    for name in ("tables", "strips"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _occlusion(ctx: Context, recipes: Sequence[Recipe]) -> dict[str, list[float]]:
    """The occlusion rates of each recipe's frames, in order."""
    path = ctx.results / "synthesis" / "occlusion.parquet"
    rates: dict[str, dict[int, float]] = defaultdict(dict)
    for row in read_table(path, OCCLUSION_FORMAT):
        rates[row["recipe"]][row["frame"]] = row["rate"]
    for recipe in recipes:
        if len(rates[recipe.recipe]) != recipe.frames:
            raise BadInput(
                f"{path} has {len(rates[recipe.recipe])} of the {recipe.frames} frames of '{recipe.recipe}';"
                " run `tgvac stage synthesis` again."
            )
    return {name: [by_frame[i] for i in sorted(by_frame)] for name, by_frame in rates.items()}


def _write_table(folder: Path, table: Table) -> list[Path]:
    texts = {"csv": to_csv(table), "md": to_markdown(table), "html": table_document(table)}
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{table.name}.{suffix}")
        write_text(paths[-1], text)
    return paths


def _estimates(rows: pd.DataFrame, paper: Paper, metrics: MetricsParams, evaluation: EvaluationParams) -> str:
    """Our numbers of Table 2 for programs to read: full precision, an empty field where there is no value."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(ESTIMATES)
    for of in scored(rows, evaluation.methods):
        for group, _ in CLASSES:
            for score in SCORES:
                value = estimate(rows, of, score, group, metrics)
                numbers = ["" if math.isnan(v) else repr(v) for v in (value.mean, value.low, value.high)]
                cell_id = f"table2.ours.{group}.{score.paper}" if of.name == "ours/full" and score.paper else ""
                published = paper.cell(cell_id).text if cell_id else ""
                whose = (of.method, of.variant, of.mask_source, group, score.metric)
                writer.writerow([*whose, *numbers, value.videos, value.frames, cell_id, published])
    return stream.getvalue()


def _pictures(
    ctx: Context,
    report: ReportParams,
    evaluation: EvaluationParams,
    recipes: Sequence[Recipe],
    rates: Mapping[str, float],
) -> tuple[list[Picture], Picture | None]:
    """The strips of the chosen samples, and the video of the last of them, the hardest."""
    clips = RecipeClips(recipes, track_opener(ctx))
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    outputs = Outputs(ctx, evaluation)
    chosen = choose(rates, report.strips)
    strips: list[Picture] = []
    sample: Sample | None = None
    for name in with_progress(chosen, ctx.label, len(chosen)):
        sample = read_sample(name, rates[name], clips=clips, captions=captions, outputs=outputs, evaluation=evaluation)
        image_HW3 = strip(sample, report.strip_frames, report.zoom)
        path = ctx.out / "strips" / f"{file_stem(name)}.png"
        with writing(path) as part:
            part.write_bytes(encode_png(image_HW3))
        shown = tuple(label for label, _ in layers(sample))
        strips.append(Picture(path, name, sample.caption, sample.rate, image_HW3.shape[1], image_HW3.shape[0], shown))
    if sample is None:
        return strips, None
    panels_FHW3 = side_by_side(sample, report.zoom)
    path = ctx.out / "video.mp4"
    write_mp4(path, panels_FHW3, report.fps)
    height, width = panels_FHW3.shape[1:3]
    return strips, Picture(path, sample.clip.sample, sample.caption, sample.rate, width, height)


def _facts(ctx: Context, basis: Basis, metrics: MetricsParams, evaluation: EvaluationParams) -> list[tuple[str, str]]:
    """What the page says of the run; nothing that differs between equal runs."""
    origin = {"train": "stand-ins, trained in this run", "pretrained": "pretrained weights"}
    path = ctx.results / "backbones" / "provenance.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    named = [f"{key} {value}" for key, value in sorted(record.items()) if key != "origin"]
    return [
        ("Scale", ctx.scale),
        ("Digest of parameters and code", ctx.digest[:16]),
        ("Backbones", "; ".join([origin.get(basis.origin, "unknown origin"), *named])),
        ("Sources of video", ", ".join(basis.sources)),
        ("Measured on", f"split '{evaluation.split}', the first {evaluation.frames} frames of each synthesized video"),
        ("Visible masks", evaluation.mask_source),
        ("Methods", ", ".join(label_of(method) for method in evaluation.methods)),
        ("Training seeds", ", ".join(map(str, evaluation.train_seeds))),
        ("LPIPS network", metrics.lpips_net),
    ]


def _write_index(folder: Path, paths: Sequence[Path]) -> None:
    entries = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        entries.append(Entry(name, name, sha256(path), path.stat().st_size))
    write_index(folder / "index.json", entries)
