"""Phase `tracks`: one file per object, at working resolution.

tracks/files/<track>.zip          contract 1
tracks/rejected/<video>.json      reasons by object, for a video that is left out or has objects that are
tracks/shards/shard-000.json      index of a shard, with both kinds of files
tracks/index.json                 index of all tracks (`join_tracks`)
tracks/rejected.csv               what was left out, and why

Footage is first decoded here. This finds faults that listing the sources cannot find, such as an unreadable image or a
mask of another size. Such a video has no tracks, and the other videos are used without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.geometry import FrameGeometry, measure
from tgvac.clips.images import resize_mask, resize_rgb
from tgvac.clips.mask_values import VOID
from tgvac.clips.track import TrackMeta, file_stem, write_track
from tgvac.errors import BadInput
from tgvac.fetch.registry import Source
from tgvac.files import write_json
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.sources.adapter import BLACK_AND_WHITE, Adapter, Video
from tgvac.sources.manifest import adapter_of, read_manifest, videos_of
from tgvac.sources.params import TracksParams
from tgvac.sources.rejected import reason_of
from tgvac.stage import Context

Size = tuple[int, int]
"""Height and width."""


def run(ctx: Context, *, tracks: TracksParams) -> None:
    """Make the tracks of one shard; `join_tracks` joins the indices of the shards."""
    manifest = read_manifest(ctx)
    todo = {f"{name}/{v.name}": (name, v) for name in manifest for v in videos_of(manifest, name)}
    todo = {item: found for item, found in todo.items() if shard_of(item, ctx.shards) == ctx.shard}
    opened: dict[str, tuple[Source, Adapter, Path]] = {}

    def make(item: str) -> list[Made]:
        name, video = todo[item]
        if name not in opened:
            opened[name] = adapter_of(ctx, name)
        source, adapter, path = opened[name]
        listing = ctx.out / "rejected" / f"{file_stem(item)}.json"
        listing.unlink(missing_ok=True)
        try:
            made, rejected = make_tracks(ctx, tracks, source, adapter, video)
        except BadInput:
            _check_as_listed(ctx, source, adapter, video)
            # Try again, because a disk or network may have failed briefly, and the rejection would be kept.
            try:
                made, rejected = make_tracks(ctx, tracks, source, adapter, video)
            except BadInput as error:
                # Any fault appears while the first track is written, so no file remains.
                made, rejected = [], {"": reason_of(error, path)}
        if rejected:
            write_json(listing, rejected)
            made.append(Made(item, listing, {"video": item, "rejected": rejected}))
        return made

    keys = {
        item: [video.digest, manifest[name]["layout"], manifest[name]["licence"], ctx.digest]
        for item, (name, video) in todo.items()
    }
    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def _check_as_listed(ctx: Context, source: Source, adapter: Adapter, video: Video) -> None:
    """Check that a faulty video is unchanged since it was listed.

    The rejection is stored under the digest of the listed video, so it must not result from a file that was changed or
    removed later and may come back.
    """
    if adapter.video(video.name).digest != video.digest:
        raise BadInput(
            f"Video '{video.name}' of source '{source.name}' has changed since it was listed;"
            f" run `tgvac stage sources --scale {ctx.scale}` again, with the same --at."
        )


def make_tracks(
    ctx: Context, params: TracksParams, source: Source, adapter: Adapter, video: Video
) -> tuple[list[Made], dict[str, str]]:
    """Write a track for each object of a video, with one frame in memory at a time.

    Returns:
        The tracks, and the reasons for objects without a track, by id.

    Raises:
        BadInput: when no track can be made from the video.
    """
    count = min(len(video.frame_numbers), params.max_frames or len(video.frame_numbers))
    height, width = adapter.frame(video, 0).shape[:2]
    native = (height, width)
    annotated, geometry, white = _measure_objects(adapter, source, video, count, native)
    factor = params.long_side / max(native)
    height, width = (max(1, round(side * factor)) for side in native)
    boxes = _boxes(adapter, video, count, native, (height, width))
    if not geometry and not boxes:
        raise BadInput(
            f"{source.name}: video '{video.name}' shows no object in its first {count} frames (the masks have only"
            " background, or the object is always absent); fix its annotations or remove it from the source."
        )
    rejected = _unannounced(adapter.announced(video), video, geometry)
    made = []
    for object_id in sorted({*geometry, *boxes}):
        if str(object_id) in rejected:
            continue
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
        value = VOID if object_id == white else object_id
        write_track(path, meta, _pixels(adapter, source, video, value, meta, native), params.codec)
        made.append(Made(meta.track, path, {"video": meta.source_video, "frames": count, "category": meta.category}))
    return made, rejected


def _frame(adapter: Adapter, source: Source, video: Video, i: int, native: Size) -> np.ndarray:
    """Frame ``i``, after a check that it has the size of the first."""
    frame_HW3 = adapter.frame(video, i)
    if frame_HW3.shape[:2] != native:
        raise BadInput(
            f"{source.name}: frame {video.frame_numbers[i]:05d} of '{video.name}' is"
            f" {frame_HW3.shape[1]}x{frame_HW3.shape[0]}, its first frame {native[1]}x{native[0]};"
            " all frames of a video must have the same size."
        )
    return frame_HW3


def _pixels(
    adapter: Adapter, source: Source, video: Video, value: int, meta: TrackMeta, native: Size
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    for i in range(meta.frames):
        ids_HW = adapter.annotation(video, i)
        mask_HW = None
        if ids_HW is not None:
            mask_HW = resize_mask(np.where(ids_HW == value, 255, 0).astype(np.uint8), meta.height, meta.width)
        yield resize_rgb(_frame(adapter, source, video, i, native), meta.height, meta.width), mask_HW


def _measure_objects(
    adapter: Adapter, source: Source, video: Video, count: int, native: Size
) -> tuple[tuple[bool, ...], dict[int, list[FrameGeometry | None]], int | None]:
    """Which frames are annotated, and the geometry of each object in them, at the resolution of the annotation.

    Only annotated frames are read. If all masks have 0 and 255 alone, 255 is an object and not void; that object is the
    third result, which is None otherwise.
    """
    annotated = [False] * count
    white: list[FrameGeometry | None] = [None] * count
    void = False
    found: dict[int, list[FrameGeometry | None]] = {}
    for i in range(count):
        ids_HW = adapter.annotation(video, i)
        if ids_HW is None:
            continue
        annotated[i] = True
        shape = _frame(adapter, source, video, i, native).shape[:2]
        if ids_HW.shape != shape:
            raise BadInput(
                f"{source.name}: the annotation of frame {video.frame_numbers[i]:05d} of '{video.name}' is"
                f" {ids_HW.shape[1]}x{ids_HW.shape[0]}, its frame {shape[1]}x{shape[0]}; both must have the same size."
            )
        for object_id in np.unique(ids_HW):
            void = void or object_id == VOID
            if object_id in (0, VOID):
                continue
            found.setdefault(int(object_id), [None] * count)
        if not found and void:
            white[i] = measure(ids_HW == VOID, np.zeros(ids_HW.shape, bool))
        for object_id, rows in found.items():
            mask_HW = ids_HW == object_id
            rows[i] = measure(mask_HW, (ids_HW != 0) & ~mask_HW)
    only = adapter.white_object(video) if void and not found else None
    if only is not None:
        found = {only: white}
    elif void and not found:
        raise BadInput(f"{source.name}: every mask of '{video.name}' {BLACK_AND_WHITE}")
    # Frames annotated before an object first appears show none of it.
    empty = FrameGeometry(area=0.0, parts=(), border=0.0, touch=0.0)
    for rows in found.values():
        for i, row in enumerate(rows):
            if row is None and annotated[i]:
                rows[i] = empty
    return tuple(annotated), found, only


def _unannounced(
    announced: frozenset[int] | None, video: Video, geometry: dict[int, list[FrameGeometry | None]]
) -> dict[str, str]:
    """Objects with ids that the source does not list, by id, with a sentence about each.

    Args:
        announced: see :meth:`Adapter.announced`.
    """
    if announced is None or not geometry:
        return {}
    first = {k: next(i for i, row in enumerate(rows) if row and row.parts) for k, rows in geometry.items()}
    start = min(first.values())
    return {
        str(k): f"the id {k} first appears in frame {video.frame_numbers[i]:05d}, but neither objects.json nor the mask"
        f" of frame {video.frame_numbers[start]:05d} has it; fix the mask, or add the id to objects.json."
        for k, i in sorted(first.items())
        if i > start and k not in announced
    }


def _boxes(adapter: Adapter, video: Video, count: int, native: Size, working: Size) -> dict[int, list[Box | None]]:
    """The boxes of each object that is ever present, in pixels of the working resolution, clipped to the frame."""
    found: dict[int, list[Box | None]] = {}
    for i in range(count):
        for object_id, box in (adapter.boxes(video, i) or {}).items():
            rows = found.setdefault(object_id, [None] * count)
            if box is not None:
                rows[i] = box.scaled(working[1] / native[1], working[0] / native[0]).clipped(*working)
    return {object_id: rows for object_id, rows in found.items() if any(rows)}
