"""Scores of outputs on a data set that comes with the truth: one file of rows a sample, so that a stopped run goes on.

A data set with masks alone is scored by what its truth has: the overlap of amodal masks, over the whole object and over
its hidden part, and the error where the object is seen. One with the colours of whole objects has all metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.export_record import ExportRecord, input_digest
from tgvac.clips.outputs import Outputs
from tgvac.clips.rows import Row, write_rows
from tgvac.clips.track import file_stem
from tgvac.code_digests import code_digest
from tgvac.devices import device_of, pin
from tgvac.errors import BadInput
from tgvac.evaluate.scoring import Scored
from tgvac.external.truth import ExternalClips
from tgvac.files import sha256
from tgvac.methods.registry import EXTERNAL
from tgvac.metrics.masks import iou, occluded_iou
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.pixels import masked_psnr
from tgvac.metrics.scorer import Scorer
from tgvac.models.runtime import quiet
from tgvac.params import Params
from tgvac.shards import Ledger, Made, run_items
from tgvac.sources.rejected import reason_of

_FRAMES = 2
"""Frames of a clip that are in memory at once, where metrics are of single frames."""


def score_external(
    folder: Path,
    params: Params,
    name: str,
    truth: ExternalClips,
    outputs: Outputs,
    record: ExportRecord,
    network: Path | None,
    device: str,
) -> tuple[Scored, dict[str, str]]:
    """Score each sample that was exported.

    Args:
        folder: where rows are kept.
        name: of the method; its rows are those of the method ``external`` and this variant.
        network: of the CLIP that scores; None for a truth without colours.

    Returns:
        What was scored, and a digest of the truth of each sample.
    """
    pin(params.compute.threads)
    quiet()
    left_out: dict[str, str] = {}
    blocks = params.model_dump(mode="json", include={"framing", "metrics", "compute"})
    # How much is kept on disk decides no score.
    del blocks["metrics"]["kept_gib"]
    weights = [[path.name, sha256(path)] for path in sorted(network.iterdir()) if path.is_file()] if network else []
    decided, keys, truths = [blocks, code_digest(__name__), weights], {}, {}
    there = set(truth.samples())
    for sample in sorted(record.samples):
        if outputs.folder(sample) is None:
            left_out[sample] = f"The outputs have no pictures of '{sample}'; complete that sample, too."
            continue
        if sample not in there:
            left_out[sample] = f"'{sample}' is not in the data set, from which it was exported; restore it."
            continue
        try:
            truths[sample] = truth.digest(sample)
        except BadInput as error:
            left_out[sample] = reason_of(error, truth.folder)
            continue
        keys[sample] = [truths[sample], outputs.digest(sample), record.samples[sample].model_dump(), decided]

    @cache
    def scorer() -> Scorer:
        assert network is not None
        return Scorer(network, params.framing, params.metrics, device_of(device, params.compute.tf32))

    def make(sample: str) -> list[Made]:
        path = folder / f"{file_stem(sample)}.parquet"
        try:
            rows = _rows(truth, sample, name, outputs, record, params.metrics, scorer if truth.colours else None)
        except BadInput as error:
            write_rows(path, [])
            reason = reason_of(BadInput(reason_of(error, outputs.path)), truth.folder)
            return [Made(sample, path, {"left_out": reason})]
        write_rows(path, rows)
        return [Made(sample, path)]

    entries = run_items(f"evaluate {name}", keys, Ledger(folder / "done", folder), make)
    left_out |= {e.id: str(e.facts["left_out"]) for e in entries if "left_out" in e.facts}
    parts = {e.id: folder / e.file for e in entries if e.id not in left_out}
    return Scored(parts, left_out), {sample: truths[sample] for sample in parts}


def _rows(
    truth: ExternalClips,
    sample: str,
    name: str,
    outputs: Outputs,
    record: ExportRecord,
    metrics: MetricsParams,
    scorer: Callable[[], Scorer] | None,
) -> list[Row]:
    facts = truth.examine(sample)
    _check_export(truth, sample, record, facts.frames)
    done = outputs.read(sample, facts.frames, facts.frames, facts.height, facts.width)
    if scorer is not None:
        clip = truth.render(sample)
        scores, rate_F = scorer().score(clip, done), clip.occlusion_F
    else:
        scores, rate_F = _of_masks(truth, sample, done, metrics)
    return [
        Row(
            scale=f"{EXTERNAL}/{truth.name}",
            method=EXTERNAL,
            variant=name,
            mask_source="given",
            train_seed=-1,
            sample_seed=0,
            sample=sample,
            video=truth.video(sample),
            frame=frame,
            metric=metric,
            rate=float(rate),
            value=float(value),
        )
        for metric, values_F in scores.items()
        for frame, (value, rate) in enumerate(zip(values_F, rate_F, strict=True))
        if np.isfinite(value)
    ]


def _check_export(truth: ExternalClips, sample: str, record: ExportRecord, frames: int) -> None:
    """Check that the outputs were made of what the data set has now."""
    mine = record.samples[sample]
    if mine.frames != frames:
        raise BadInput(
            f"'{sample}' has {frames} frames, but {mine.frames} when it was exported; export and complete it again."
        )
    found = ""
    for part in _parts(frames):
        clip = truth.render(sample, part)
        found += input_digest(clip.frames_FHW3, clip.visible_FHW)
    if found != mine.digest:
        raise BadInput(f"'{sample}' has changed since it was exported; export and complete it again.")


def _parts(frames: int) -> Iterator[range]:
    return (range(start, min(start + _FRAMES, frames)) for start in range(0, frames, _FRAMES))


def _of_masks(
    truth: ExternalClips, sample: str, done: Completion, metrics: MetricsParams
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The metrics of a truth without colours, and the occlusion rates; a few frames are in memory at once."""
    scores: dict[str, list[np.ndarray]] = {}
    rates = []
    for part in _parts(len(done.amodal_FHW)):
        clip = truth.render(sample, part)
        rates.append(clip.occlusion_F)
        mask_FHW, rgb_FHW3 = done.amodal_FHW[part.start : part.stop], done.rgb_FHW3[part.start : part.stop]
        for metric, value_F in _masks_scored(clip, Completion(rgb_FHW3, mask_FHW), metrics).items():
            scores.setdefault(metric, []).append(value_F)
    return {metric: np.concatenate(parts) for metric, parts in scores.items()}, np.concatenate(rates)


def _masks_scored(clip: Clip, done: Completion, metrics: MetricsParams) -> dict[str, np.ndarray]:
    # Where the object is seen, the input has its colours.
    return {
        "iou": iou(done.amodal_FHW, clip.amodal_FHW),
        "hidden_iou": occluded_iou(done.amodal_FHW, clip.amodal_FHW, clip.visible_FHW),
        "visible_psnr": masked_psnr(done.rgb_FHW3, clip.whole_FHW3, clip.visible_FHW, metrics.white_psnr_cap),
    }
