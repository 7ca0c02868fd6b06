"""Clips of one frame from pairs of images: the ``ClipSource`` of pix2gestalt's set, and the files that it reads.

``sources/<source>/pairs/`` holds, for each bucket of ids, one stored zip, and an index of them:

    bucket-000.zip        <id>/occlusion.png, <id>/whole.png, <id>/whole_mask.png, <id>/visible_mask.png
                          captions.json: {id: text}, where the source has captions
    index.json            the buckets, each with its source and its number of pairs

A pair's bucket is a hash of its id, so that each is found without a table of all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.clip import Clip
from tgvac.clips.framed import FramedClip, Seen, frame_clip
from tgvac.clips.framing import FramingParams
from tgvac.clips.images import decode_mask, decode_rgb, on_white
from tgvac.errors import BadInput
from tgvac.shards import read_index, shard_of

PARTS = ("occlusion", "whole", "whole_mask", "visible_mask")
CAPTIONS = "captions.json"


def bucket_name(number: int) -> str:
    """A bucket's id in the index; its file's name without ``.zip``."""
    return f"bucket-{number:03d}"


def bucket_of(pair: str, buckets: int) -> int:
    """The bucket of a pair's id."""
    return shard_of(pair, buckets)


def pair_sources(sources: Path) -> dict[str, PairClips]:
    """The pairs of every source that a scale uses, by name.

    Args:
        sources: the folder of the phase `sources`, whose manifest says which there are.
    """
    path = sources / "manifest.json"
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run `tgvac stage sources` first.")
    names = json.loads(path.read_text(encoding="utf-8")).get("pairs", {})
    return {name: PairClips(sources / name / "pairs") for name in sorted(names)}


class _Bucket:
    """An opened bucket."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.captions: dict[str, str] = json.loads(self.store.read(CAPTIONS)) if CAPTIONS in self.store else {}

    def pairs(self) -> list[str]:
        return sorted(name.partition("/")[0] for name in self.store.names() if name.endswith(f"/{PARTS[0]}.png"))


class PairClips:
    """Pairs as clips of one frame, ``<source>/<id>``; bounded memory: a pair at a time, a few buckets open.

    Opening a bucket takes far longer than reading a pair of it, so whoever reads all pairs goes bucket by bucket
    (:meth:`in_bucket`) rather than in the order of :meth:`samples`.

    Args:
        folder: a source's ``pairs`` folder.
        open_buckets: how many are kept open.

    Raises:
        BadInput: when there is no index, or a bucket is not whole.
    """

    def __init__(self, folder: Path, open_buckets: int = 4) -> None:
        entries = read_index(folder / "index.json")
        names = {str(entry.facts.get("source", "")) for entry in entries.values()}
        if list(entries) != [bucket_name(i) for i in range(len(entries))] or len(names) != 1 or "" in names:
            raise BadInput(f"{folder / 'index.json'} is no index of buckets of pairs; run `tgvac stage sources` again.")
        self._folder, self._entries, self._source = folder, entries, names.pop()
        self._open = lru_cache(maxsize=open_buckets)(self._opened)
        self._samples: tuple[str, ...] | None = None

    def _opened(self, number: int) -> _Bucket:
        entry = self._entries[bucket_name(number)]
        path = self._folder / entry.file
        if not path.is_file() or path.stat().st_size != entry.bytes:
            raise BadInput(f"{path} is missing or not whole; run `tgvac stage sources` to make it again.")
        return _Bucket(path)

    @property
    def buckets(self) -> int:
        return len(self._entries)

    def digest_of(self, number: int) -> str:
        """SHA-256 of a bucket's file: what decides its pixels and captions."""
        return self._entries[bucket_name(number)].sha256

    def in_bucket(self, number: int) -> tuple[str, ...]:
        """The ids of one bucket's clips, sorted."""
        return tuple(f"{self._source}/{pair}" for pair in self._open(number).pairs())

    def samples(self) -> tuple[str, ...]:
        """The ids of all clips, sorted; the first call opens every bucket."""
        if self._samples is None:
            self._samples = tuple(sorted(s for number in range(self.buckets) for s in self.in_bucket(number)))
        return self._samples

    def length(self, sample: str) -> int:
        """Always 1."""
        self._pair(sample)
        return 1

    def _pair(self, sample: str) -> str:
        source, _, pair = sample.partition("/")
        if source != self._source or not pair:
            raise ValueError(f"{sample!r} is no pair of the source '{self._source}'")
        return pair

    def caption(self, sample: str) -> str:
        """The source's sentence on the whole object, or ""."""
        pair = self._pair(sample)
        return self._open(bucket_of(pair, self.buckets)).captions.get(pair, "")

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        """A pair as a model sees it."""
        return frame_clip(self.render(sample, frames), framing, seen)

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        """A pair as a clip of one frame.

        The occluder's mask is the part of it that lies before the object: the set does not say where the rest is.
        Visible pixels outside of the whole mask (few, or the pair would have been rejected) do not count.
        """
        pair = self._pair(sample)
        wanted = [0] if frames is None else list(frames)
        if bad := [i for i in wanted if i != 0]:
            raise ValueError(f"{sample} has one frame, 0; {bad[0]} was asked for")
        store = self._open(bucket_of(pair, self.buckets)).store
        data = {part: store.read(f"{pair}/{part}.png") for part in PARTS}
        named = {part: store.describe(f"{pair}/{part}.png") for part in PARTS}
        amodal_HW = decode_mask(data["whole_mask"], named["whole_mask"])
        visible_HW = decode_mask(data["visible_mask"], named["visible_mask"]) & amodal_HW
        whole_HW3 = on_white(decode_rgb(data["whole"], named["whole"]), amodal_HW)
        frame_HW3 = decode_rgb(data["occlusion"], named["occlusion"])

        def repeated(image: np.ndarray) -> np.ndarray:
            return np.stack([image] * len(wanted))

        return Clip(
            sample=sample,
            video=sample,
            track=f"{sample}/1",
            frames_FHW3=repeated(frame_HW3),
            visible_FHW=repeated(visible_HW),
            whole_FHW3=repeated(whole_HW3),
            amodal_FHW=repeated(amodal_HW),
            occluder_FHW=repeated(amodal_HW & ~visible_HW),
        )
