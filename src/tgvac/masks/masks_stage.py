"""Phase `masks`: a visible mask for every frame of every track, with a verdict a frame.

masks/files/<track>.zip           masks/00000.png …, masks.json (MasksMeta)
masks/index.json                  index of all
"""

from __future__ import annotations

from collections import Counter

from tgvac.clip.archive import zip_writing
from tgvac.clip.images import encode_png
from tgvac.clip.track import MasksMeta, Track, file_stem
from tgvac.masks.params import MasksParams
from tgvac.masks.segmenter import Given, Segmenter
from tgvac.shards import Made, read_index, run_items, shard_of, write_index
from tgvac.stage import Context


def segmenter_of(params: MasksParams) -> Segmenter:
    """The segmenter of the params."""
    return {"given": Given}[params.segmenter]()


def run(ctx: Context, *, masks: MasksParams) -> None:
    """Make one shard's masks; the shards' indices are joined by the runner."""
    index = read_index(ctx.results / "tracks" / "index.json")
    mine = {track: entry for track, entry in index.items() if shard_of(track, ctx.shards) == ctx.shard}
    segmenter = segmenter_of(masks)

    def make(item: str) -> list[Made]:
        path = ctx.out / "files" / f"{file_stem(item)}.zip"
        found = []
        with Track(ctx.upstream("tracks", mine[item])) as track, zip_writing(path) as sink:
            for i, frame in enumerate(segmenter.segment(track)):
                sink.add(f"masks/{i:05d}.png", encode_png(frame.mask_HW))
                found.append((frame.geometry, frame.verdict))
            geometry, verdicts = zip(*found, strict=True)
            meta = MasksMeta(track=item, segmenter=segmenter.name, verdicts=verdicts, geometry=geometry)
            sink.add("masks.json", meta.model_dump_json(indent=1).encode())
        return [Made(item, path, {"verdicts": dict(sorted(Counter(verdicts).items()))})]

    keys = {track: [entry.sha256, ctx.digest] for track, entry in mine.items()}
    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))
