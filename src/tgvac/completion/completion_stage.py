"""Phase `completion`: every method on every evaluated sample.

    completion/<method>/<variant>/seed<k>/shard-000.zip     contract 3
    completion/<method>/<variant>/seed<k>/shard-000.json    its index: one entry

The entry's facts are, by sample, the number of frames (``samples``); the sentence, of a method that is not given the
object's own (``texts``); and each frame's overlap of masks, of one that is not given the exact ones (``mask_iou``).

Each sample that is done is kept in ``scratch/``, so that a killed shard resumes. Which method it is, what it needs and
which file completes by it is the registry's business (:mod:`tgvac.methods.registry`): no method is imported here.
What it is given is decided in :mod:`tgvac.completion.inputs`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, CompletionMeta, Completions, join_completions, write_completion
from tgvac.clips.pasting import pasted
from tgvac.clips.recipe import read_recipes
from tgvac.clips.track import file_stem
from tgvac.completion.evaluated import evaluated, frames_of
from tgvac.completion.given import blocks_of
from tgvac.completion.inputs import Inputs, mask_overlap
from tgvac.completion.params import EvaluationParams
from tgvac.completion.shards import drop_older, shard_folder, verified_shard
from tgvac.config import digest
from tgvac.files import sha256
from tgvac.methods.contract import Complete, LeftOut, Setup
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import Methods, mask_source_of, method_of, network_files, params_of, training_phases_of
from tgvac.seeds import seed_of
from tgvac.shards import Entry, Ledger, Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener


def run(ctx: Context, *, methods: Methods, evaluation: EvaluationParams, **blocks: Any) -> dict[str, Any]:
    """Complete one shard of the evaluated samples by one method.

    Args:
        blocks: of params, as the method's entry in the registry names them, and those of what it is given.

    Returns:
        for the provenance, the digest of outputs that were made elsewhere; nothing for other methods.
    """
    kind, variant, seed = ctx.options["method"], ctx.options["variant"], int(ctx.options["seed"])
    name = f"{kind}/{variant}"
    params = params_of(name, methods)
    every = evaluated(read_recipes(ctx.results / "synthesis" / "recipes.parquet"), evaluation, params)
    mine = {r.recipe: r for r in every if shard_of(r.recipe, ctx.shards) == ctx.shard}
    clips = RecipeClips(mine.values(), track_opener(ctx))
    items = ctx.scratch / kind / variant / f"seed{seed}"
    raw = _raw_shard(ctx, params, seed)
    indices = [] if raw is not None else network_indices(ctx, name, methods)
    own = blocks_of(method_of(name).params, blocks)

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
        loaded: Complete = importlib.import_module(method_of(name).module).load(setup, **own)
        return loaded

    def local_weights() -> list[str]:
        if raw is not None or not method_of(name).local_weights:
            return []
        found: list[str] = importlib.import_module(method_of(name).module).local_weights(setup, **own)
        return found

    def render(sample: str) -> Clip:
        return clips.render(sample, range(frames_of(mine[sample], evaluation, params)))

    def painted(sample: str, clip: Clip, text: str) -> Iterator[Completion]:
        if raw is not None:
            yield from _read_draws(raw, sample)
            return
        for number in range(params.draws):
            # The first draw has the name that it had before there were several.
            names = ("completion", sample, evaluation.sample_seed, *((number,) if number else ()))
            yield method()(clip, text, seed_of(*names) % 2**31)

    def make(sample: str, inputs: Inputs) -> list[Made]:
        exact, facts = render(sample), dict[str, Any]()

        def draws() -> Iterator[Completion]:
            clip, text = inputs.given(sample, exact)
            if params.caption is not None:
                facts["text"] = text
            for done in painted(sample, clip, text):
                done.check(clip.frames_FHW3)
                if mask_source != evaluation.mask_source:
                    facts["mask_iou"] = mask_overlap(exact, clip, done)
                yield done if params.paste is None else pasted(done, clip.frames_FHW3, clip.visible_FHW, params.paste)

        frames, height, width = exact.amodal_FHW.shape
        meta = CompletionMeta(
            sample=sample,
            method=kind,
            variant=variant,
            mask_source=mask_source,
            # Where nothing was trained there is no seed of training.
            train_seed=seed if training_phases_of(name, methods) else -1,
            sample_seed=evaluation.sample_seed,
            frames=frames,
            height=height,
            width=width,
        )
        path = items / f"{file_stem(sample)}.zip"
        try:
            write_completion(path, draws(), meta)
        except LeftOut as error:
            print(f"{name}: left out: {error}", flush=True)
            return []
        return [Made(sample, path, {"frames": frames, **facts})]

    mask_source = mask_source_of(name, methods) or evaluation.mask_source
    networks = [*map(sha256, indices), *local_weights(), *([] if raw is None else [sha256(raw)])]
    outputs = _outputs(name, setup, mine)
    with Inputs(ctx, params, mine, every, render, blocks, items) as inputs:
        keys: dict[str, Any] = {
            sample: [key, inputs.key(sample), [*networks, *outputs.get(sample, ())], ctx.digest]
            for sample, key in clip_keys(ctx, mine.values()).items()
        }
        ledger = Ledger(items / "done", items)
        entries = run_items(f"{ctx.label} {name}", keys, ledger, partial(make, inputs=inputs))
    folder = shard_folder(ctx, name, seed)
    drop_older(folder, ctx.shards)
    shard = folder / f"shard-{ctx.shard:03d}.zip"
    # The index goes first: a zip without one is not whole, and an old index must not vouch for a new zip.
    shard.with_suffix(".json").unlink(missing_ok=True)
    join_completions(shard, (items / e.file for e in entries))
    named = {"samples": "frames", "texts": "text", "mask_iou": "mask_iou"}
    facts = {key: {e.id: e.facts[of] for e in entries if of in e.facts} for key, of in named.items()}
    facts = {key: of for key, of in facts.items() if of or key == "samples"}
    made = Entry(shard.stem, shard.relative_to(ctx.out).as_posix(), sha256(shard), shard.stat().st_size, facts)
    write_index(shard.with_suffix(".json"), [made])
    return {"outputs": digest(outputs)} if outputs else {}


def _raw_shard(ctx: Context, params: MethodParams, seed: int) -> Path | None:
    """The zip of the same samples by the method whose completions are pasted; None for a method that paints."""
    if params.completions_of is None:
        return None
    return verified_shard(ctx, shard_folder(ctx, params.completions_of, seed) / f"shard-{ctx.shard:03d}.json")


def _read_draws(shard: Path, sample: str) -> Iterator[Completion]:
    completions = Completions(shard)
    with completions.store:
        if sample not in completions.samples():
            raise LeftOut(f"{sample}, which the method that it pastes has left out")
        yield from completions.draws(sample)


def _outputs(name: str, setup: Setup, samples: Iterable[str]) -> dict[str, list[str]]:
    """Of a method whose outputs were made elsewhere, what decides each sample; nothing for other methods."""
    if method_of(name).given != "outputs":
        return {}
    of = importlib.import_module(method_of(name).module).digests(setup)
    return {sample: [of(sample)] for sample in samples}


def network_indices(ctx: Context, name: str, methods: Methods) -> list[Path]:
    """The indices of the networks that a method loads, of the seed that the context's options name."""
    return [ctx.results / file for file in network_files(name, methods, ctx.options["seed"])]
