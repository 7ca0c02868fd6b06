"""Phase `captions`: a sentence for every track.

captions/items/<track>.json     one caption
captions/captions.parquet       the captions table
"""

from __future__ import annotations

from tgvac.captions.captioners import caption
from tgvac.captions.params import CaptionsParams
from tgvac.clip.captions import Caption, write_captions
from tgvac.clip.track import Track, file_stem
from tgvac.files import write_text
from tgvac.shards import Made, merge_indices, read_index, run_items, shard_of, write_index
from tgvac.stage import Context


def run(ctx: Context, *, captions: CaptionsParams) -> None:
    """Caption one shard's tracks."""
    index = read_index(ctx.results / "tracks" / "index.json")
    mine = {track: entry for track, entry in index.items() if shard_of(track, ctx.shards) == ctx.shard}

    def make(item: str) -> list[Made]:
        with Track(ctx.upstream("tracks", mine[item])) as track:
            found = caption(captions, track.meta)
        path = ctx.out / "items" / f"{file_stem(item)}.json"
        write_text(path, found.model_dump_json(indent=1) + "\n")
        return [Made(item, path, {"captioner": found.captioner})]

    keys = {track: [entry.sha256, ctx.digest] for track, entry in mine.items()}
    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def join(ctx: Context, *, captions: CaptionsParams) -> None:
    """Join the shards to the captions table."""
    entries = merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
    texts = (ctx.upstream("captions", entry).read_text(encoding="utf-8") for entry in entries)
    write_captions(ctx.out / "captions.parquet", [Caption.model_validate_json(text) for text in texts])
