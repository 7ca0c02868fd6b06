"""A tiny scale with everything that the card reads, written by the real code, with a truth defined by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.unit.report_project import FRAMES, PROJECT, VIDEOS, report_project
from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.images import encode_png
from tgvac.clips.tables import write_table
from tgvac.clips.track import MasksMeta
from tgvac.files import sha256, write_json, write_text
from tgvac.params import load_params
from tgvac.shards import Entry, read_index, write_index
from tgvac.sources.rejected import Rejected, write_rejected
from tgvac.stage import Context
from tgvac.synthesis.select_stage import _STRETCH_COLUMNS, STRETCHES_FORMAT

PARAMS = load_params(PROJECT, "smoke")
KEPT, REFUSED = [f"{video}/1" for video in VIDEOS[:3]], f"{VIDEOS[3]}/1"
TRUTH = {
    "ape-1": {"occluded_frames": [0, 1], "cut_frames": [2], "absent_frames": []},
    "bee-2": {"occluded_frames": [], "cut_frames": [], "absent_frames": []},
    "cat-3": {"occluded_frames": [], "cut_frames": [], "absent_frames": [5]},
    "dog-4": {"occluded_frames": [], "cut_frames": [], "absent_frames": []},
}
"""Three tracks are kept whole; of the fourth, eight frames touch another object and two break no rule."""
VISIBLE = {0: 5, 1: 9}
"""Visible pixels of ten, in the occluded frames of the first track."""


def card_project(root: Path) -> Context:
    """Write the project, and return the context of its phase `dataset`."""
    ctx = report_project(root)
    for name in ("registry.csv", "archives.csv"):
        shutil.copy(PROJECT / "reference" / name, root / "reference")
    _write_sources(ctx)
    entries = []
    for entry in read_index(ctx.results / "masks" / "index.json").values():
        path = ctx.results / "masks" / entry.file
        _add_meta(path, entry.id)
        entries.append(Entry(entry.id, entry.file, sha256(path), path.stat().st_size, entry.facts))
    write_index(ctx.results / "masks" / "index.json", entries)
    stretches = [
        {"track": t, "video": t.rpartition("/")[0], "source": "world", "start": 0, "frames": FRAMES} for t in KEPT
    ]
    write_table(ctx.results / "select" / "stretches.parquet", stretches, _STRETCH_COLUMNS, STRETCHES_FORMAT)
    write_text(ctx.results / "captions" / "rejected.csv", "track,reason\nworld_pix2gestalt/7,no category\n")
    return Context(ctx.root, ctx.scale, "dataset", "0123456789abcdef" * 4)


def copied(ctx: Context, folder: Path) -> Context:
    """A copy of the project that a test may change."""
    shutil.copytree(ctx.root, folder / "copy")
    return replace(ctx, root=folder / "copy")


def _write_sources(ctx: Context) -> None:
    folder = ctx.results / "sources" / "world"
    with zip_writing(folder / "DAVIS-2017-trainval-480p.zip") as sink:
        sink.add("DAVIS/nothing.txt", b"footage")
    with zip_writing(folder / "truth.zip") as sink:
        for i, visible in VISIBLE.items():
            mask_HW = np.zeros((2, 10), np.uint8)
            mask_HW[0] = 255
            sink.add(f"ape-1/1/amodal/{i:05d}.png", encode_png(mask_HW))
            mask_HW[0, visible:] = 0
            sink.add(f"ape-1/1/visible/{i:05d}.png", encode_png(mask_HW))
        sink.add("truth.json", json.dumps({video: {"1": facts} for video, facts in TRUTH.items()}).encode())
    licence = "Apache-2.0 (made by this project)"
    videos = {v.split("/")[1]: {"frames": list(range(FRAMES)), "digest": "0" * 64} for v in VIDEOS}
    archive = sha256(folder / "DAVIS-2017-trainval-480p.zip")
    manifest = {
        "format": "tgvac-sources-2",
        "sources": {"world": {"layout": "davis", "licence": licence, "archive": archive, "videos": videos}},
        "pairs": {},
        "skipped": {"world/eel-5": "its frames are those of world/ape-1"},
        "world_digest": "feed" * 16,
    }
    write_json(ctx.results / "sources" / "manifest.json", manifest)
    twice = Rejected("world/eel-5", "", "its frames are those of world/ape-1")
    write_rejected(ctx.results / "sources" / "rejected.csv", [twice])
    write_rejected(ctx.results / "tracks" / "rejected.csv", [Rejected("world/ape-1", "9", "its mask is damaged")])


def _add_meta(path: Path, track: str) -> None:
    """Give a zip of masks its measurements."""
    with Store(path) as store:
        members = {name: store.read(name) for name in store.names()}
    touch = [0.5 if track == REFUSED and i >= 2 else 0.0 for i in range(FRAMES)]
    meta = MasksMeta(
        track=track,
        segmenter="given",
        verdicts=("given",) * FRAMES,
        geometry=tuple(FrameGeometry(area=0.1, parts=(0.1,), border=0.0, touch=t) for t in touch),
    )
    with zip_writing(path) as sink:
        for name, data in {**members, "masks.json": meta.model_dump_json().encode()}.items():
            sink.add(name, data)
