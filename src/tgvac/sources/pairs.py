"""Pairs of images for the frame model (paper, section 4.1: stage 1 is trained on the data set of pix2gestalt).

sources/<name>/pairs/bucket-000.zip     the pairs, by a hash of their id (see ``tgvac.clips.pair_clips``)
sources/<name>/pairs/index.json         the buckets
sources/<name>/rejected.csv             pairs that are left out: id and reason

The release is read once, from start to end, and never unpacked. Its members are spooled by bucket (scratch), then each
bucket is checked and written. A killed run resumes with the missing buckets; if the spool was not complete, reading
starts again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tgvac.clips.archive import zip_writing
from tgvac.clips.images import decode_mask, encode_mask, image_size
from tgvac.clips.mask_values import read_mask
from tgvac.clips.pair_clips import CAPTIONS, PARTS, bucket_name
from tgvac.clips.pictures import orientation_of
from tgvac.code_digests import code_digest
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.fetch.params import FetchParams
from tgvac.fetch.registry import Source
from tgvac.files import write_text
from tgvac.progress import Progress
from tgvac.shards import Entry, Ledger, Made, run_items, write_index
from tgvac.sources.faults import check_share
from tgvac.sources.pair_members import Members, identity_of, size_of
from tgvac.sources.pair_spool import Spool
from tgvac.sources.params import SourcesParams
from tgvac.stage import Context

LAYOUT = "pix2gestalt"


def make_pairs(ctx: Context, params: SourcesParams, source: Source, path: Path, limits: FetchParams) -> dict[str, Any]:
    """Make the buckets of a source's pairs; returns its part of the manifest.

    Args:
        path: the release's tar, or a folder of it unpacked.
        limits: of the unpacked size of the tar.

    Raises:
        BadInput: when it is damaged, unsafe, or has no pair.
    """
    folder, scratch = ctx.out / source.name / "pairs", ctx.scratch / source.name
    spool, ledger = Spool(scratch / "spool"), Ledger(scratch / "done", folder)
    key = digest(
        [
            identity_of(path),
            [params.pair_buckets, params.pair_outside_max, params.pair_max_bytes, params.pair_captions_max_bytes],
            # Not the digest of the phase: a change in the code of other sources must not repeat hours of reading.
            code_digest("tgvac.sources.pairs"),
        ]
    )
    numbers = {bucket_name(number): number for number in range(params.pair_buckets)}
    missing = [number for item, number in numbers.items() if ledger.find(item, digest(key)) is None]
    if missing and not spool.holds(missing, key):
        with Progress(f"{ctx.label}: reading {source.name} (MB)", max(1, size_of(path) >> 20)) as progress:
            total = min(limits.archive_max_bytes, limits.archive_max_ratio * size_of(path))
            report = _Megabytes(progress)
            members = Members(path, params.pair_max_bytes, params.pair_captions_max_bytes, total, report)
            spool.fill(key, members, missing, params.pair_buckets)

    def make(item: str) -> list[Made]:
        return [_make_bucket(spool, numbers[item], folder / f"{item}.zip", params.pair_outside_max)]

    entries = run_items(f"{ctx.label}: pairs of {source.name}", dict.fromkeys(numbers, key), ledger, make)
    rejected = sorted((pair, reason) for entry in entries for pair, reason in entry.facts["rejected"])
    listing = ctx.out / source.name / "rejected.csv"
    _write_rejected(listing, rejected)
    count = len(rejected) + sum(entry.facts["pairs"] for entry in entries)
    if changed := sum(entry.facts["changed"] for entry in entries):
        print(f"{source.name}: the masks of {changed} pairs were not in pure black and white, and are stored so")
    for where, number in entries[0].facts["unused"].items():
        print(f"{source.name}: {number} files in {where} are no part of a pair, and are not used")
    faulty = dict(rejected)
    if any(entry.facts["pairs"] for entry in entries):
        check_share(params, source.name, faulty, count, "pairs")
    if not any(entry.facts["pairs"] for entry in entries):
        raise BadInput(
            f"{path} has no complete pair ({len(rejected)} rejected, see {listing}); give the pix2gestalt release,"
            " or a folder with occlusion, whole, whole_mask and visible_object_mask."
        )
    write_index(
        folder / "index.json",
        [replace(e, facts={"pairs": e.facts["pairs"], "source": source.name}) for e in entries],
    )
    _remove_others(folder, entries)
    spool.remove()
    return {
        "layout": source.layout,
        "licence": source.licence,
        "archive": entries[0].facts["archive"],
        "rejected": len(rejected),
        "buckets": {e.file: {"sha256": e.sha256, "bytes": e.bytes, "pairs": e.facts["pairs"]} for e in entries},
    }


class _Megabytes:
    """Counts bytes, and reports whole megabytes."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._bytes = progress, 0

    def __call__(self, count: int) -> None:
        before, self._bytes = self._bytes >> 20, self._bytes + count
        if done := (self._bytes >> 20) - before:
            self._progress.step(by=done)


def _make_bucket(spool: Spool, number: int, path: Path, outside_max: float) -> Made:
    """Assemble a bucket in the order of ids, with one pair in memory at a time."""
    located = spool.locate(number)
    kept: list[str] = []
    changed = 0
    rejected: list[tuple[str, str]] = []
    with zip_writing(path) as sink:
        for pair in sorted(located):
            found = located[pair]
            fault = _incomplete({part: len(places) for part, places in found.items()})
            data = {} if fault else spool.read(number, {part: found[part][0] for part in PARTS})
            if fault := fault or _unfit(data, outside_max):
                rejected.append((pair, fault))
                continue
            kept.append(pair)
            ours = {part: _in_our_form(data[part], part) for part in PARTS}
            changed += ours != data
            for part in PARTS:
                sink.add(f"{pair}/{part}.png", ours[part])
        captions = spool.captions(number)
        if texts := {pair: captions[pair] for pair in kept if pair in captions}:
            sink.add(CAPTIONS, json.dumps(texts, sort_keys=True, ensure_ascii=False).encode())
    return Made(
        bucket_name(number),
        path,
        {
            "pairs": len(kept),
            "rejected": rejected,
            "changed": changed,
            "archive": spool.archive,
            "unused": spool.unused,
        },
    )


def _incomplete(files: Mapping[str, int]) -> str:
    """The parts that a pair lacks or has more than once, in words; "" if it has each once."""
    if lacking := [part for part in PARTS if part not in files]:
        return f"lacks {', '.join(lacking)}"
    twice = [part for part in PARTS if files[part] > 1]
    return f"has more than one file of {', '.join(twice)}" if twice else ""


def _unfit(data: Mapping[str, bytes], outside_max: float) -> str:
    """What is wrong with the images of a pair, in words; "" if they match. Only the masks are decoded."""
    try:
        sizes = {part: image_size(data[part], part) for part in PARTS}
        if len(set(sizes.values())) > 1:
            return "sizes differ: " + ", ".join(f"{part} {w}x{h}" for part, (h, w) in sizes.items())
        if turned := [part for part in PARTS if _is_turned(data[part])]:
            return f"{turned[0]} is turned by EXIF; save it upright"
        whole_HW = read_mask(data["whole_mask"], "whole_mask")[0] > 0
        visible_HW = read_mask(data["visible_mask"], "visible_mask")[0] > 0
    except BadInput as error:
        return str(error)
    seen = np.count_nonzero(visible_HW)
    if not seen:
        return "visible_mask is empty"
    outside = np.count_nonzero(visible_HW & ~whole_HW) / seen
    if outside > outside_max:
        return f"{outside:.3f} of the area of visible_mask is outside whole_mask"
    return "" if (visible_HW & whole_HW).any() else "visible_mask and whole_mask do not overlap"


def _is_turned(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        return orientation_of(image) != 1


def _in_our_form(data: bytes, part: str) -> bytes:
    """A member as it is stored: a mask that is not in pure black and white is written so (``clips.mask_values``)."""
    if not part.endswith("_mask"):
        return data
    try:
        decode_mask(data, part)
    except BadInput:
        return encode_mask(read_mask(data, part)[0])
    return data


def _write_rejected(path: Path, rejected: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("pair", "reason"))
    writer.writerows(rejected)
    write_text(path, text.getvalue())


def _remove_others(folder: Path, entries: list[Entry]) -> None:
    """Remove the buckets of an earlier run with another number of buckets."""
    known = {entry.file for entry in entries}
    for path in folder.glob("bucket-*.zip"):
        if path.name not in known:
            path.unlink()
