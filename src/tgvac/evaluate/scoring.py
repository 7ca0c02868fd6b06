"""Scores of outputs that were made elsewhere: one file of rows a sample, so that a stopped run goes on.

One sample that cannot be scored never costs the others theirs. Outputs of other clips are refused as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tgvac.clips.captions import read_captions
from tgvac.clips.completion import CompletionMeta
from tgvac.clips.export_record import ExportRecord
from tgvac.clips.outputs import Outputs
from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import write_rows
from tgvac.clips.track import file_stem
from tgvac.code_digests import code_digest
from tgvac.devices import pin
from tgvac.methods.contract import LeftOut
from tgvac.methods.external import completed
from tgvac.methods.registry import EXTERNAL
from tgvac.metrics.metrics_stage import rows_of
from tgvac.metrics.scorer import Scorer, scale_scorer
from tgvac.models.runtime import quiet
from tgvac.params import Params
from tgvac.shards import Ledger, Made, run_items
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener


@dataclass(frozen=True)
class Scored:
    """What was scored.

    Attributes:
        parts: files of rows by sample.
        left_out: why the others have none, by sample.
    """

    parts: Mapping[str, Path]
    left_out: Mapping[str, str]


def score(
    ctx: Context, params: Params, name: str, outputs: Outputs, record: ExportRecord, frames: Mapping[str, int]
) -> Scored:
    """Score each sample that has outputs.

    Args:
        name: of the method; its rows are those of the method ``external`` and this variant.
        record: of the export that the outputs were made of.
        frames: the samples, and how many of their first frames count.

    Raises:
        BadInput: when outputs were made of other clips.
    """
    pin(params.compute.threads)
    quiet()
    recipes = {r.recipe: r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.recipe in frames}
    clips = RecipeClips(recipes.values(), track_opener(ctx))
    found = read_captions(ctx.results / "captions" / "captions.parquet")
    texts = {sample: found[r.target].text if r.target in found else "" for sample, r in recipes.items()}

    @cache
    def scorer() -> Scorer:
        return scale_scorer(ctx, params.framing, params.metrics, params.compute)

    def make(sample: str) -> list[Made]:
        clip = clips.render(sample, range(frames[sample]))
        height, width = clip.amodal_FHW.shape[1:]
        path = ctx.scratch / name / f"{file_stem(sample)}.parquet"
        try:
            done = completed(outputs, record, clip)
        except LeftOut as error:
            write_rows(path, [])
            return [Made(sample, path, {"left_out": str(error)})]
        meta = CompletionMeta(
            sample=sample,
            method=EXTERNAL,
            variant=name,
            mask_source=params.evaluation.mask_source,
            train_seed=-1,
            sample_seed=params.evaluation.sample_seed,
            frames=frames[sample],
            height=height,
            width=width,
        )
        write_rows(path, rows_of(ctx.scale, clip, meta, scorer().score(clip, done, texts[sample])))
        return [Made(sample, path)]

    blocks = params.model_dump(mode="json", include={"framing", "metrics", "compute"})
    # How much is kept on disk decides no score.
    del blocks["metrics"]["kept_gib"]
    network = ctx.results / "backbones" / "index.json"
    decided = [blocks, code_digest(__name__), network.read_text(encoding="utf-8") if network.is_file() else ""]
    keys: dict[str, Any] = {
        sample: [
            key,
            frames[sample],
            outputs.digest(sample),
            record.samples[sample].model_dump(),
            texts[sample],
            decided,
        ]
        for sample, key in clip_keys(ctx, recipes.values()).items()
        if sample in record.samples and outputs.folder(sample) is not None
    }
    folder = ctx.scratch / name
    entries = run_items(f"evaluate {name}", keys, Ledger(folder / "done", folder), make)
    left_out = {e.id: str(e.facts["left_out"]) for e in entries if "left_out" in e.facts}
    for sample in sorted(frames):
        if outputs.folder(sample) is None:
            left_out[sample] = f"The outputs have no pictures of '{sample}'; complete that sample, too."
        elif sample not in record.samples:
            left_out[sample] = f"'{sample}' is not in the export; export again, and complete that sample, too."
    return Scored({e.id: folder / e.file for e in entries if e.id not in left_out}, left_out)
