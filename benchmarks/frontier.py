"""`make bench-frontier`: quality against the UNet evaluations a frame costs, for ways to sample long videos.

    python -m benchmarks.frontier [--seed 6] [--videos 24] [--frames 70] [--steps 10] [--guidance 2] [--ways NAME …]

Each way completes the same clips of the world with the demonstration model, and is compared with the paper's windows
(stride 4, overlap in all steps, flat average), paired by video, by one-sided 95 % bounds. Seed 6 is the dev world;
ways are chosen on it, and confirmed once on another. Each completion is measured once and kept in
``results/bench/frontier/``, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from benchmarks.completion import LENGTH, free_noise
from benchmarks.figures import ROOT, Figure, tell
from benchmarks.world_clips import world_clips
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.images import not_white
from tgvac.complete.model import Asked, load_model
from tgvac.complete.squares import Diffusing
from tgvac.config import digest
from tgvac.devices import pin
from tgvac.files import write_json
from tgvac.methods.ours import TemporalDiffusion
from tgvac.metrics.scorer import Scorer
from tgvac.params import load_params
from tgvac.sampling.evaluations import evaluations
from tgvac.sampling.params import FAST, SamplerParams

REFERENCE = "paper's windows"
INSIDE = "windows in the motion modules alone"
"""FreeNoise of diffusers at the reference's stride. Its spatial layers see each frame once, so evaluations do not
compare."""
WAYS: Mapping[str, Mapping[str, Any]] = {
    REFERENCE: {},
    "stride 14": {"stride": 14},
    "shifted": {"overlap": 0.0},
    "overlap in 30 % of the steps": {"overlap": 0.3},
    "guided in the middle": {"guided_levels": (0.2, 0.8)},
    "triangular": {"weights": "triangular"},
    "reflect": {"ends": "reflect"},
    "half the steps": {"steps": 0.5},
    "half the steps, multistep": {"steps": 0.5, "solver": "multistep"},
    "shifted, guided in the middle": {"overlap": 0.0, "guided_levels": (0.2, 0.8)},
    "shifted, half the steps, multistep": {"overlap": 0.0, "steps": 0.5, "solver": "multistep"},
    "shifted, reflect": {"overlap": 0.0, "ends": "reflect"},
    "fast": FAST,
    INSIDE: {},
}
"""What each way changes of the sampler; ``steps`` is a number, or as a float a share of the reference's."""

MARGINS = {"lpips": 0.005, "hidden_psnr": 0.2, "tc": 0.003, "seam": 0.05}
"""How much worse a fast way may be: in the metric, and for seams relative to the reference."""
_MEASURES = ("clip", "lpips", "tc", "iou", "hidden_psnr", "seam", "ends")
"""What is kept of a clip."""
_LOWER_IS_BETTER = ("lpips", "seam")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=6, help="of the world; 6 is the dev world")
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--frames", type=int, default=70)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS), metavar="NAME")
    given = parser.parse_args(arguments)
    pin(1)
    name = f"frontier-seed{given.seed}-g{given.guidance:g}-{given.steps}"
    return tell(name, figures(given))


def figures(given: argparse.Namespace) -> Iterator[Figure]:
    """For each way: evaluations a frame, each metric, and how much worse it may be than the reference."""
    loaded = load_model(ROOT, "", Asked(given.steps, given.guidance, 4), "cpu")
    assert isinstance(loaded.completer, Diffusing)
    model = replace(loaded.completer.model, framing=load_params(ROOT, "tiny").framing)
    clips = list(world_clips(given.seed, given.videos, given.frames))
    found: dict[str, list[dict[str, float]]] = {}
    for way in dict.fromkeys([REFERENCE, *given.ways]):
        made = _model(model, way)
        found[way] = [_measured(made, way, loaded.digest, clip, text) for clip, text in clips]
        if way != INSIDE:
            cost = evaluations(given.frames, made.sampler, made.diffusion) / given.frames
            yield Figure(f"{way}: evaluations a frame", cost, "")
        yield Figure(f"{way}: error at both ends", float(np.mean([each["ends"] for each in found[way]])), "ratio")
        for metric, margin in MARGINS.items():
            values = np.array([each[metric] for each in found[way]])
            yield Figure(f"{way}: {metric}", float(values.mean()), "")
            if way != REFERENCE:
                base = np.array([each[metric] for each in found[REFERENCE]])
                yield Figure(f"{way}: {metric} worse, 95 % bound", worst(values, base, metric), "", at_most=margin)


def _model(model: TemporalDiffusion, way: str) -> TemporalDiffusion:
    """The reference's model with a way's windows and sampler."""
    if way == INSIDE:
        inside = free_noise(model.sampler.stride)
        kept = {key: getattr(inside.sampler, key) for key in ("clip_frames", "stride")}
        return replace(inside, sampler=model.sampler.model_copy(update=kept))
    return replace(model, sampler=sampler_of(model.sampler, WAYS[way]))


def sampler_of(sampler: SamplerParams, changes: Mapping[str, Any]) -> SamplerParams:
    """A way's sampler."""
    asked = changes.get("steps", 1.0)
    steps = asked if isinstance(asked, int) else max(1, round(sampler.steps * asked))
    return SamplerParams(**{**sampler.model_dump(), **changes, "steps": steps})


def worst(values: np.ndarray, base: np.ndarray, metric: str) -> float:
    """How much worse than the reference at most, by a one-sided 95 % bound over videos."""
    if metric == "seam":
        values, base = values / base, np.ones_like(base)
    apart = (values - base) if metric in _LOWER_IS_BETTER else (base - values)
    if np.ptp(apart) == 0:
        return float(apart[0])
    # The upper end of a two-sided interval of 90 %.
    bound = bootstrap((apart,), np.mean, confidence_level=0.9, method="BCa", random_state=np.random.default_rng(0))
    return float(bound.confidence_interval.high)


def _measured(model: TemporalDiffusion, way: str, weights: str, clip: Clip, text: str) -> dict[str, float]:
    """The metrics of one clip, as means over its frames."""
    sampler = [way == INSIDE, model.sampler.model_dump(mode="json")]
    decided = digest([*_MEASURES, weights, sampler, clip.sample, len(clip.frames_FHW3), text])
    kept = ROOT / "results" / "bench" / "frontier" / f"{decided[:20]}.json"
    if not kept.is_file():
        rgb_FHW3 = model.complete(clip.frames_FHW3, clip.visible_FHW, text, 0).rgb_FHW3
        done = Completion(rgb_FHW3, not_white(rgb_FHW3, model.completion.white_threshold))
        scores = _scorer(model).score(clip, done)
        means = {metric: float(np.nanmean(values_F)) for metric, values_F in scores.items()}
        errors = {"seam": seam(rgb_FHW3, clip.whole_FHW3, LENGTH), "ends": ends(rgb_FHW3, clip.whole_FHW3)}
        write_json(kept, means | errors)
    measured: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
    return measured


def seam(rgb_FHW3: np.ndarray, truth_FHW3: np.ndarray, length: int) -> float:
    """The error of the change from frame to frame at the worst place in a window, over its mean.

    A border between windows that stays at one place makes it larger than 1.
    """
    made, true = (np.diff(each.astype(np.float32), axis=0) for each in (rgb_FHW3, truth_FHW3))
    error_F = np.abs(made - true).mean(axis=(1, 2, 3))
    places = [error_F[place::length].mean() for place in range(min(length, len(error_F)))]
    return float(np.max(places) / np.mean(places))


def ends(rgb_FHW3: np.ndarray, truth_FHW3: np.ndarray, frames: int = 3) -> float:
    """The error of the first and the last frames over that of the others."""
    error_F = np.abs(rgb_FHW3.astype(np.float32) - truth_FHW3).mean(axis=(1, 2, 3))
    return float(np.concatenate([error_F[:frames], error_F[-frames:]]).mean() / error_F[frames:-frames].mean())


_SCORERS: list[Scorer] = []


def _scorer(model: TemporalDiffusion) -> Scorer:
    """The scoring networks, loaded once."""
    if not _SCORERS:
        params = load_params(ROOT, "tiny")
        _SCORERS.append(Scorer(Path(ROOT / "standins" / "scoring_clip"), model.framing, params.metrics, model.device))
    return _SCORERS[0]


if __name__ == "__main__":
    sys.exit(main())
