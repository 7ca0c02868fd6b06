"""Phase `metrics`: from completions to rows.

    metrics/<method>/<variant>/seed<k>/shard-000.parquet     rows of one shard
    metrics/rows.parquet                                     all rows

CLIP, LPIPS and temporal consistency are of pictures after framing, at the model's size, on white; all else is at the
input's own resolution. docs/metrics.md defines each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, CompletionMeta, Completions
from tgvac.clips.framing import FramingParams, frame_video, windows_of
from tgvac.clips.recipe import read_recipes
from tgvac.clips.rows import Row, write_rows
from tgvac.completion.shards import verified_shard
from tgvac.devices import device_of, pin
from tgvac.errors import BadInput
from tgvac.metrics.clip_score import embed, image_similarity, load_scoring_clip, temporal_consistency
from tgvac.metrics.lpips import lpips_per_frame
from tgvac.metrics.lpips_weights import load_lpips
from tgvac.metrics.masks import iou, occluded_iou
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.pixels import masked_psnr
from tgvac.metrics.ssim import masked_ssim
from tgvac.metrics.warp_error import warp_error
from tgvac.models.params import ComputeParams
from tgvac.models.runtime import quiet
from tgvac.progress import with_progress
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener


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
    recipes = {r.recipe: r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet")}
    clips = RecipeClips(recipes.values(), track_opener(ctx))
    o = ctx.options
    name = Path(o["method"]) / o["variant"] / f"seed{o['seed']}" / f"shard-{ctx.shard:03d}"
    completions = Completions(verified_shard(ctx, ctx.results / "completion" / name.with_suffix(".json")))
    scorer: Any = None
    rows: list[Row] = []
    samples = completions.samples()
    for sample in with_progress(samples, f"{ctx.label} {o['method']}/{o['variant']}", len(samples)):
        if sample not in recipes:
            raise BadInput(
                f"{completions.store.describe(sample)} is no sample of scale '{ctx.scale}';"
                " evaluate completions of this scale's recipes."
            )
        if scorer is None:
            device = device_of(ctx.device, compute.tf32)
            scorer = Scorer(ctx.results / "backbones" / "scoring_clip", framing, metrics, device)
        meta = completions.meta(sample)
        if meta.frames > recipes[sample].frames:
            raise BadInput(
                f"{completions.store.describe(sample)} has {meta.frames} frames, the sample {recipes[sample].frames};"
                " give one picture per frame."
            )
        clip = clips.render(sample, range(meta.frames))
        if clip.amodal_FHW.shape[1:] != (meta.height, meta.width):
            height, width = clip.amodal_FHW.shape[1:]
            raise BadInput(
                f"{completions.store.describe(sample)} is {meta.width}x{meta.height}, its input {width}x{height};"
                " give completions in the input's own resolution."
            )
        draws = list(completions.draws(sample))
        rows.extend(rows_of(ctx.scale, clip, meta, scorer.score(clip, draws[0]) | scorer.several(clip, draws)))
    write_rows(ctx.out / name.with_suffix(".parquet"), rows)


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


class Scorer:
    """The scoring networks, loaded once, and all metrics of a completion."""

    def __init__(self, folder: Path, framing: FramingParams, params: MetricsParams, device: torch.device) -> None:
        self._framing, self._params = framing, params
        self._encoder = load_scoring_clip(folder, str(device))
        self._lpips = load_lpips(params.lpips_net).to(device)

    def score(self, clip: Clip, done: Completion) -> dict[str, np.ndarray]:
        """Each metric of a completion against the truth, ``float64 [F]``, NaN where it is not defined."""
        windows = windows_of(self._framing, clip.visible_FHW)
        ours = frame_video(self._framing, done.rgb_FHW3, windows, 255)
        truth = frame_video(self._framing, clip.whole_FHW3, windows, 255)
        batch = self._params.batch
        ours_FD, truth_FD = embed(self._encoder, ours, batch), embed(self._encoder, truth, batch)
        # A pair of frames belongs to the later one; the first frame has none.
        consistency = np.concatenate([[np.nan], temporal_consistency(ours_FD)])
        return {
            "clip": image_similarity(ours_FD, truth_FD),
            "lpips": lpips_per_frame(self._lpips, ours, truth, batch),
            "tc": consistency,
            "iou": iou(done.amodal_FHW, clip.amodal_FHW),
            "hidden_psnr": self._hidden_psnr(clip, done.rgb_FHW3),
            "hidden_ssim": masked_ssim(done.rgb_FHW3, clip.whole_FHW3, clip.hidden_FHW),
            "hidden_iou": occluded_iou(done.amodal_FHW, clip.amodal_FHW, clip.visible_FHW),
            "visible_psnr": masked_psnr(done.rgb_FHW3, clip.whole_FHW3, clip.visible_FHW, self._params.white_psnr_cap),
            "warp_error": warp_error(done.rgb_FHW3, clip.whole_FHW3, clip.amodal_FHW, self._params.flow),
        }

    def several(self, clip: Clip, draws: Sequence[Completion]) -> dict[str, np.ndarray]:
        """What several completions of a clip show together, ``float64 [F]``; nothing for a single one.

        ``hidden_psnr_best`` is that of the draw with the best mean over frames, ``hidden_psnr_mean`` that of the mean
        picture. ``diversity`` is the mean LPIPS between two draws that differ in hidden parts alone: elsewhere both
        are the truth.
        """
        if len(draws) < 2:
            return {}
        rgb_NFHW3 = np.stack([done.rgb_FHW3 for done in draws])
        each_NF = np.stack([self._hidden_psnr(clip, rgb_FHW3) for rgb_FHW3 in rgb_NFHW3])
        seen_F = np.isfinite(each_NF[0])
        best = int(each_NF[:, seen_F].mean(axis=1).argmax()) if seen_F.any() else 0
        windows = windows_of(self._framing, clip.visible_FHW)
        pasted_NFHW3 = np.where(clip.hidden_FHW[..., None] > 0, rgb_NFHW3, clip.whole_FHW3)
        framed = [frame_video(self._framing, pasted_FHW3, windows, 255) for pasted_FHW3 in pasted_NFHW3]
        between = [lpips_per_frame(self._lpips, a, b, self._params.batch) for a, b in combinations(framed, 2)]
        return {
            "hidden_psnr_best": each_NF[best],
            "hidden_psnr_mean": self._hidden_psnr(clip, rgb_NFHW3.mean(axis=0).round().astype(np.uint8)),
            "diversity": np.where(seen_F, np.mean(between, axis=0), np.nan),
        }

    def _hidden_psnr(self, clip: Clip, rgb_FHW3: np.ndarray) -> np.ndarray:
        return masked_psnr(rgb_FHW3, clip.whole_FHW3, clip.hidden_FHW, self._params.white_psnr_cap)
