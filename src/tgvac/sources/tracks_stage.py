"""Phase `tracks`: one file an object, at working resolution.

tracks/files/<track>.zip          contract 1
tracks/shards/shard-000.json      index of a shard
tracks/index.json                 index of all
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tgvac.clip.box import Box
from tgvac.clip.geometry import FrameGeometry, measure
from tgvac.clip.images import resize_mask, resize_rgb
from tgvac.clip.track import TrackMeta, file_stem, write_track
from tgvac.errors import BadInput
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.sources.adapter import VOID, Adapter, Video
from tgvac.sources.manifest import adapter_of, read_manifest, videos_of
from tgvac.sources.params import TracksParams
from tgvac.sources.registry import Source
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
    annotated, geometry = _measure_objects(adapter, source, video, count)
    native = adapter.frame(video, 0).shape[:2]
    factor = params.long_side / max(native)
    height, width = (max(1, round(side * factor)) for side in native)
    boxes = _boxes(adapter, video, count, native, (height, width))
    objects = sorted({*geometry, *boxes})
    if not objects:
        raise BadInput(
            f"{source.name}: video '{video.name}' shows no object in any of its first {count} frames (a mask that is"
            " empty everywhere, where 0 is background and 255 is void, or an object that is always absent);"
            " mend its annotations or take it out of the source."
        )
    for object_id in objects:
        info = adapter.info(video, object_id)
        meta = TrackMeta(
            track=f"{source.name}/{video.name}/{object_id}",
            source=source.name,
            video=video.name,
            object=str(object_id),
            category=info.category,
            captions=info.captions,
            licence=source.licence,
            fps=adapter.fps(video),
            height=height,
            width=width,
            frame_numbers=video.frame_numbers[:count],
            annotated=annotated if object_id in geometry else (False,) * count,
            geometry=tuple(geometry.get(object_id, (None,) * count)),
            boxes=tuple(boxes.get(object_id, ())),
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
) -> tuple[tuple[bool, ...], dict[int, list[FrameGeometry | None]]]:
    """Which frames are annotated, and the geometry of each object there, at the annotation's own resolution.

    Of a source without masks no frame is read.
    """
    annotated = [False] * count
    found: dict[int, list[FrameGeometry | None]] = {}
    for i in range(count):
        ids_HW = adapter.annotation(video, i)
        if ids_HW is None:
            continue
        annotated[i] = True
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
            if row is None and annotated[i]:
                rows[i] = empty
    return tuple(annotated), found


def _boxes(
    adapter: Adapter, video: Video, count: int, native: tuple[int, ...], working: tuple[int, int]
) -> dict[int, list[Box | None]]:
    """The boxes of each object that is ever present, in pixels of the working resolution, cut at the frame's edge."""
    found: dict[int, list[Box | None]] = {}
    for i in range(count):
        for object_id, box in (adapter.boxes(video, i) or {}).items():
            rows = found.setdefault(object_id, [None] * count)
            if box is not None:
                rows[i] = box.scaled(working[1] / native[1], working[0] / native[0]).clipped(*working)
    return {object_id: rows for object_id, rows in found.items() if any(rows)}
