"""Clips of one frame from image pairs: the ``ClipSource`` of pix2gestalt's data set, and the files that it reads.

``sources/<source>/pairs/`` has one stored zip for each bucket of ids, and an index:

    bucket-000.zip        <id>/occlusion.png, <id>/whole.png, <id>/whole_mask.png, <id>/visible_mask.png
                          captions.json: {id: text}, if the source has captions
    index.json            the buckets, each with its source and its number of pairs

A pair's bucket is a hash of its id, so a pair is found without a table of all pairs.
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
    """A bucket's id in the index, which is its file name without ``.zip``."""
    return f"bucket-{number:03d}"


def bucket_of(pair: str, buckets: int) -> int:
    """The bucket of a pair's id."""
    return shard_of(pair, buckets)


def pair_sources(sources: Path) -> dict[str, PairClips]:
    """The pairs of every source that a scale uses, by name.

    Args:
        sources: the folder of the phase `sources`, with its manifest.
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
    """Image pairs as clips of one frame, ``<source>/<id>``. Memory is bounded: one pair, and a few open buckets.

    Opening a bucket takes far longer than reading a pair from it. To read all pairs, go bucket by bucket
    (:meth:`in_bucket`), not in the order of :meth:`samples`.

    Args:
        folder: a source's ``pairs`` folder.
        open_buckets: the number of buckets that are kept open.

    Raises:
        BadInput: when the index is missing or wrong, or when a bucket is missing or incomplete.
    """

    def __init__(self, folder: Path, open_buckets: int = 4) -> None:
        entries = read_index(folder / "index.json")
        names = {str(entry.facts.get("source", "")) for entry in entries.values()}
        if list(entries) != [bucket_name(i) for i in range(len(entries))] or len(names) != 1 or "" in names:
            raise BadInput(f"{folder / 'index.json'} is not an index of pairs; run `tgvac stage sources` again.")
        self._folder, self._entries, self._source = folder, entries, names.pop()
        self._open = lru_cache(maxsize=open_buckets)(self._open_bucket)
        self._samples: tuple[str, ...] | None = None

    def _open_bucket(self, number: int) -> _Bucket:
        entry = self._entries[bucket_name(number)]
        path = self._folder / entry.file
        if not path.is_file() or path.stat().st_size != entry.bytes:
            raise BadInput(f"{path} is missing or incomplete; run `tgvac stage sources` to make it again.")
        return _Bucket(path)

    @property
    def buckets(self) -> int:
        return len(self._entries)

    def digest_of(self, number: int) -> str:
        """SHA-256 of a bucket's file, which determines its pixels and captions."""
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
            raise ValueError(f"{sample!r} is not a pair of the source '{self._source}'")
        return pair

    def caption(self, sample: str) -> str:
        """The source's caption of the whole object, or ""."""
        pair = self._pair(sample)
        return self._open(bucket_of(pair, self.buckets)).captions.get(pair, "")

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        """A pair, framed for a model."""
        return frame_clip(self.render(sample, frames), framing, seen)

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        """A pair as a clip of one frame.

        The occluder's mask only has the part in front of the object, because the data set does not give the rest.
        Visible pixels outside of the whole mask are ignored; pairs with many of them were rejected before.
        """
        pair = self._pair(sample)
        indices = [0] if frames is None else list(frames)
        if bad := [i for i in indices if i != 0]:
            raise ValueError(f"frame {bad[0]} of {sample} was requested, but it only has frame 0")
        store = self._open(bucket_of(pair, self.buckets)).store
        data = {part: store.read(f"{pair}/{part}.png") for part in PARTS}
        names = {part: store.describe(f"{pair}/{part}.png") for part in PARTS}
        amodal_HW = decode_mask(data["whole_mask"], names["whole_mask"])
        visible_HW = decode_mask(data["visible_mask"], names["visible_mask"]) & amodal_HW
        whole_HW3 = on_white(decode_rgb(data["whole"], names["whole"]), amodal_HW)
        frame_HW3 = decode_rgb(data["occlusion"], names["occlusion"])

        def repeated(image: np.ndarray) -> np.ndarray:
            return np.stack([image] * len(indices))

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
