"""Phase `completion`: every method on every evaluated sample, ours and those to compare with.

    completion/<method>/<variant>/seed<k>/shard-000.zip     contract 3
    completion/<method>/<variant>/seed<k>/shard-000.json    its index: one entry, facts: the samples

Each sample that is done is kept in ``scratch/``, so that a killed shard goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tgvac.baselines.completion_names import Methods, is_trained, method_of, model_phase
from tgvac.baselines.params import FloorsParams
from tgvac.clip.captions import read_captions
from tgvac.clip.completion import CompletionMeta, join_completions, write_completion
from tgvac.clip.framing import FramingParams
from tgvac.clip.recipe import read_recipes
from tgvac.clip.track import file_stem
from tgvac.completion.evaluated import evaluated, frames_of
from tgvac.completion.params import CompletionParams, EvaluationParams
from tgvac.completion.shards import drop_older, shard_folder
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.models.params import (
    ComputeParams,
    ConditionsParams,
    DiffusionParams,
    MotionModuleParams,
    SamplerParams,
    VariantParams,
)
from tgvac.seeds import seed_of
from tgvac.shards import Entry, Ledger, Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener


def run(
    ctx: Context,
    *,
    framing: FramingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    motion_module: MotionModuleParams,
    sampler: SamplerParams,
    completion: CompletionParams,
    methods: Methods,
    floors: FloorsParams,
    evaluation: EvaluationParams,
    compute: ComputeParams,
) -> None:
    """Complete one shard of the evaluated samples by one method."""
    kind, variant, seed = ctx.options["method"], ctx.options["variant"], int(ctx.options["seed"])
    name = f"{kind}/{variant}"
    try:
        method = method_of(name, methods)
    except ValueError as error:
        raise BadInput(f"The {error}") from None
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    mine = {r.recipe: r for r in evaluated(recipes, evaluation, method) if shard_of(r.recipe, ctx.shards) == ctx.shard}
    clips = RecipeClips(mine.values(), track_opener(ctx))
    found = read_captions(ctx.results / "captions" / "captions.parquet")
    # An object that has no sentence is completed without one.
    texts = {r.target: found[r.target].text if r.target in found else "" for r in mine.values()}
    complete: Any = None

    def make(sample: str) -> list[Made]:
        nonlocal complete
        if complete is None:
            # Loaded only when something is to be done: the import alone takes seconds.
            from tgvac.baselines.methods import Blocks, load_method

            told = variants[method.trained].of(conditions)
            blocks = Blocks(framing, diffusion, told, motion_module, sampler, completion, floors, compute)
            complete = load_method(kind, method, weights, blocks, ctx.device)
        clip = clips.render(sample, range(frames_of(mine[sample], evaluation, method)))
        done = complete(clip, texts[clip.track], seed_of("completion", sample, evaluation.sample_seed) % 2**31)
        done.check(clip.frames_FHW3)
        frames, height, width = clip.amodal_FHW.shape
        meta = CompletionMeta(
            sample=sample,
            method=kind,
            variant=variant,
            mask_source=evaluation.mask_source,
            # Where nothing was trained there is no seed of training.
            train_seed=seed if is_trained(name, methods) else -1,
            sample_seed=evaluation.sample_seed,
            frames=frames,
            height=height,
            width=width,
        )
        path = items / f"{file_stem(sample)}.zip"
        write_completion(path, done, meta)
        return [Made(sample, path, {"frames": frames})]

    items = ctx.scratch / kind / variant / f"seed{seed}"
    weights = model_indices(ctx, name, methods)
    digests = [sha256(f) for f in weights]
    keys: dict[str, Any] = {
        sample: [key, texts[mine[sample].target], digests, ctx.digest]
        for sample, key in clip_keys(ctx, mine.values()).items()
    }
    entries = run_items(f"{ctx.label} {name}", keys, Ledger(items / "done", items), make)
    folder = shard_folder(ctx, name, seed)
    drop_older(folder, ctx.shards)
    shard = folder / f"shard-{ctx.shard:03d}.zip"
    # The index goes first: a zip without one is not whole, and an old index must not vouch for a new zip.
    shard.with_suffix(".json").unlink(missing_ok=True)
    join_completions(shard, (items / e.file for e in entries))
    facts = {"samples": {e.id: e.facts["frames"] for e in entries}}
    made = Entry(shard.stem, shard.relative_to(ctx.out).as_posix(), sha256(shard), shard.stat().st_size, facts)
    write_index(shard.with_suffix(".json"), [made])


def model_indices(ctx: Context, name: str, methods: Methods) -> list[Path]:
    """The indices of the weights that a method uses: inputs of its jobs."""
    backbones = ctx.results / "backbones" / "index.json"
    phase = model_phase(name, methods)
    if phase is None:
        return []
    if phase == "backbones":
        return [backbones]
    return [backbones, ctx.results / phase / methods[name].trained / f"seed{ctx.options['seed']}" / "index.json"]
