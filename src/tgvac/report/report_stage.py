"""Phase `report`: the tables, claims, pictures and page of a scale, beside the paper's published numbers.

report/tables/<name>.{csv,md,html,tex}    table1 to table4, claims, comparisons, paper, differences, more, bins,
                                          frames, selection, masks; draws, captions, given_masks, seeds where a run
                                          has any; paper_table1 to paper_table4: as the paper arranges them
report/tables/claims.csv                  for programs: a line for each comparison of each claim, with its verdict
report/tables/deciles.csv, deciles.png    metrics by ten ranges of occlusion
report/tables/estimates.csv               each of our numbers in full precision, one per line
report/metrics.json                       the means of the headline metrics, for `dvc metrics diff`
report/strips/<sample>.png                input, completions and truth, frame by frame
report/videos/{easy,hard}.mp4             one easy and one hard sample as a video
report/sheet.png                          many samples, one frame of each, from the best to the worst
report/figures/<name>.{png,mp4,tex}       the paper's figures of completions; samples.csv says whom each shows, and why
report/index.html                         all of this in one file
report/index.json                         digests of all files, written last
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import read_frame
from tgvac.clips.tables import read_table
from tgvac.completion.evaluated import SHORT, evaluated, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.files import sha256, write_text, writing
from tgvac.masks.join_quality import QUALITY_FORMAT
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import Methods, trained_phases, variants_trained
from tgvac.metrics.params import MetricsParams
from tgvac.models.params import VariantParams
from tgvac.preference.params import StudyParams
from tgvac.report.ablations import streams_table, strides_table
from tgvac.report.basis import read_basis
from tgvac.report.captions_table import captions_table
from tgvac.report.cell_answers import count_answers, score_answers
from tgvac.report.claims import load_claims
from tgvac.report.claims_csv import claims_csv
from tgvac.report.claims_table import claims_table, comparisons_table
from tgvac.report.comparisons import paper_table
from tgvac.report.curves import find_runs
from tgvac.report.deciles import deciles, deciles_csv, deciles_plot
from tgvac.report.draws_table import draws_table
from tgvac.report.estimates import estimates_csv
from tgvac.report.figure_files import FigureDrawer
from tgvac.report.figures import load_figures
from tgvac.report.frozen import Frozen, check_frozen, read_frozen, settled
from tgvac.report.given_masks_table import given_masks_table, mask_curves, mask_overlaps
from tgvac.report.masks_table import masks_table
from tgvac.report.methods import HEADLINE, one_step, stand_ins
from tgvac.report.metrics_json import metrics_json
from tgvac.report.more_scores import more_scores_table
from tgvac.report.page import Content, render_page
from tgvac.report.paper import load_paper
from tgvac.report.paper_arrangement import arranged_tables
from tgvac.report.params import ReportParams
from tgvac.report.pictures import draw_pictures
from tgvac.report.row_checks import check_digests, check_seeds
from tgvac.report.run_facts import facts_of, world_digest
from tgvac.report.samples import occlusion_rates
from tgvac.report.scores import Measured
from tgvac.report.seeds_table import seeds_table
from tgvac.report.table1 import counts_of, dataset_table, rejected_before, selection_table
from tgvac.report.table2 import bins_table, frames_table, methods_table, quality_table
from tgvac.report.table_files import write_table_files
from tgvac.report.verdicts import judge
from tgvac.report.voted import read_preference
from tgvac.sampling.params import SamplerParams
from tgvac.shards import Entry, read_index, write_index
from tgvac.sources.params import SourcesParams
from tgvac.stage import Context
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.select_stage import TRACKS_FORMAT
from tgvac.training.params import FrameModelParams


def run(
    ctx: Context,
    *,
    report: ReportParams,
    metrics: MetricsParams,
    methods: Methods,
    evaluation: EvaluationParams,
    frame_model: FrameModelParams,
    variants: Mapping[str, VariantParams],
    study: StudyParams,
    sources: SourcesParams,
    synthesis: SynthesisParams,
    sampler: SamplerParams,
) -> None:
    """Write the report of a scale; it replaces an earlier report only when it is complete.

    Args:
        sources, synthesis: what a scale whose verdicts count has frozen.
        sampler: its number of steps.

    Raises:
        BadInput: rows that must not stand in one table, or a frozen scale that has changed.
    """
    staged = replace(ctx, folder=".report.part")
    shutil.rmtree(staged.out, ignore_errors=True)
    start = _start_of(methods, variants, frame_model)
    check_digests(ctx, evaluation, methods)
    frozen = read_frozen(ctx.root).get(ctx.scale)
    if frozen is not None:
        now = settled(
            world_digest(ctx) or "",
            ctx.root / "reference" / "claims.yaml",
            sources=sources,
            synthesis=synthesis,
            evaluation=evaluation,
            methods=methods,
            metrics=metrics,
            report=report,
        )
        check_frozen(ctx.scale, frozen, now)
    single = one_step(evaluation.methods, methods, sampler.steps)
    _write(staged, report, metrics, methods, evaluation, start, study, single, frozen)
    shutil.rmtree(ctx.out, ignore_errors=True)
    staged.out.rename(ctx.out)


def _start_of(methods: Methods, variants: Mapping[str, VariantParams], frame_model: FrameModelParams) -> str:
    """What the paper's method was trained further from, as a remark names it; "" for the backbones' network."""
    after = variants[methods[HEADLINE].trained].after if HEADLINE in methods else None
    return frame_model.start if after is None else f"this run's own variant '{after}'"


def _write(
    ctx: Context,
    report: ReportParams,
    metrics: MetricsParams,
    methods: Methods,
    evaluation: EvaluationParams,
    start: str,
    study: StudyParams,
    single: Sequence[str],
    frozen: Frozen | None,
) -> None:
    paper = load_paper(ctx.root / "reference" / "paper.yaml")
    selection = read_table(ctx.results / "select" / "tracks.parquet", TRACKS_FORMAT)
    rejected = rejected_before(ctx)
    every = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    recipes = evaluated(every, evaluation, SHORT)
    long = evaluated(every, evaluation, MethodParams(clips="long"))
    occlusion = occlusion_rates(ctx, [*recipes, *long])
    basis = read_basis(ctx, tuple(sorted({str(row["source"]) for row in selection})))
    preference = read_preference(ctx, evaluation, methods, study.exclude)
    rows = read_frame(ctx.results / "metrics" / "rows.parquet")
    check_seeds(rows, evaluation, methods)
    numbers = Measured(rows, metrics, evaluation.mask_source, preference, report.smallest.by_metric())
    claims = load_claims(ctx.root / "reference" / "claims.yaml", paper)
    standins = stand_ins(evaluation.methods, methods, basis.origin)
    judged = judge(claims.values(), numbers, evaluation.methods, standins, single, frozen)

    tracks = read_index(ctx.results / "tracks" / "index.json")
    counts = {source: counts_of(source, tracks, selection, every, rejected) for source in basis.sources}
    answers = score_answers(numbers, paper, basis, evaluation) | count_answers(paper, basis, basis.sources, counts)

    tables = {
        "table1": dataset_table(paper, tracks, selection, every, rejected),
        "selection": selection_table(selection, rejected),
        "masks": masks_table(read_table(ctx.results / "masks" / "quality.parquet", QUALITY_FORMAT)),
        "table2": quality_table(numbers, paper, basis, evaluation, methods),
        "differences": methods_table(numbers, paper, evaluation, methods),
        "more": more_scores_table(numbers, methods),
        "bins": bins_table(numbers, paper, basis, evaluation, methods),
        "table3": streams_table(numbers, paper, basis, evaluation, start),
        "table4": strides_table(numbers, paper, basis, evaluation, methods),
        "claims": claims_table(judged, paper, basis, metrics),
        "comparisons": comparisons_table(judged, basis),
        "paper": paper_table(numbers, paper, basis, evaluation),
        "frames": frames_table(
            [
                (r.recipe, r.video, rate)
                for r in recipes
                for rate in occlusion[r.recipe][: frames_of(r, evaluation, SHORT)]
            ],
            metrics,
        ),
    }
    overlaps = mask_overlaps(ctx, evaluation, methods)
    optional = {
        "draws": draws_table(numbers, methods),
        "captions": captions_table(numbers, evaluation, methods),
        "given_masks": given_masks_table(numbers, overlaps, evaluation, methods),
        "seeds": seeds_table(numbers, evaluation),
    }
    tables |= {name: table for name, table in optional.items() if table is not None}
    tables |= {table.name: table for table in arranged_tables(paper, answers, basis, metrics.confidence)}
    written = [path for table in tables.values() for path in write_table_files(ctx.out / "tables", table)]
    write_text(ctx.out / "tables" / "estimates.csv", estimates_csv(numbers, paper, evaluation, methods))
    # In place of the table's own, whose cells are for people.
    write_text(ctx.out / "tables" / "claims.csv", claims_csv(judged, paper, basis))
    write_text(ctx.out / "metrics.json", metrics_json(numbers, evaluation, methods))
    written += [ctx.out / "tables" / "estimates.csv", ctx.out / "metrics.json"]
    ranges = deciles(numbers, methods)
    write_text(ctx.out / "tables" / "deciles.csv", deciles_csv(ranges))
    written.append(ctx.out / "tables" / "deciles.csv")
    by_decile = _plot(ctx.out / "deciles.png", deciles_plot(ranges, evaluation.mask_source))
    written += [by_decile] if by_decile else []

    gallery = draw_pictures(ctx, report, evaluation, methods, numbers, recipes, occlusion)
    pictures = (*gallery.strips, *gallery.videos, *([gallery.glance] if gallery.glance else []))
    written += [picture.path for picture in pictures]
    drawer = FigureDrawer(ctx, report, evaluation, methods, numbers, every, occlusion, basis.origin)
    figures, files = drawer.draw(load_figures(ctx.root / "reference" / "figures.yaml"))
    written += files

    content = Content(
        scale=ctx.scale,
        facts=facts_of(ctx, basis, metrics, evaluation, start),
        basis=basis,
        paper=paper,
        tables=tables | {"selection": selection_table(selection, rejected, report.listed)},
        gallery=gallery,
        figures=figures,
        fps=report.fps,
        runs=find_runs(
            ctx,
            {phase: variants_trained(evaluation.methods, phase, methods) for phase in trained_phases()},
            evaluation.train_seeds,
        ),
        mask_curves=mask_curves(numbers, overlaps, evaluation, methods),
        by_decile=by_decile,
    )
    write_text(ctx.out / "index.html", render_page(content))
    written.append(ctx.out / "index.html")
    _write_index(ctx.out, written)


def _plot(path: Path, plot: bytes | None) -> Path | None:
    """Write a plot, if there is one."""
    if plot is None:
        return None
    with writing(path) as part:
        part.write_bytes(plot)
    return path


def _write_index(folder: Path, paths: Sequence[Path]) -> None:
    entries = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        entries.append(Entry(name, name, sha256(path), path.stat().st_size))
    write_index(folder / "index.json", entries)
