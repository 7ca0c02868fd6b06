"""Phase `tracks`: one file an object, at working resolution.

tracks/files/<track>.zip          contract 1
tracks/shards/shard-000.json      index of a shard
tracks/index.json                 index of all
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tgvac.clip.geometry import FrameGeometry, measure
from tgvac.clip.images import resize_mask, resize_rgb
from tgvac.clip.track import TrackMeta, file_stem, write_track
from tgvac.errors import BadInput
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.davis import VOID
from tgvac.sources.params import TracksParams
from tgvac.sources.registry import Source
from tgvac.sources.sources_stage import adapter_of, read_manifest, videos_of
from tgvac.stage import Context


def run(ctx: Context, *, tracks: TracksParams) -> None:
    """Make one shard's tracks; the shards' indices are joined by the runner."""
    manifest = read_manifest(ctx)
    todo = {f"{name}/{v.name}": (name, v) for name in manifest for v in videos_of(manifest, name)}
    todo = {item: found for item, found in todo.items() if shard_of(item, ctx.shards) == ctx.shard}
    adapters: dict[str, tuple[Source, Adapter]] = {}

    def make(item: str) -> Iterator[Made]:
        name, video = todo[item]
        if name not in adapters:
            adapters[name] = adapter_of(ctx, name)
        return make_tracks(ctx, tracks, *adapters[name], video)

    keys = {
        item: [video.digest, manifest[name]["layout"], manifest[name]["licence"], ctx.digest]
        for item, (name, video) in todo.items()
    }
    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def make_tracks(ctx: Context, params: TracksParams, source: Source, adapter: Adapter, video: Video) -> Iterator[Made]:
    """Write a track for each object of a video, a frame in memory at a time."""
    count = min(len(video.frame_numbers), params.max_frames or len(video.frame_numbers))
    geometry = _measure_objects(adapter, source, video, count)
    if not geometry:
        raise BadInput(
            f"{source.name}: video '{video.name}' has an empty mask in every frame (0 is background, 255 is void);"
            " mend its annotations or take it out of the image sets."
        )
    first_HW3 = adapter.frame(video, 0)
    native = first_HW3.shape[:2]
    factor = params.long_side / max(native)
    height, width = (max(1, round(side * factor)) for side in native)
    for object_id in sorted(geometry):
        info = adapter.info(video, object_id)
        meta = TrackMeta(
            track=f"{source.name}/{video.name}/{object_id}",
            source=source.name,
            video=video.name,
            object=str(object_id),
            category=info.category,
            captions=info.captions,
            licence=source.licence,
            fps=adapter.fps,
            height=height,
            width=width,
            frame_numbers=video.frame_numbers[:count],
            annotated=tuple(g is not None for g in geometry[object_id]),
            geometry=tuple(geometry[object_id]),
        )
        path = ctx.out / "files" / f"{file_stem(meta.track)}.zip"
        write_track(path, meta, _pixels(adapter, video, object_id, meta), params.codec)
        yield Made(meta.track, path, {"video": meta.source_video, "frames": count, "category": meta.category})


def _pixels(
    adapter: Adapter, video: Video, object_id: int, meta: TrackMeta
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    for i in range(meta.frames):
        ids_HW = adapter.annotation(video, i)
        mask_HW = None
        if ids_HW is not None:
            mask_HW = resize_mask(np.where(ids_HW == object_id, 255, 0).astype(np.uint8), meta.height, meta.width)
        yield resize_rgb(adapter.frame(video, i), meta.height, meta.width), mask_HW


def _measure_objects(
    adapter: Adapter, source: Source, video: Video, count: int
) -> dict[int, list[FrameGeometry | None]]:
    """The geometry of each object in each annotated frame, at the annotation's own resolution."""
    found: dict[int, list[FrameGeometry | None]] = {}
    for i in range(count):
        ids_HW = adapter.annotation(video, i)
        if ids_HW is None:
            continue
        shape = adapter.frame(video, i).shape[:2]
        if ids_HW.shape != shape:
            raise BadInput(
                f"{source.name}: the annotation of frame {video.frame_numbers[i]:05d} of '{video.name}' is"
                f" {ids_HW.shape[1]}x{ids_HW.shape[0]}, its frame {shape[1]}x{shape[0]}; both must have one size."
            )
        for object_id in np.unique(ids_HW):
            if object_id in (0, VOID):
                continue
            found.setdefault(int(object_id), [None] * count)
        for object_id, rows in found.items():
            mask_HW = ids_HW == object_id
            rows[i] = measure(mask_HW, (ids_HW != 0) & ~mask_HW)
    # Frames annotated before an object first appears show none of it.
    empty = FrameGeometry(area=0.0, parts=(), border=0.0, touch=0.0)
    for rows in found.values():
        for i, row in enumerate(rows):
            if row is None and adapter.annotation(video, i) is not None:
                rows[i] = empty
    return found
