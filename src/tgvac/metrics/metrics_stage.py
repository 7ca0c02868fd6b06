"""Phase `metrics`: from completions to rows.

    metrics/<method>/<variant>/seed<k>/shard-000.parquet     rows of one shard
    metrics/rows.parquet                                     all rows

Each sample that is scored is kept in ``scratch/``, so that a killed shard resumes. :mod:`tgvac.metrics.scorer` has the
metrics themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tgvac.clips.captions import read_captions
from tgvac.clips.clip import Clip
from tgvac.clips.completion import CompletionMeta, Completions
from tgvac.clips.framing import FramingParams
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.rows import Row, join_row_files, write_rows
from tgvac.clips.track import file_stem
from tgvac.completion.shards import verified_shard
from tgvac.devices import pin
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.scorer import Scorer, networks_digest, scale_scorer
from tgvac.models.params import ComputeParams
from tgvac.models.runtime import quiet
from tgvac.shards import Ledger, Made, run_items
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener


def run(
    ctx: Context,
    *,
    framing: FramingParams,
    metrics: MetricsParams,
    compute: ComputeParams,
) -> None:
    """Measure one shard of one method."""
    pin(compute.threads)
    quiet()
    o = ctx.options
    name = Path(o["method"]) / o["variant"] / f"seed{o['seed']}" / f"shard-{ctx.shard:03d}"
    shard = verified_shard(ctx, ctx.results / "completion" / name.with_suffix(".json"))
    completions = Completions(shard)
    samples = completions.samples()
    every = {r.recipe: r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet")}
    for sample in samples:
        if sample not in every:
            raise BadInput(
                f"{completions.store.describe(sample)} is no sample of scale '{ctx.scale}';"
                " evaluate completions of this scale's recipes."
            )
    recipes = {sample: every[sample] for sample in samples}
    clips = RecipeClips(recipes.values(), track_opener(ctx))
    found = read_captions(ctx.results / "captions" / "captions.parquet")
    texts = {sample: found[r.target].text if r.target in found else "" for sample, r in recipes.items()}

    @cache
    def scorer() -> Scorer:
        return scale_scorer(ctx, framing, metrics, compute)

    def make(sample: str) -> list[Made]:
        meta = _fitting(completions, sample, recipes[sample])
        clip = clips.render(sample, range(meta.frames))
        if clip.amodal_FHW.shape[1:] != (meta.height, meta.width):
            height, width = clip.amodal_FHW.shape[1:]
            raise BadInput(
                f"{completions.store.describe(sample)} is {meta.width}x{meta.height}, its input {width}x{height};"
                " give completions in the input's own resolution."
            )
        draws = list(completions.draws(sample))
        scores = scorer().score(clip, draws[0], texts[sample]) | scorer().several(clip, draws)
        path = items / f"{file_stem(sample)}.parquet"
        write_rows(path, rows_of(ctx.scale, clip, meta, scores))
        return [Made(sample, path)]

    items = ctx.scratch / o["method"] / o["variant"] / f"seed{o['seed']}" / f"of-{ctx.shard:03d}"
    decided = [sha256(shard), networks_digest(ctx.results / "backbones" / "scoring_clip"), ctx.digest]
    keys: dict[str, Any] = {
        sample: [key, texts[sample], decided] for sample, key in clip_keys(ctx, recipes.values()).items()
    }
    entries = run_items(f"{ctx.label} {o['method']}/{o['variant']}", keys, Ledger(items / "done", items), make)
    out = ctx.out / name.with_suffix(".parquet")
    if entries:
        join_row_files((items / entry.file for entry in entries), out)
    else:
        write_rows(out, [])


def _fitting(completions: Completions, sample: str, recipe: Recipe) -> CompletionMeta:
    """What a completion says of itself.

    Raises:
        BadInput: when it has more frames than its sample.
    """
    meta = completions.meta(sample)
    if meta.frames > recipe.frames:
        raise BadInput(
            f"{completions.store.describe(sample)} has {meta.frames} frames, the sample {recipe.frames};"
            " give one picture per frame."
        )
    return meta


def rows_of(scale: str, clip: Clip, meta: CompletionMeta, scores: dict[str, np.ndarray]) -> Iterable[Row]:
    """One row per value; values that are not defined for a frame have no row."""
    for metric, values_F in scores.items():
        for frame, (value, rate) in enumerate(zip(values_F, clip.occlusion_F, strict=True)):
            if np.isfinite(value):
                yield Row(
                    scale=scale,
                    method=meta.method,
                    variant=meta.variant,
                    mask_source=meta.mask_source,
                    train_seed=meta.train_seed,
                    sample_seed=meta.sample_seed,
                    sample=meta.sample,
                    video=clip.video,
                    frame=frame,
                    metric=metric,
                    rate=float(rate),
                    value=float(value),
                )
