"""What the data phases leave behind at the paper's size, without a pixel: indices and tables in the real formats.

The files that an index names are written only where a later step opens them: metas of tracks and masks, recipes of a
target, sentences. Digests are of names. For dry runs of the graph, and for time and memory of the steps that join.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.captions import captions_stage
from tgvac.captions.params import CaptionsParams
from tgvac.clips.archive import zip_writing
from tgvac.clips.captions import Caption
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.recipe import Placement, Recipe
from tgvac.clips.track import MasksMeta, TrackMeta, file_stem
from tgvac.config import digest
from tgvac.files import write_json
from tgvac.masks import join_quality
from tgvac.shards import Entry, merge_indices, shard_of, write_index
from tgvac.sources.account import ACCOUNT, write_account
from tgvac.sources.manifest import MANIFEST_FORMAT
from tgvac.sources.rejected import REJECTED, write_rejected
from tgvac.stage import Context
from tgvac.synthesis import select_stage, synthesis_stage
from tgvac.synthesis.params import SelectParams, SynthesisParams
from tgvac.synthesis.splits import split_videos

PAPER_OBJECTS = {"davis": 24, "youtube_vos": 332, "lasot": 1044}
"""Instances of Table 1."""
PAPER_VIDEOS = {"davis": 120, "youtube_vos": 1600, "lasot": 5220}
"""Synthesized videos of Table 1."""

_WHOLE = FrameGeometry(area=0.05, parts=(0.05,), border=0.0, touch=0.0)


@dataclass(frozen=True)
class Sizes:
    """How much there is.

    Attributes:
        objects, videos: of each source, objects (one a source video) and synthesized videos.
        frames: of each track and each synthesized video.
        buckets, pairs: files of pairs' sentences, and sentences in each.
        shards: of the data phases.
    """

    objects: Mapping[str, int]
    videos: Mapping[str, int]
    frames: int
    buckets: int
    pairs: int
    shards: int

    def tracks(self) -> Iterator[tuple[str, str]]:
        """Source and track id of each object."""
        for source, count in self.objects.items():
            yield from ((source, f"{source}/video-{k:05d}/1") for k in range(count))

    def recipes_of(self, track: str) -> int:
        """How many synthesized videos an object is the target of: evenly many, the first ones one more."""
        source, video, _ = track.split("/")
        number = int(video.rpartition("-")[2])
        each, more = divmod(self.videos[source], self.objects[source])
        return each + (number < more)


@dataclass(frozen=True)
class PaperData:
    """The data phases of one scale in one project folder."""

    root: Path
    scale: str
    sizes: Sizes

    def context(self, phase: str) -> Context:
        return Context(self.root, self.scale, phase, "d", shards=self.sizes.shards)

    def write(self, select: SelectParams, synthesis: SynthesisParams, captions: CaptionsParams) -> None:
        """All phases up to captions; what joins is the workflow's own code."""
        self.write_sources()
        self.write_tracks()
        self.write_masks()
        select_stage.run(self.context("select"), select=select)
        self.write_recipes(synthesis)
        synthesis_stage.join(self.context("synthesis"), synthesis=synthesis)
        self.write_sentences()
        captions_stage.join(self.context("captions"), captions=captions)

    def write_sources(self) -> None:
        sources: dict[str, Any] = {}
        for source, track in self.sizes.tracks():
            entry = sources.setdefault(source, {"layout": source, "licence": "none", "videos": {}})
            entry["videos"][track.split("/")[1]] = {"frames": list(range(self.sizes.frames)), "digest": digest(track)}
        out = self.context("sources").out
        write_json(out / "manifest.json", {"format": MANIFEST_FORMAT, "sources": sources, "pairs": {}})
        write_json(out / "locations.json", dict.fromkeys(sources, "data"))
        write_rejected(out / REJECTED, ())
        write_account(out / ACCOUNT, ())

    def write_tracks(self) -> None:
        frames, ctx, entries = self.sizes.frames, self.context("tracks"), []
        for source, track in self.sizes.tracks():
            video = track.split("/")[1]
            meta = TrackMeta(
                **{"track": track, "source": source, "video": video, "object": "1", "category": "cat", "captions": ()},
                **{"licence": "none", "fps": 24.0, "height": 256, "width": 456},
                frame_numbers=tuple(range(frames)),
                annotated=(True,) * frames,
                geometry=(_WHOLE,) * frames,
            )
            path = self._zipped(ctx, track, "meta.json", meta.model_dump_json())
            facts = {"video": meta.source_video, "frames": frames, "category": "cat"}
            entries.append(_entry(ctx, track, path, facts))
        self._index(ctx, entries)
        merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
        write_rejected(ctx.out / REJECTED, ())

    def write_masks(self) -> None:
        frames, ctx, entries = self.sizes.frames, self.context("masks"), []
        verdicts = ("given",) * frames
        for source, track in self.sizes.tracks():
            meta = MasksMeta(track=track, segmenter="given", verdicts=verdicts, geometry=(_WHOLE,) * frames)
            path = self._zipped(ctx, track, "masks.json", meta.model_dump_json())
            facts = {"source": source, "segmenter": "given", "verdicts": {"given": frames}, "refused": False}
            entries.append(_entry(ctx, track, path, {**facts, "quality": {}}))
        self._index(ctx, entries)
        join_quality.join(ctx)

    def write_recipes(self, synthesis: SynthesisParams) -> None:
        """What the shards of phase `synthesis` leave, to be joined."""
        frames, ctx, entries = self.sizes.frames, self.context("synthesis"), []
        splits = split_videos(synthesis.split, (track.rpartition("/")[0] for _, track in self.sizes.tracks()))
        rates = [0.3] * frames
        for source, track in self.sizes.tracks():
            video, rows = track.rpartition("/")[0], []
            for number in range(self.sizes.recipes_of(track)):
                recipe = Recipe(
                    **{"recipe": f"{track}/r{number}", "target": track, "video": video, "source": source},
                    **{"split": splits[video], "start": 0, "frame_step": 1, "frames": frames, "seed": number},
                    occluders=(Placement(track=track, start=0, frames=frames),),
                    mean_rate=0.3,
                    max_rate=0.3,
                )
                rows.append({"recipe": recipe.model_dump(mode="json"), "rates": rates})
            path = ctx.out / "items" / f"{file_stem(track)}.json"
            write_json(path, rows)
            entries.append(_entry(ctx, track, path, {"pool": splits[video], "recipes": len(rows)}))
        self._index(ctx, entries)

    def write_sentences(self) -> None:
        """What the shards of phase `captions` leave, to be joined."""
        ctx = self.context("captions")
        items = {track: [track] for _, track in self.sizes.tracks()}
        for number in range(self.sizes.buckets):
            pairs = [f"pix2gestalt/{number:03d}-{k:05d}/1" for k in range(self.sizes.pairs)]
            items[f"pix2gestalt/bucket-{number:03d}"] = pairs
        entries = []
        for item, tracks in items.items():
            path = ctx.out / "items" / f"{file_stem(item)}.json"
            text = "a large brown dog with white paws and a red collar"
            said = [Caption(track=t, captioner="blip2", raw=text, text=text, frame=0, model="m") for t in tracks]
            write_json(path, {"captions": [each.model_dump() for each in said], "rejected": []})
            entries.append(_entry(ctx, item, path, {}))
        self._index(ctx, entries)

    def _zipped(self, ctx: Context, track: str, name: str, text: str) -> Path:
        path = ctx.out / "files" / f"{file_stem(track)}.zip"
        with zip_writing(path) as sink:
            sink.add(name, text.encode())
        return path

    def _index(self, ctx: Context, entries: Iterable[Entry]) -> None:
        """The shards' indices, each entry in the shard of its name; a video's tracks are made together."""
        by_shard: dict[int, list[Entry]] = {k: [] for k in range(ctx.shards)}
        for entry in entries:
            by_shard[shard_of(str(entry.facts.get("video", entry.id)), ctx.shards)].append(entry)
        for shard, mine in by_shard.items():
            write_index(ctx.shard_index(shard), mine)


def _entry(ctx: Context, identifier: str, path: Path, facts: Mapping[str, Any]) -> Entry:
    file = path.relative_to(ctx.out).as_posix()
    return Entry(identifier, file, digest([ctx.phase, identifier]), path.stat().st_size, dict(facts))
