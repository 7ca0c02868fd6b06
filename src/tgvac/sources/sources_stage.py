"""Phase `sources`: find, fetch or generate each archive, verify it, and list its videos.

sources/manifest.json     what there is: sources, videos, frames, digests (no paths: the same anywhere)
sources/<name>/pairs/     pairs of images, of sources that hold these
sources/locations.json    where it is on this machine; decides nothing
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self, cast, get_args

from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.progress import Progress
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.davis import Davis
from tgvac.sources.lasot import Lasot
from tgvac.sources.pairs import LAYOUT as PAIRS_LAYOUT
from tgvac.sources.pairs import make_pairs
from tgvac.sources.params import SourcesParams
from tgvac.sources.registry import Source, find_source, locate, read_registry
from tgvac.sources.world.frozen import world_digest
from tgvac.sources.world.params import Layout
from tgvac.sources.world.publish import publish
from tgvac.sources.youtube_vos import YouTubeVos
from tgvac.stage import Context

MANIFEST_FORMAT = "tgvac-sources-2"


def run(ctx: Context, *, sources: SourcesParams) -> None:
    """Make the manifest of all sources in use, and the files of pairs."""
    registry_file = ctx.root / "reference" / "registry.csv"
    registry = read_registry(registry_file)
    manifest: dict[str, Any] = {}
    locations: dict[str, str] = {}
    pairs: dict[str, Any] = {}
    names = sorted({*sources.use, *sources.pairs})
    # Of one that the registry lacks is told when its turn comes, after whatever is wrong with those before it.
    known = [find_source(registry, name, registry_file) for name in names if name in registry]
    with Progress(ctx.label, len(names)) as progress, _Archives(ctx, sources, known) as archives:
        for name in sorted(set(sources.use)):
            source = find_source(registry, name, registry_file)
            if source.layout == PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' holds pairs of images; name it in sources.pairs, not in sources.use.")
            path = archives.path(name)
            videos = open_adapter(source, path).videos()
            if not videos:
                raise BadInput(f"{path} holds no videos; give an archive or folder with at least one.")
            manifest[name] = {
                "layout": source.layout,
                "licence": source.licence,
                "archive": sha256(path) if path.is_file() else None,
                "videos": {v.name: {"frames": list(v.frame_numbers), "digest": v.digest} for v in videos},
            }
            locations[name] = str(path.relative_to(ctx.root) if path.is_relative_to(ctx.root) else path)
            progress.step(f"{name}: {len(videos)} videos")
        for name in sorted(set(sources.pairs)):
            source = find_source(registry, name, registry_file)
            if source.layout != PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' holds videos; name it in sources.use, not in sources.pairs.")
            pairs[name] = make_pairs(ctx, sources, source, archives.path(name))
            progress.step(f"{name}: {sum(b['pairs'] for b in pairs[name]['buckets'].values())} pairs")
    write_json(ctx.out / "locations.json", locations)
    record = {"format": MANIFEST_FORMAT, "sources": manifest, "pairs": pairs}
    if any(source.location == "generated" for source in known):
        # Said in every report: the generator is a test instrument, frozen before anything is measured with it.
        record["world_digest"] = world_digest()
    write_json(ctx.out / "manifest.json", record)


class _Archives:
    """Where the archives or folders of sources lie: found, fetched, or generated side by side, a process each."""

    def __init__(self, ctx: Context, sources: SourcesParams, wanted: Collection[Source]) -> None:
        self._ctx = ctx
        self._found = {source.name: source for source in wanted}
        generated = [source for source in wanted if source.location == "generated"]
        layouts = {source.name: _layout(source, ctx.root / "reference" / "registry.csv") for source in generated}
        # Spawned, not forked: the parent may have threads. What a process writes depends on nothing but its arguments.
        workers = max(1, min(len(generated), len(os.sched_getaffinity(0))))
        self._pool = ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
        )
        self._made = {
            name: self._pool.submit(publish, sources.world, layout, ctx.out / name) for name, layout in layouts.items()
        }

    def path(self, name: str) -> Path:
        """Of one source; waits until it is there."""
        if name in self._made:
            return self._made[name].result()
        return locate(self._found[name], self._ctx.root, self._ctx.locations.get(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _end_with(parent: int) -> None:
    """End this process when its parent is killed, so that it never writes beside the run that comes next."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _layout(source: Source, registry_file: Path) -> Layout:
    """The layout in which the world is to be published as a source."""
    known = get_args(Layout)
    if source.layout not in known:
        raise BadInput(
            f"{registry_file}: source '{source.name}' is generated, in the layout '{source.layout}';"
            f" the world is published as {', '.join(known)}: name one of them."
        )
    return cast(Layout, source.layout)


def open_adapter(source: Source, path: Path) -> Adapter:
    """The adapter of a source's layout."""
    adapters: dict[str, Callable[[Path], Adapter]] = {"davis": Davis, "youtube_vos": YouTubeVos, "lasot": Lasot}
    if source.layout not in adapters:
        raise BadInput(f"Source '{source.name}' has the layout '{source.layout}'; known are {', '.join(adapters)}.")
    return adapters[source.layout](path)


def read_manifest(ctx: Context) -> dict[str, Any]:
    """The manifest's sources, by name."""
    path = ctx.results / "sources" / "manifest.json"
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run `tgvac stage sources --scale {ctx.scale}` first.")
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("format") != MANIFEST_FORMAT:
        raise BadInput(f"{path} is of format {record.get('format')!r}, expected {MANIFEST_FORMAT}; remake it.")
    sources: dict[str, Any] = record["sources"]
    return sources


def adapter_of(ctx: Context, name: str) -> tuple[Source, Adapter]:
    """A source of the manifest, opened where ``locations.json`` says it lies."""
    entry = read_manifest(ctx)[name]
    locations = json.loads((ctx.results / "sources" / "locations.json").read_text(encoding="utf-8"))
    source = Source(name, entry["layout"], "given", None, None, entry["licence"])
    return source, open_adapter(source, ctx.root / locations[name])


def videos_of(manifest: dict[str, Any], name: str) -> list[Video]:
    """The manifest's videos of one source."""
    return [Video(v, tuple(e["frames"]), e["digest"]) for v, e in sorted(manifest[name]["videos"].items())]
