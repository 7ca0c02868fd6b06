"""Phase `completion`: every method on every evaluated sample.

    completion/<method>/<variant>/seed<k>/shard-000.zip     contract 3
    completion/<method>/<variant>/seed<k>/shard-000.json    its index: one entry, facts: the samples

Each sample that is done is kept in ``scratch/``, so that a killed shard resumes. Which method it is, what it needs and
which file completes by it is the registry's business (:mod:`tgvac.methods.registry`): no method is imported here.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tgvac.clips.captions import read_captions
from tgvac.clips.completion import Completion, CompletionMeta, join_completions, write_completion
from tgvac.clips.pasting import pasted
from tgvac.clips.recipe import read_recipes
from tgvac.clips.track import file_stem
from tgvac.completion.evaluated import evaluated, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.completion.shards import drop_older, shard_folder
from tgvac.config import digest
from tgvac.files import sha256
from tgvac.methods.contract import Complete, LeftOut, Setup
from tgvac.methods.registry import Methods, method_of, network_files, params_of, training_phases_of
from tgvac.seeds import seed_of
from tgvac.shards import Entry, Ledger, Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener


def run(ctx: Context, *, methods: Methods, evaluation: EvaluationParams, **blocks: Any) -> dict[str, Any]:
    """Complete one shard of the evaluated samples by one method.

    Args:
        blocks: of params, as the method's entry in the registry names them.

    Returns:
        for the provenance, the digest of outputs that were made elsewhere; nothing for other methods.
    """
    kind, variant, seed = ctx.options["method"], ctx.options["variant"], int(ctx.options["seed"])
    name = f"{kind}/{variant}"
    params = params_of(name, methods)
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    mine = {r.recipe: r for r in evaluated(recipes, evaluation, params) if shard_of(r.recipe, ctx.shards) == ctx.shard}
    clips = RecipeClips(mine.values(), track_opener(ctx))
    found = read_captions(ctx.results / "captions" / "captions.parquet")
    # An object that has no sentence is completed without one.
    texts = {r.target: found[r.target].text if r.target in found else "" for r in mine.values()}
    indices = network_indices(ctx, name, methods)

    folders = [index.parent for index in indices]
    setup = Setup(
        method=params,
        backbones=folders[0] if folders else None,
        trained=folders[1] if len(folders) > 1 else None,
        device=ctx.device,
        root=ctx.root,
    )

    @cache
    def method() -> Complete:
        # Loaded only when something is to be done: the import alone takes seconds.
        loaded: Complete = importlib.import_module(method_of(name).module).load(setup, **blocks)
        return loaded

    def local_weights() -> list[str]:
        if not method_of(name).local_weights:
            return []
        found: list[str] = importlib.import_module(method_of(name).module).local_weights(setup, **blocks)
        return found

    def make(sample: str) -> list[Made]:
        clip = clips.render(sample, range(frames_of(mine[sample], evaluation, params)))

        def draw(number: int) -> Completion:
            # The first draw has the name that it had before there were several.
            names = ("completion", sample, evaluation.sample_seed, *((number,) if number else ()))
            done = method()(clip, texts[clip.track], seed_of(*names) % 2**31)
            done.check(clip.frames_FHW3)
            return done if params.paste is None else pasted(done, clip.frames_FHW3, clip.visible_FHW, params.paste)

        frames, height, width = clip.amodal_FHW.shape
        meta = CompletionMeta(
            sample=sample,
            method=kind,
            variant=variant,
            mask_source=method_of(name).mask_source or evaluation.mask_source,
            # Where nothing was trained there is no seed of training.
            train_seed=seed if training_phases_of(name, methods) else -1,
            sample_seed=evaluation.sample_seed,
            frames=frames,
            height=height,
            width=width,
        )
        path = items / f"{file_stem(sample)}.zip"
        try:
            write_completion(path, map(draw, range(params.draws)), meta)
        except LeftOut as error:
            print(f"{name}: left out: {error}", flush=True)
            return []
        return [Made(sample, path, {"frames": frames})]

    items = ctx.scratch / kind / variant / f"seed{seed}"
    networks = [*map(sha256, indices), *local_weights()]
    outputs = _outputs(name, setup, mine)
    keys: dict[str, Any] = {
        sample: [key, texts[mine[sample].target], [*networks, *outputs.get(sample, ())], ctx.digest]
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
    return {"outputs": digest(outputs)} if outputs else {}


def _outputs(name: str, setup: Setup, samples: Iterable[str]) -> dict[str, list[str]]:
    """Of a method whose outputs were made elsewhere, what decides each sample; nothing for other methods."""
    if method_of(name).given != "outputs":
        return {}
    of = importlib.import_module(method_of(name).module).digests(setup)
    return {sample: [of(sample)] for sample in samples}


def network_indices(ctx: Context, name: str, methods: Methods) -> list[Path]:
    """The indices of the networks that a method loads, of the seed that the context's options name."""
    return [ctx.results / file for file in network_files(name, methods, ctx.options["seed"])]
