"""Phase `completion`: every method on every evaluated sample, ours and those to compare with.

    completion/<method>/<variant>/seed<k>/shard-000.zip     contract 3
    completion/<method>/<variant>/seed<k>/shard-000.json    its index: one entry, facts: the samples

Each sample that is done is kept in ``scratch/``, so that a killed shard goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tgvac.baselines.completion_names import METHODS, model_phase
from tgvac.baselines.params import FloorsParams
from tgvac.clip.captions import read_captions
from tgvac.clip.completion import CompletionMeta, join_completions, write_completion
from tgvac.clip.framing import FramingParams
from tgvac.clip.recipe import read_recipes
from tgvac.clip.track import file_stem
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
    motion_module: MotionModuleParams,
    sampler: SamplerParams,
    completion: CompletionParams,
    floors: FloorsParams,
    evaluation: EvaluationParams,
    compute: ComputeParams,
) -> None:
    """Complete one shard of the evaluated samples by one method."""
    method, variant, seed = ctx.options["method"], ctx.options["variant"], int(ctx.options["seed"])
    if f"{method}/{variant}" not in METHODS:
        raise BadInput(f"Method '{method}/{variant}' is unknown; known are {', '.join(METHODS)}.")
    recipes = evaluated_recipes(ctx, evaluation)
    mine = {r.recipe: r for r in recipes if shard_of(r.recipe, ctx.shards) == ctx.shard}
    clips = RecipeClips(mine.values(), track_opener(ctx))
    captions = read_captions(ctx.results / "captions" / "captions.parquet")
    complete: Any = None

    def make(sample: str) -> list[Made]:
        nonlocal complete
        if complete is None:
            # Loaded only when something is to be done: the import alone takes seconds.
            from tgvac.baselines.methods import MethodParams, load_method

            params = MethodParams(framing, diffusion, conditions, motion_module, sampler, completion, floors, compute)
            complete = load_method(f"{method}/{variant}", model_indices(ctx, method, variant), params, ctx.device)
        clip = clips.render(sample, range(min(evaluation.frames, mine[sample].frames)))
        done = complete(clip, captions[clip.track].text, seed_of("completion", sample, evaluation.sample_seed) % 2**31)
        done.check(clip.frames_FHW3)
        frames, height, width = clip.amodal_FHW.shape
        meta = CompletionMeta(
            sample=sample,
            method=method,
            variant=variant,
            mask_source=evaluation.mask_source,
            # Where nothing was trained there is no seed of training.
            train_seed=seed if model_phase(method, variant) in ("frame", "motion") else -1,
            sample_seed=evaluation.sample_seed,
            frames=frames,
            height=height,
            width=width,
        )
        path = items / f"{file_stem(sample)}.zip"
        write_completion(path, done, meta)
        return [Made(sample, path, {"frames": frames})]

    items = ctx.scratch / method / variant / f"seed{seed}"
    weights = [sha256(f) for f in model_indices(ctx, method, variant)]
    keys: dict[str, Any] = {
        sample: [key, captions[mine[sample].target].text, weights, ctx.digest]
        for sample, key in clip_keys(ctx, mine.values()).items()
    }
    entries = run_items(f"{ctx.label} {method}/{variant}", keys, Ledger(items / "done", items), make)
    folder = shard_folder(ctx, f"{method}/{variant}", seed)
    drop_older(folder, ctx.shards)
    shard = folder / f"shard-{ctx.shard:03d}.zip"
    # The index goes first: a zip without one is not whole, and an old index must not vouch for a new zip.
    shard.with_suffix(".json").unlink(missing_ok=True)
    join_completions(shard, (items / e.file for e in entries))
    facts = {"samples": {e.id: e.facts["frames"] for e in entries}}
    made = Entry(shard.stem, shard.relative_to(ctx.out).as_posix(), sha256(shard), shard.stat().st_size, facts)
    write_index(shard.with_suffix(".json"), [made])


def evaluated_recipes(ctx: Context, evaluation: EvaluationParams) -> list[Any]:
    """The recipes that are evaluated, sorted by id."""
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    return [r for r in recipes if r.split == evaluation.split]


def model_indices(ctx: Context, method: str, variant: str) -> list[Path]:
    """The indices of the weights that a method uses: inputs of its jobs."""
    backbones = ctx.results / "backbones" / "index.json"
    phase = model_phase(method, variant)
    if phase is None:
        return []
    if phase == "backbones":
        return [backbones]
    return [backbones, ctx.results / phase / "full" / f"seed{ctx.options['seed']}" / "index.json"]
