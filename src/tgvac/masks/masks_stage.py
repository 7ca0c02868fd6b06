"""Phase `masks`: a visible mask and a verdict for every frame of every track.

masks/files/<track>.zip           masks/00000.png …, masks.json (MasksMeta)
masks/index.json                  index of all; facts: segmenter, verdicts, whether the track is refused, quality
masks/quality.parquet             IoU with the ground truth, for sources that have it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from tgvac.clips.archive import zip_writing
from tgvac.clips.images import encode_mask
from tgvac.clips.track import MasksMeta, Track, file_stem
from tgvac.files import sha256
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import MasksParams
from tgvac.masks.refine import Refinement
from tgvac.masks.registry import networks, segmenter_of
from tgvac.masks.runtime import HERE, Runtime
from tgvac.masks.truth import Truth, iou
from tgvac.masks.verdicts import EMPTY, GIVEN, failed_share
from tgvac.shards import Entry, Made, read_index, run_items, shard_of, write_index
from tgvac.stage import Context

_ANNOTATED = (GIVEN, EMPTY)


class Multiplying(Protocol):
    """The used key of the block `compute`, which is defined in a package that this one must not import."""

    @property
    def tf32(self) -> bool: ...


def run(ctx: Context, *, masks: MasksParams, compute: Multiplying) -> None:
    """Make one shard's masks."""
    index = read_index(ctx.results / "tracks" / "index.json")
    mine = [track for track in index if shard_of(track, ctx.shards) == ctx.shard]
    videos: dict[str, list[Entry]] = {}
    for entry in index.values():
        videos.setdefault(entry.id.rpartition("/")[0], []).append(entry)
    siblings = {t: [e for e in videos[t.rpartition("/")[0]] if e.id != t] for t in mine}
    truths = {t: _truth_file(ctx, t) for t in mine}
    digests = {path: sha256(path) for path in set(truths.values()) if path}
    runtime = Runtime(ctx.root, ctx.device, compute.tf32)
    weights = [runtime.digest(name) for name in networks(masks)]

    def make(item: str) -> list[Made]:
        out = ctx.out / "files" / f"{file_stem(item)}.zip"
        others = [ctx.upstream("tracks", entry) for entry in siblings[item]]
        facts = make_masks(masks, ctx.upstream("tracks", index[item]), others, truths[item], out, runtime)
        return [Made(item, out, facts)]

    keys = {
        t: [
            index[t].sha256,
            [e.sha256 for e in siblings[t]],
            digests[path] if (path := truths[t]) else "",
            weights,
            ctx.digest,
        ]
        for t in mine
    }
    with one_thread():
        write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def _truth_file(ctx: Context, track: str) -> Path | None:
    path = ctx.results / "sources" / track.partition("/")[0] / "truth.zip"
    return path if path.is_file() else None


def make_masks(
    params: MasksParams,
    path: Path,
    others: Sequence[Path],
    truth_file: Path | None,
    out: Path,
    runtime: Runtime = HERE,
) -> dict[str, Any]:
    """Write one track's masks, with a window of frames in memory.

    Args:
        path: the track.
        others: the tracks of the other objects of its video.
        truth_file: the source's ``truth.zip``, if it has one.
        out: the zip to write.
        runtime: the folder of local weights, and the device.

    Returns:
        The facts for the index.
    """
    truth = Truth(truth_file) if truth_file else None
    verdicts, geometry = [], []
    iou_raw: list[float | None] = []
    iou_refined: list[float | None] = []
    with ExitStack() as stack:
        track = stack.enter_context(Track(path))
        other_tracks = [stack.enter_context(Track(other)) for other in others]
        segmenter = segmenter_of(params, track.meta, runtime)
        refinement = Refinement(params.refine, params.gates, params.dense_flow)
        sink = stack.enter_context(zip_writing(out))
        for i, frame in enumerate(refinement.refine(track, segmenter.segment(track, other_tracks))):
            sink.add(f"masks/{i:05d}.png", encode_mask(frame.mask_HW))
            verdicts.append(frame.verdict)
            geometry.append(frame.geometry)
            if truth is not None:
                true_HW = truth.visible(track.meta, i)
                iou_raw.append(iou(frame.raw_HW, true_HW))
                iou_refined.append(iou(frame.mask_HW, true_HW))
        meta = MasksMeta(
            track=track.meta.track,
            segmenter=segmenter.name,
            verdicts=tuple(verdicts),
            geometry=tuple(geometry),
            iou_raw=tuple(iou_raw),
            iou_refined=tuple(iou_refined),
        )
        sink.add("masks.json", meta.model_dump_json(indent=1).encode())
    return {
        "source": track.meta.source,
        "segmenter": segmenter.name,
        "verdicts": dict(sorted(Counter(verdicts).items())),
        "refused": failed_share(verdicts) > params.gates.max_failed,
        "quality": quality(meta),
    }


def quality(meta: MasksMeta) -> dict[str, float]:
    """Mean IoU with the ground truth, raw and refined, and the number of frames; {} if nothing was measured.

    Annotated frames are only included if all frames are annotated; otherwise they would improve the mean.
    """
    measured = [
        (verdict, raw, refined)
        for verdict, raw, refined in zip(meta.verdicts, meta.iou_raw, meta.iou_refined, strict=False)
        if raw is not None or refined is not None
    ]
    made = [row for row in measured if row[0] not in _ANNOTATED] or measured
    if not made:
        return {}
    # None: both the mask and the ground truth are empty, which is correct.
    return {
        "frames": len(made),
        "iou_raw": sum(1.0 if raw is None else raw for _, raw, _ in made) / len(made),
        "iou_refined": sum(1.0 if refined is None else refined for _, _, refined in made) / len(made),
    }
