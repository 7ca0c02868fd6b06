"""Phase `captions`: captions tracks and pairs.

captions/items/<track>.json                    the result for one track
captions/items/<source>--bucket-000.json       the results for a bucket of pairs
captions/captions.parquet                      the captions table
captions/rejected.csv                          objects without a caption, and why
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np

from tgvac.captions.blip2 import Blip2, identity
from tgvac.captions.captioners import Rejected, Subject, caption, is_looked_at
from tgvac.captions.looks import Look, areas_of, caption_frame, crop_on_white
from tgvac.captions.params import CaptionsParams
from tgvac.captions.remembered import Remembered
from tgvac.clips.captions import Caption, write_captions
from tgvac.clips.pair_clips import PairClips, bucket_name, pair_sources
from tgvac.clips.track import Track, file_stem, read_masks_meta
from tgvac.errors import BadInput
from tgvac.files import write_json, write_text
from tgvac.shards import Entry, Made, merge_indices, read_index, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.select_stage import read_stretches


class Pinned(Protocol):
    """The used keys of the block `compute`, which is defined in a package that this one must not import."""

    @property
    def threads(self) -> int: ...

    @property
    def tf32(self) -> bool: ...


def run(ctx: Context, *, captions: CaptionsParams, compute: Pinned) -> None:
    """Caption one shard's tracks and pairs."""
    tracks = _Tracks(ctx, captions)
    # Pairs without a row in the table are trained without text.
    pairs = pair_sources(ctx.results / "sources") if captions.pairs == "captioned" else {}
    buckets = {f"{name}/{bucket_name(k)}": (name, k) for name, found in pairs.items() for k in range(found.buckets)}
    keys: dict[str, Any] = {track: tracks.key(track) for track in tracks.names}
    keys |= {item: pairs[name].digest_of(number) for item, (name, number) in buckets.items()}
    mine = {item: [key, ctx.digest] for item, key in keys.items() if shard_of(item, ctx.shards) == ctx.shard}
    following = [track for track in sorted(mine) if track not in buckets]

    database = ctx.scratch / "blip2" / f"shard-{ctx.shard:03d}.sqlite"
    model = identity(captions.blip2) if "blip2" in captions.order else ""
    load = partial(Blip2, captions.blip2, ctx.device, compute.threads, compute.tf32)
    describe = Remembered(database, model, load, captions.blip2.batch)

    def make(item: str) -> list[Made]:
        if item in buckets:
            name, number = buckets[item]
            subjects = [_pair(captions, pairs[name], sample) for sample in pairs[name].in_bucket(number)]
            describe.fill(_images(captions, subjects))
        else:
            subjects = [tracks.subject(item)]
            # The next tracks are described together with this one, to fill the batch.
            ahead = (tracks.subject(track) for track in following[following.index(item) :])
            if any(describe.find(image) is None for image in _images(captions, subjects)):
                describe.fill(_images(captions, ahead), at_most=captions.blip2.batch)
        results = [caption(captions, subject, describe) for subject in subjects]
        path = ctx.out / "items" / f"{file_stem(item)}.json"
        texts = [each.model_dump() for each in results if isinstance(each, Caption)]
        # Pairs may have no caption. They are only listed as rejected if the model was to describe them.
        listed = item not in buckets or "blip2" in captions.order
        rejected = [vars(each) for each in results if isinstance(each, Rejected)] if listed else []
        write_json(path, {"captions": texts, "rejected": rejected})
        return [Made(item, path)]

    try:
        write_index(ctx.shard_index(), run_items(ctx.label, mine, ctx.ledger(), make))
    finally:
        describe.close()


def _images(params: CaptionsParams, subjects: Iterable[Subject]) -> Iterator[np.ndarray]:
    """The images of the subjects that the model has to describe, loaded one at a time."""
    for subject in subjects:
        if is_looked_at(params, subject):
            look = subject.look()
            if isinstance(look, Look):
                yield look.image_SS3


class _Tracks:
    """The tracks of a scale as subjects; masks and stretches are only read if the model is used."""

    def __init__(self, ctx: Context, params: CaptionsParams) -> None:
        self._ctx, self._params = ctx, params
        self._tracks = read_index(ctx.results / "tracks" / "index.json")
        self._masks: dict[str, Entry] = {}
        self._stretches: dict[str, list[tuple[int, int]]] = defaultdict(list)
        if "blip2" in params.order:
            self._masks = read_index(ctx.results / "masks" / "index.json")
            for stretch in read_stretches(ctx.results / "select" / "stretches.parquet"):
                self._stretches[stretch.track].append((stretch.start, stretch.frames))

    @property
    def names(self) -> list[str]:
        return sorted(self._tracks)

    def key(self, track: str) -> list[Any]:
        """Everything that determines a track's caption, besides params and code."""
        masks = self._masks.get(track)
        return [self._tracks[track].sha256, masks and masks.sha256, self._stretches.get(track, [])]

    def subject(self, track: str) -> Subject:
        with Track(self._ctx.upstream("tracks", self._tracks[track])) as opened:
            meta = opened.meta
        return Subject(track, meta.captions, meta.category, partial(self._look, track))

    def _look(self, track: str) -> Look | str:
        if track not in self._stretches:
            return "no stretch of the track has the whole object"
        masks = self._ctx.upstream("masks", self._masks[track])
        areas = areas_of(read_masks_meta(masks).geometry)
        at = caption_frame(self._stretches[track], areas, self._params.blip2.min_area)
        if at is None:
            least = self._params.blip2.min_area
            return f"the object is always smaller than captions.blip2.min_area, {least:g} of a frame"
        with Track(self._ctx.upstream("tracks", self._tracks[track]), masks) as opened:
            mask_HW = opened.mask(at)
            if not mask_HW.any():
                return f"the mask of frame {at} is empty at working resolution"
            return Look(crop_on_white(opened.frame(at), mask_HW, self._params.blip2.margin), at)


def _pair(params: CaptionsParams, pairs: PairClips, sample: str) -> Subject:
    """A pair as a subject; it has no category for a template."""

    def look() -> Look | str:
        clip = pairs.render(sample)
        mask_HW = clip.amodal_FHW[0]
        if not mask_HW.any() or np.count_nonzero(mask_HW) < params.blip2.min_area * mask_HW.size:
            return f"the object is smaller than captions.blip2.min_area, {params.blip2.min_area:g} of the image"
        return Look(crop_on_white(clip.whole_FHW3[0], mask_HW, params.blip2.margin), 0)

    text = pairs.caption(sample)
    return Subject(f"{sample}/1", (text,) if text else (), "", look)


def join(ctx: Context, *, captions: CaptionsParams) -> None:
    """Join the shards to the captions table and the list of what has none."""
    entries = merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
    found: list[Caption] = []
    rejected: list[tuple[str, str]] = []
    for entry in entries:
        said = json.loads(ctx.upstream("captions", entry).read_text(encoding="utf-8"))
        found += [Caption.model_validate(each) for each in said["captions"]]
        rejected += [(each["track"], each["reason"]) for each in said["rejected"]]
    if rejected and not found:
        track, reason = min(rejected)
        raise BadInput(
            f"None of {len(rejected)} objects has a caption from captions.order ({', '.join(captions.order)}), for"
            f" example {track}: {reason}; give captions, or add 'template' to the order."
        )
    write_captions(ctx.out / "captions.parquet", found)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows([("track", "reason"), *sorted(rejected)])
    write_text(ctx.out / "rejected.csv", text.getvalue())
    if rejected:
        print(f"{ctx.label}: {len(rejected)} objects have no caption; see {ctx.out / 'rejected.csv'}")
