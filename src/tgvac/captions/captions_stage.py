"""Phase `captions`: a sentence for every track, and for every pair that has one.

captions/items/<track>.json                    a list of one caption
captions/items/<source>--bucket-000.json       of the captions of a bucket of pairs
captions/captions.parquet                      the captions table
"""

from __future__ import annotations

import json

from tgvac.captions.captioners import caption, pair_caption
from tgvac.captions.params import CaptionsParams
from tgvac.clip.captions import Caption, write_captions
from tgvac.clip.pair_clips import bucket_name, pair_sources
from tgvac.clip.track import Track, file_stem
from tgvac.files import write_json
from tgvac.shards import Made, merge_indices, read_index, run_items, shard_of, write_index
from tgvac.stage import Context


def run(ctx: Context, *, captions: CaptionsParams) -> None:
    """Caption one shard's tracks and pairs."""
    tracks = read_index(ctx.results / "tracks" / "index.json")
    pairs = pair_sources(ctx.results / "sources")
    buckets = {f"{name}/{bucket_name(k)}": (name, k) for name, found in pairs.items() for k in range(found.buckets)}
    keys = {track: entry.sha256 for track, entry in tracks.items()}
    keys |= {item: pairs[name].digest_of(number) for item, (name, number) in buckets.items()}

    def make(item: str) -> list[Made]:
        if item in buckets:
            name, number = buckets[item]
            found = [pair_caption(captions, pairs[name], sample) for sample in pairs[name].in_bucket(number)]
        else:
            with Track(ctx.upstream("tracks", tracks[item])) as track:
                found = [caption(captions, track.meta)]
        path = ctx.out / "items" / f"{file_stem(item)}.json"
        write_json(path, [each.model_dump() for each in found if each])
        return [Made(item, path)]

    mine = {item: [key, ctx.digest] for item, key in keys.items() if shard_of(item, ctx.shards) == ctx.shard}
    write_index(ctx.shard_index(), run_items(ctx.label, mine, ctx.ledger(), make))


def join(ctx: Context, *, captions: CaptionsParams) -> None:
    """Join the shards to the captions table."""
    entries = merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
    texts = (ctx.upstream("captions", entry).read_text(encoding="utf-8") for entry in entries)
    found = [Caption.model_validate(each) for text in texts for each in json.loads(text)]
    write_captions(ctx.out / "captions.parquet", found)
