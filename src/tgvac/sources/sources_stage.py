"""Phase `sources`: find, fetch or generate each archive, verify it, and list its videos.

sources/manifest.json     sources, videos, frames and digests; no paths, so it is the same on any machine
sources/<name>/pairs/     pairs of images, for sources that have them
sources/rejected.csv      videos that are left out, and why
sources/account.csv       what became of each file of a source
sources/locations.json    paths on this machine; they do not affect results
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self, cast, get_args

from tgvac.errors import BadInput
from tgvac.fetch.locate import locate
from tgvac.fetch.params import FetchParams
from tgvac.fetch.registry import Source, find_source, read_registry
from tgvac.files import sha256, write_json
from tgvac.progress import Progress
from tgvac.sources.account import ACCOUNT, Row, write_account
from tgvac.sources.adapter import Video
from tgvac.sources.faults import check_share, valid_videos
from tgvac.sources.links import with_link
from tgvac.sources.manifest import MANIFEST_FORMAT, open_adapter
from tgvac.sources.pairs import LAYOUT as PAIRS_LAYOUT
from tgvac.sources.pairs import make_pairs
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import REJECTED, Rejected, write_rejected
from tgvac.sources.same_footage import without_duplicates
from tgvac.stage import Context
from tgvac.world.params import Layout
from tgvac.world.publish import publish, world_digest

_SAY_EVERY_S = 10.0
"""How often the waiting process reports. The modules of the generator print nothing, because they are frozen."""


def run(ctx: Context, *, sources: SourcesParams, fetch: FetchParams) -> None:
    """Write the manifest of all sources in use, and the files of pairs."""
    registry_file = ctx.root / "reference" / "registry.csv"
    registry = read_registry(registry_file)
    used: dict[str, Source] = {}
    use = sources.used(ctx.locations)
    wanted = [registry[name] for name in sorted({*use, *sources.pairs}) if name in registry]
    paths: dict[str, Path] = {}
    listed: dict[str, list[Video]] = {}
    faulty: dict[str, str] = {}
    account: list[tuple[str, Row]] = []
    pairs: dict[str, Any] = {}
    _check_parts(sources)
    count = len({*use, *sources.pairs})
    with Progress(ctx.label, count) as progress, _Archives(ctx, sources, fetch, wanted) as archives:
        for name in sorted(set(use)):
            used[name] = find_source(registry, name, registry_file)
            if used[name].layout == PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' has pairs of images; list it in sources.pairs, not in sources.use.")
            paths[name] = archives.path(name)
            listed[name], found, rows = _videos(used[name], paths[name], sources)
            account += [(name, row) for row in rows]
            faulty |= {f"{name}/{video}": reason for video, reason in found.items()}
            progress.step(f"{name}: {len(listed[name])} videos")
        for name in sorted(set(sources.pairs)):
            used[name] = find_source(registry, name, registry_file)
            if used[name].layout != PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' has videos; list it in sources.use, not in sources.pairs.")
            pairs[name] = make_pairs(ctx, sources, used[name], archives.path(name), fetch)
            progress.step(f"{name}: {sum(b['pairs'] for b in pairs[name]['buckets'].values())} pairs")
    kept, skipped = without_duplicates(listed, sources.same_footage)
    manifest = {name: _entry(used[name], paths[name], videos) for name, videos in kept.items()}
    locations = {n: str(p.relative_to(ctx.root) if p.is_relative_to(ctx.root) else p) for n, p in paths.items()}
    write_json(ctx.out / "locations.json", locations)
    record: dict[str, Any] = {"format": MANIFEST_FORMAT, "sources": manifest, "pairs": pairs}
    if skipped:
        record["skipped"] = skipped
    rejected = [Rejected(video, "", reason) for video, reason in (skipped | faulty).items()]
    for each in sorted(rejected):
        print(f"{each.name} is left out: {each.reason}", flush=True)
    write_rejected(ctx.out / REJECTED, rejected)
    left_out = [
        (name, replace(row, use="rejected", note=skipped[f"{name}/{row.video}"]))
        if row.use == "taken" and f"{name}/{row.video}" in skipped
        else (name, row)
        for name, row in account
    ]
    write_account(ctx.out / ACCOUNT, left_out)
    if any(source.location == "generated" for source in used.values()):
        # Every report states it: the generator is a test instrument, frozen before anything is measured with it.
        record["world_digest"] = world_digest()
    write_json(ctx.out / "manifest.json", record)


def _videos(source: Source, path: Path, params: SourcesParams) -> tuple[list[Video], dict[str, str], list[Row]]:
    """The complete videos of a source, why others are left out, and what became of each file."""
    try:
        adapter = open_adapter(source, path)
        valid, faulty = valid_videos(adapter, path)
    except BadInput as error:
        raise with_link(error, path) from None
    if not valid and not faulty:
        raise BadInput(f"{path} has no videos; give an archive or folder with at least one.")
    check_share(params, source.name, faulty, len(valid) + len(faulty))
    rows = adapter.account(faulty)
    for row in rows:
        # A note has more than the number of frames where something was changed, is missing or is doubted.
        if row.use == "taken" and row.video and ";" in row.note:
            print(f"{source.name}/{row.video}: {row.note}", flush=True)
    return valid, faulty, rows


def _check_parts(sources: SourcesParams) -> None:
    for each in sources.parts:
        if each.partition("/")[0] not in (*sources.use, *sources.pairs):
            raise BadInput(
                f"sources.parts lists '{each}', but its source is not in use; list the source in sources.use."
            )


def _entry(source: Source, path: Path, videos: list[Video]) -> dict[str, Any]:
    """The manifest entry of a source."""
    return {
        "layout": source.layout,
        "licence": source.licence,
        "archive": sha256(path) if path.is_file() else None,
        "videos": {v.name: {"frames": list(v.frame_numbers), "digest": v.digest} for v in videos},
    }


class _Archives:
    """The archives or folders of sources: found, fetched, or generated in parallel, one process per source."""

    def __init__(self, ctx: Context, sources: SourcesParams, fetch: FetchParams, wanted: Collection[Source]) -> None:
        self._ctx, self._sources, self._fetch = ctx, sources, fetch
        self._found = {source.name: source for source in wanted}
        generated = [source for source in wanted if source.location == "generated"]
        layouts = {source.name: _layout(source, ctx.root / "reference" / "registry.csv") for source in generated}
        # Spawned, not forked, because the parent may have threads. The output depends only on the arguments.
        workers = max(1, min(len(generated), len(os.sched_getaffinity(0))))
        self._pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
        )
        self._began = time.monotonic()
        self._made = {
            name: self._pool.submit(publish, sources.world, layout, ctx.out / name) for name, layout in layouts.items()
        }

    def path(self, name: str) -> Path:
        """The path of one source; waits until it exists."""
        if name in self._made:
            self._wait_for(name)
            return self._made[name].result()
        parts = self._sources.parts_of(name)
        path = locate(self._found[name], self._ctx.root, self._ctx.locations.get(name), self._fetch, parts)
        return _chosen(path, parts, self._ctx.out / name / "parts") if parts else path

    def _wait_for(self, name: str) -> None:
        """Wait until a source is drawn, and report meanwhile what is being drawn and for how long."""
        while not wait([self._made[name]], timeout=_SAY_EVERY_S).done:
            drawing = ", ".join(sorted(each for each, made in self._made.items() if not made.done()))
            lasted = time.monotonic() - self._began
            print(f"{self._ctx.label}: drawing {drawing}, for {lasted:.0f} s so far", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _end_with(parent: int) -> None:
    """End this process when its parent is killed, so that it does not write at the same time as the next run."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _chosen(path: Path, parts: tuple[str, ...], folder: Path) -> Path:
    """A folder of links to the parts in use, so that the adapter does not see other parts."""
    if not path.is_dir():
        raise BadInput(f"{path} is a single archive without parts; remove it from sources.parts.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in parts:
        found = [p for p in (path / part, path / f"{part}.zip") if p.exists()]
        if not found:
            raise BadInput(
                f"{path} has neither {part}.zip nor a folder {part}, which sources.parts lists; put it there."
            )
        (folder / found[0].name).symlink_to(found[0])
    return folder


def _layout(source: Source, registry_file: Path) -> Layout:
    """The layout in which the world is published for a source."""
    known = get_args(Layout)
    if source.layout not in known:
        raise BadInput(
            f"{registry_file}: source '{source.name}' is generated, but has the layout '{source.layout}';"
            f" use one of {', '.join(known)}."
        )
    return cast(Layout, source.layout)
