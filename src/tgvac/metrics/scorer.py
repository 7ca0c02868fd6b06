"""All metrics of a completion against the truth. docs/metrics.md defines each.

CLIP, LPIPS and temporal consistency are of pictures after framing, at the model's size, on white; all else is at the
input's own resolution. What the networks make of the truth is the same for all methods, and is kept between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.framing import FramingParams, frame_video, windows_of
from tgvac.code_digests import code_digest
from tgvac.config import digest
from tgvac.devices import device_of
from tgvac.files import sha256
from tgvac.metrics.clip_score import embed, image_similarity, load_scoring_clip, temporal_consistency
from tgvac.metrics.clip_text import embed_text, load_text, text_similarity
from tgvac.metrics.kept import Kept
from tgvac.metrics.lpips import lpips_features, lpips_per_frame
from tgvac.metrics.lpips_weights import BACKBONES, Net, load_lpips
from tgvac.metrics.masks import iou, occluded_iou
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.pixels import masked_psnr
from tgvac.metrics.ssim import masked_ssim
from tgvac.metrics.views import Squares, squares_of, window_squares
from tgvac.metrics.warp_error import Motion, motions_of, warp_error
from tgvac.models.params import ComputeParams
from tgvac.stage import Context


@dataclass(frozen=True)
class _Seen:
    """What the networks see of a completion and of the truth in some squares: N pictures, embeddings of width D."""

    squares: Squares
    ours_NSS3: np.ndarray
    truth_NSS3: np.ndarray
    ours_ND: np.ndarray
    truth_ND: np.ndarray


class Scorer:
    """The scoring networks, loaded once, and all metrics of a completion.

    Args:
        folder: of the scoring CLIP.
        kept: where features of the truth are kept; None: nowhere, so that they are computed for each completion.
    """

    def __init__(
        self,
        folder: Path,
        framing: FramingParams,
        params: MetricsParams,
        device: torch.device,
        kept: Kept | None = None,
    ) -> None:
        self._framing, self._params, self._device, self._kept = framing, params, device, kept
        self._encoder = load_scoring_clip(folder, str(device))
        self._words = load_text(folder, self._encoder.model)
        nets: dict[Net, None] = dict.fromkeys((params.lpips_net, *params.lpips_also))
        self._lpips = {net: load_lpips(net).to(device) for net in nets}
        # Other numbers of these change the last bits of features.
        self._how = [device.type, params.batch, torch.get_num_threads()]
        self._text = cache(self._embedded_text)

    def score(self, clip: Clip, done: Completion, text: str = "") -> dict[str, np.ndarray]:
        """Each metric of a completion against the truth, ``float64 [F]``, NaN where it is not defined.

        Args:
            text: the object's caption; "" for none, which has no CLIP-T.
        """
        return self.by_networks(clip, done, text) | self.by_pixels(clip, done)

    def by_networks(self, clip: Clip, done: Completion, text: str = "") -> dict[str, np.ndarray]:
        """Of :meth:`score`, what CLIP and LPIPS say, which takes most of the time."""
        frames, net = len(clip.amodal_FHW), self._params.lpips_net
        seen = self._seen(window_squares(self._framing, clip), clip, done)
        alike = image_similarity(seen.ours_ND, seen.truth_ND)
        scores = {
            "clip": alike,
            "lpips": self._distance(net, seen),
            "tc": _with_first(temporal_consistency(seen.ours_ND)),
            "tc_truth": _with_first(temporal_consistency(seen.truth_ND)),
        }
        if text and (text_D := self._text(text)) is not None:
            scores["clip_t"] = text_similarity(seen.ours_ND, text_D)
        for other in self._params.lpips_also:
            scores[f"lpips_{other}"] = scores["lpips"] if other == net else self._distance(other, seen)
        for view in self._params.views:
            squares = squares_of(view, self._framing, clip, self._params.box_margin)
            if squares == seen.squares:
                # With framing.mode frame the headline's windows are whole frames already.
                scores |= {f"clip_{view}": alike, f"lpips_{view}": scores["lpips"]}
                continue
            there = self._seen(squares, clip, done)
            scores[f"clip_{view}"] = squares.spread(image_similarity(there.ours_ND, there.truth_ND), frames)
            scores[f"lpips_{view}"] = squares.spread(self._distance(net, there), frames)
        return scores

    def by_pixels(self, clip: Clip, done: Completion) -> dict[str, np.ndarray]:
        """Of :meth:`score`, what needs no network."""
        return {
            "iou": iou(done.amodal_FHW, clip.amodal_FHW),
            "hidden_psnr": self._hidden_psnr(clip, done.rgb_FHW3),
            "hidden_ssim": masked_ssim(done.rgb_FHW3, clip.whole_FHW3, clip.hidden_FHW),
            "hidden_iou": occluded_iou(done.amodal_FHW, clip.amodal_FHW, clip.visible_FHW),
            "visible_psnr": masked_psnr(done.rgb_FHW3, clip.whole_FHW3, clip.visible_FHW, self._params.white_psnr_cap),
            "warp_error": warp_error(done.rgb_FHW3, self._motions(clip)),
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
        model = self._lpips[self._params.lpips_net]
        between = [lpips_per_frame(model, a, b, self._params.batch) for a, b in combinations(framed, 2)]
        return {
            "hidden_psnr_best": each_NF[best],
            "hidden_psnr_mean": self._hidden_psnr(clip, rgb_NFHW3.mean(axis=0).round().astype(np.uint8)),
            "diversity": np.where(seen_F, np.mean(between, axis=0), np.nan),
        }

    def _hidden_psnr(self, clip: Clip, rgb_FHW3: np.ndarray) -> np.ndarray:
        return masked_psnr(rgb_FHW3, clip.whole_FHW3, clip.hidden_FHW, self._params.white_psnr_cap)

    def _embedded_text(self, text: str) -> np.ndarray | None:
        return None if self._words is None else embed_text(self._words, text)

    def _seen(self, squares: Squares, clip: Clip, done: Completion) -> _Seen:
        ours_NSS3, truth_NSS3 = squares.pictures(done.rgb_FHW3), squares.pictures(clip.whole_FHW3)
        ours_ND = embed(self._encoder, ours_NSS3, self._params.batch)
        return _Seen(squares, ours_NSS3, truth_NSS3, ours_ND, self._embedded_truth(truth_NSS3))

    def _embedded_truth(self, truth_NSS3: np.ndarray) -> np.ndarray:
        def compute() -> list[torch.Tensor]:
            return [torch.from_numpy(embed(self._encoder, truth_NSS3, self._params.batch))]

        if self._kept is None:
            return compute()[0].numpy()
        return self._kept.of(["clip", *self._how], truth_NSS3, compute, torch.device("cpu"))[0].numpy()

    def _motions(self, clip: Clip) -> Iterable[Motion]:
        """The truth's optical flow, which takes longer than all else that needs no network."""
        if self._kept is None or not self._kept.takes_large or len(clip.amodal_FHW) < 2:
            return motions_of(clip.whole_FHW3, clip.amodal_FHW, self._params.flow)

        def compute() -> list[torch.Tensor]:
            found = list(motions_of(clip.whole_FHW3, clip.amodal_FHW, self._params.flow))
            arrays = np.stack([each.back_HW2 for each in found]), np.stack([each.counts_HW for each in found])
            return [torch.from_numpy(array) for array in arrays]

        # One array decides it: where the object is, also where it is white.
        rgba_FHW4 = np.concatenate([clip.whole_FHW3, clip.amodal_FHW[..., None]], axis=-1)
        what = ["motion", self._params.flow.model_dump(mode="json")]
        back, counts = self._kept.of(what, rgba_FHW4, compute, torch.device("cpu"), large=True)
        return map(Motion, back.numpy(), counts.numpy())

    def _distance(self, net: Net, seen: _Seen) -> np.ndarray:
        """LPIPS of each picture, ``float64 [N]``."""
        model = self._lpips[net]

        def features(truth_BSS3: np.ndarray) -> list[torch.Tensor]:
            def compute() -> list[torch.Tensor]:
                return lpips_features(model, truth_BSS3)

            if self._kept is None:
                return compute()
            return self._kept.of(["lpips", net, *self._how], truth_BSS3, compute, self._device, large=True)

        return lpips_per_frame(model, seen.ours_NSS3, seen.truth_NSS3, self._params.batch, features)


def _with_first(pairs_F: np.ndarray) -> np.ndarray:
    """Values of pairs of frames as values of frames: a pair belongs to the later one, and the first frame has none."""
    return np.concatenate([[np.nan], pairs_F])


def scale_scorer(ctx: Context, framing: FramingParams, params: MetricsParams, compute: ComputeParams) -> Scorer:
    """The scorer of a scale. It keeps features of the truth in ``scratch/``, for all methods and shards.

    Raises:
        BadInput: the scoring networks or the data set are missing.
    """
    device = device_of(ctx.device, compute.tf32)
    folder = ctx.results / "backbones" / "scoring_clip"
    inputs = [ctx.results / name for name in ("synthesis/recipes.parquet", "tracks/index.json", "masks/index.json")]
    decided = [
        framing.model_dump(mode="json"),
        compute.tf32,
        networks_digest(folder),
        [sha256(path) for path in inputs],
        code_digest(__name__),
    ]
    kept = Kept(ctx.root / "scratch" / ctx.scale / "metrics" / "truth", digest(decided), round(params.kept_gib * 2**30))
    return Scorer(folder, framing, params, device, kept)


def networks_digest(folder: Path) -> str:
    """The digest of the scoring CLIP's files, and of LPIPS's weights."""
    files = {path.name: sha256(path) for path in sorted(folder.glob("*")) if path.is_file()}
    return digest([files, {net: backbone.sha256 for net, backbone in BACKBONES.items()}])
