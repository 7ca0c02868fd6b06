"""A project with a scale that has scored methods, written by the real code: what ``tgvac evaluate`` compares with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.unit.params_project import ROOT, copy_params, overlay
from tests.unit.tiny_models import STANDIN, context, entry, write_scale
from tgvac.clips.archive import zip_writing
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, CompletionMeta, add_completion
from tgvac.clips.track import file_stem
from tgvac.files import write_json
from tgvac.metrics import metrics_stage
from tgvac.metrics.join_rows import join
from tgvac.models.small_networks import build_clip
from tgvac.params import load_params
from tgvac.shards import write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips
from tgvac.synthesis.export import export

FRAMES, HEIGHT, WIDTH, EVALUATED = 4, 32, 40, 3
TARGETS = tuple(f"world/{name}/1" for name in ("ant", "bee", "cat", "dog", "eel", "fox", "gnu"))
SAMPLES = tuple(f"{target}/r0" for target in TARGETS)
"""Seven source videos, enough for a difference to be significant."""
SCALE = f"""
extends: smoke
framing: {{size: 32}}
evaluation: {{frames: {EVALUATED}, methods: [ours/full, copy_visible/plain]}}
metrics: {{bootstrap: 50}}
"""

Make = Callable[[Clip], Completion]


def darker(level: int) -> Make:
    """The truth, some grey levels too dark."""
    return lambda clip: Completion(np.maximum(clip.whole_FHW3, level) - np.uint8(level), clip.amodal_FHW)


def scored_project(root: Path, methods: Mapping[str, Make]) -> Context:
    """The scale ``fake`` with seven samples, and rows of these methods."""
    copy_params(root)
    overlay(root, SCALE, "fake")
    shutil.copytree(ROOT / "reference", root / "reference")
    ctx = write_scale(root, FRAMES, HEIGHT, WIDTH, TARGETS)
    for part in build_clip(STANDIN, 600, 32, 0):
        part.save_pretrained(ctx.results / "backbones" / "scoring_clip")
    write_json(ctx.results / "backbones" / "provenance.json", {"origin": "train"})
    params = load_params(root, "fake")
    for name, make in methods.items():
        measure(ctx, name, make)
    evaluation = params.evaluation.model_copy(update={"methods": tuple(methods)})
    if methods:
        join(context(root, "metrics", shards=1), methods=params.methods, evaluation=evaluation)
    return ctx


def measure(ctx: Context, name: str, make: Make) -> None:
    """Completions and rows of a method, as the phases write them."""
    params, clips = load_params(ctx.root, "fake"), recipe_clips(ctx)
    method, variant = name.split("/")
    seed = 0 if method == "ours" else -1
    base = ctx.results / "completion"
    shard = base / name / "seed0" / "shard-000.zip"
    with zip_writing(shard) as sink:
        for sample in SAMPLES:
            done = make(clips.render(sample, range(EVALUATED)))
            meta = CompletionMeta(
                sample=sample,
                method=method,
                variant=variant,
                mask_source="given",
                train_seed=seed,
                sample_seed=0,
                frames=EVALUATED,
                height=HEIGHT,
                width=WIDTH,
            )
            add_completion(sink, done, meta)
    samples = dict.fromkeys(SAMPLES, EVALUATED)
    write_index(shard.with_suffix(".json"), [entry(base, shard.stem, shard, samples=samples)])
    options = {"method": method, "variant": variant, "seed": "0"}
    run = context(ctx.root, "metrics", shard=0, shards=1, options=options)
    metrics_stage.run(run, framing=params.framing, metrics=params.metrics, compute=params.compute)


def exported(ctx: Context, folder: Path) -> Path:
    """The inputs that others complete, whole."""
    export(ctx, "val", folder, "inputs", 8)
    return folder


def save_outputs(ctx: Context, folder: Path, make: Make, export_json: Path, samples: tuple[str, ...] = SAMPLES) -> Path:
    """Outputs of another program: pictures with transparency, and the record of the export that they were made of."""
    clips = recipe_clips(ctx)
    for sample in samples:
        done = make(clips.render(sample))
        for i, rgba_HW4 in enumerate(done.rgba_FHW4):
            path = folder / file_stem(sample) / f"{i:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rgba_HW4).save(path)
    shutil.copy(export_json, folder / "export.json")
    return folder
