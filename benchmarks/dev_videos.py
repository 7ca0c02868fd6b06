"""`python -m benchmarks.dev_videos`: metrics of each video of the dev world, for simulations of coverage and power.

    python -m benchmarks.dev_videos [--short 56] [--long 9]

Methods of Tables 2 to 4 complete the same clips of the dev world (seed 6, of which nothing is reported) with the
demonstration model: it was trained without mask, without text and without both in most of its samples, so one network
answers for all rows of Table 3. Each completion is measured once and kept in ``results/bench/dev-videos/``, so a run
that was stopped goes on. The result is ``benchmarks/results/dev-videos.reference.csv``: a line for each video, method,
metric and class of frames, with the sum of the values and the number of frames.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figures import ROOT
from benchmarks.world_clips import world_clips
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.complete.model import Asked, load_model
from tgvac.complete.squares import Diffusing
from tgvac.config import digest
from tgvac.devices import pin
from tgvac.files import write_json, write_text
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.params import MethodParams
from tgvac.methods.sampler import sampler_of
from tgvac.metrics.difficulty import Group, in_group
from tgvac.metrics.scorer import Scorer
from tgvac.models.frame_start import start_from_frame_model
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.noise_models import as_epsilon_model, frame_noise_model
from tgvac.params import load_params
from tgvac.seeds import seed_of

SEED = 6
"""Of the dev world; another one is evaluated."""
SHORT: Mapping[str, MethodParams] = {
    "ours/full": MethodParams(),
    "ours/no_motion": MethodParams(motion=False),
    "ours/no_mask": MethodParams(),
    "ours/no_text": MethodParams(),
}
"""Methods on clips of one window, as in Tables 2 and 3."""
LONG: Mapping[str, MethodParams] = {
    "ours/hop2": MethodParams(stride=2),
    "ours/hop4": MethodParams(stride=4),
    "ours/hop8": MethodParams(stride=8),
    "ours/hop14": MethodParams(stride=14),
    "ours/one_window": MethodParams(one_window=True),
}
"""Methods on clips of several windows, as in Table 4."""
FRAMES = {"short": 14, "long": 28}
METRICS = ("clip", "lpips", "tc")
COLUMNS = ("clips", "video", "method", "metric", "class", "sum", "frames")
OUT = ROOT / "benchmarks" / "results" / "dev-videos.reference.csv"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", type=int, default=56, help="clips of one window")
    parser.add_argument("--long", type=int, default=9, help="clips of several windows")
    given = parser.parse_args(arguments)
    pin(1)
    rows = [*_rows("short", given.short, SHORT), *_rows("long", given.long, LONG)]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])
    write_text(OUT, stream.getvalue())
    return 0


def _rows(clips: str, count: int, methods: Mapping[str, MethodParams]) -> Iterator[tuple[str | float, ...]]:
    """The lines of one kind of clips."""
    params, (base, weights) = load_params(ROOT, "tiny"), _loaded()
    scorer = Scorer(ROOT / "standins" / "scoring_clip", params.framing, params.metrics, base.device)
    groups: tuple[Group, ...] = ("easy", "hard") if clips == "short" else ("all",)
    made = {name: _model(base, name, method) for name, method in methods.items()}
    for number, (clip, text) in enumerate(world_clips(SEED, count, FRAMES[clips])):
        for name, model in made.items():
            scores = _scores(model, name, weights, scorer, clip, text)
            for metric in METRICS:
                value_F = scores[metric]
                for group in groups:
                    inside_F = in_group(clip.occlusion_F, group, params.metrics.hard_from)
                    value_N = value_F[inside_F & np.isfinite(value_F)]
                    if len(value_N):
                        yield clips, clip.video, name, metric, group, float(f"{value_N.sum():.8g}"), len(value_N)
        print(f"{clips}: {number + 1}/{count}", file=sys.stderr, flush=True)


def _loaded() -> tuple[TemporalDiffusion, str]:
    """The demonstration model as the scale `tiny` samples with it, and the digest of its weights."""
    loaded = load_model(ROOT, "", Asked(), "cpu")
    assert isinstance(loaded.completer, Diffusing)
    return replace(loaded.completer.model, framing=load_params(ROOT, "tiny").framing), loaded.digest


def _model(base: TemporalDiffusion, name: str, method: MethodParams) -> TemporalDiffusion:
    """The demonstration model as a method uses it."""
    without = {"ours/no_mask": {"mask": False}, "ours/no_text": {"text": False}}.get(name, {})
    model = replace(
        base, sampler=sampler_of(method, base.sampler), conditions=base.conditions.model_copy(update=without)
    )
    if method.motion:
        return model
    from diffusers import UNet2DConditionModel

    # Without its motion modules the demonstration model is a frame model.
    unet = extend_conv_in(UNet2DConditionModel.from_pretrained(ROOT / "standins" / "unet", use_safetensors=True))
    start_from_frame_model(unet, "standins/motion", "main", ROOT, base.diffusion.prediction)
    return replace(model, model=as_epsilon_model(frame_noise_model, base.diffusion)(unet.to(base.device).eval()))


def _scores(
    model: TemporalDiffusion, name: str, weights: str, scorer: Scorer, clip: Clip, text: str
) -> dict[str, np.ndarray]:
    """The metrics of each frame of a clip, ``float64 [F]``; NaN where one is not defined."""
    settings = [name, model.sampler.model_dump(mode="json"), model.conditions.model_dump(mode="json")]
    decided = digest([weights, settings, SEED, clip.sample, len(clip.frames_FHW3), text])
    kept: Path = ROOT / "results" / "bench" / "dev-videos" / f"{decided[:20]}.json"
    if not kept.is_file():
        seed = seed_of("dev videos", clip.sample)
        done: Completion = model.complete(clip.frames_FHW3, clip.visible_FHW, text, seed)
        found = scorer.by_networks(clip, done)
        write_json(kept, {name: [float(v) if np.isfinite(v) else None for v in found[name]] for name in METRICS})
    scores: dict[str, list[float | None]] = json.loads(kept.read_text(encoding="utf-8"))
    return {metric: np.array(values, np.float64) for metric, values in scores.items()}


if __name__ == "__main__":
    sys.exit(main())
