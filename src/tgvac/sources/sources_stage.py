"""Phase `sources`: find, fetch or generate each archive, verify it, and list its videos.

sources/manifest.json     what there is: sources, videos, frames, digests (no paths: the same anywhere)
sources/<name>/pairs/     pairs of images, of sources that hold these
sources/locations.json    where it is on this machine; decides nothing
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast, get_args

from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.progress import Progress
from tgvac.sources.adapter import Video
from tgvac.sources.locate import locate
from tgvac.sources.manifest import MANIFEST_FORMAT, open_adapter
from tgvac.sources.pairs import LAYOUT as PAIRS_LAYOUT
from tgvac.sources.pairs import make_pairs
from tgvac.sources.params import FetchParams, SourcesParams
from tgvac.sources.registry import Source, find_source, read_registry
from tgvac.sources.same_footage import without_doubles
from tgvac.sources.world.frozen import world_digest
from tgvac.sources.world.params import Layout
from tgvac.sources.world.publish import publish
from tgvac.stage import Context


def run(ctx: Context, *, sources: SourcesParams, fetch: FetchParams) -> None:
    """Make the manifest of all sources in use, and the files of pairs."""
    registry_file = ctx.root / "reference" / "registry.csv"
    registry = read_registry(registry_file)
    used: dict[str, Source] = {}
    paths: dict[str, Path] = {}
    listed: dict[str, list[Video]] = {}
    pairs: dict[str, Any] = {}
    _check_parts(sources)
    with Progress(ctx.label, len({*sources.use, *sources.pairs})) as progress:
        for name in sorted(set(sources.use)):
            used[name] = find_source(registry, name, registry_file)
            if used[name].layout == PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' holds pairs of images; name it in sources.pairs, not in sources.use.")
            paths[name] = archive_of(ctx, sources, fetch, used[name])
            listed[name] = open_adapter(used[name], paths[name]).videos()
            if not listed[name]:
                raise BadInput(f"{paths[name]} holds no videos; give an archive or folder with at least one.")
            progress.step(f"{name}: {len(listed[name])} videos")
        for name in sorted(set(sources.pairs)):
            used[name] = find_source(registry, name, registry_file)
            if used[name].layout != PAIRS_LAYOUT:
                raise BadInput(f"Source '{name}' holds videos; name it in sources.use, not in sources.pairs.")
            pairs[name] = make_pairs(ctx, sources, used[name], archive_of(ctx, sources, fetch, used[name]), fetch)
            progress.step(f"{name}: {sum(b['pairs'] for b in pairs[name]['buckets'].values())} pairs")
    kept, skipped = without_doubles(listed, sources.same_footage)
    manifest = {name: _entry(used[name], paths[name], videos) for name, videos in kept.items()}
    locations = {n: str(p.relative_to(ctx.root) if p.is_relative_to(ctx.root) else p) for n, p in paths.items()}
    write_json(ctx.out / "locations.json", locations)
    record: dict[str, Any] = {"format": MANIFEST_FORMAT, "sources": manifest, "pairs": pairs}
    if skipped:
        record["skipped"] = skipped
        for name, reason in skipped.items():
            print(f"{name} is left out: {reason}", flush=True)
    if any(source.location == "generated" for source in used.values()):
        # Said in every report: the generator is a test instrument, frozen before anything is measured with it.
        record["world_digest"] = world_digest()
    write_json(ctx.out / "manifest.json", record)


def _check_parts(sources: SourcesParams) -> None:
    for each in sources.parts:
        if each.partition("/")[0] not in (*sources.use, *sources.pairs):
            raise BadInput(f"sources.parts holds '{each}', whose source is not in use; name the source in sources.use.")


def _entry(source: Source, path: Path, videos: list[Video]) -> dict[str, Any]:
    """A source's part of the manifest."""
    return {
        "layout": source.layout,
        "licence": source.licence,
        "archive": sha256(path) if path.is_file() else None,
        "videos": {v.name: {"frames": list(v.frame_numbers), "digest": v.digest} for v in videos},
    }


def archive_of(ctx: Context, sources: SourcesParams, fetch: FetchParams, source: Source) -> Path:
    """Where a source's archive or folder lies: generated, fetched or found."""
    if source.location == "generated":
        layout = _layout(source, ctx.root / "reference" / "registry.csv")
        return publish(sources.world, layout, ctx.out / source.name)
    parts = sources.parts_of(source.name)
    path = locate(source, ctx.root, ctx.locations.get(source.name), fetch, parts)
    return _chosen(path, parts, ctx.out / source.name / "parts") if parts else path


def _chosen(path: Path, parts: tuple[str, ...], folder: Path) -> Path:
    """A folder of links to the parts that are in use, so that an adapter sees no others that lie beside them."""
    if not path.is_dir():
        raise BadInput(f"{path} is one archive, of which no part can be taken by itself; leave sources.parts out.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in parts:
        found = [p for p in (path / part, path / f"{part}.zip") if p.exists()]
        if not found:
            raise BadInput(
                f"{path} holds neither {part}.zip nor a folder {part}, named in sources.parts; put it there."
            )
        (folder / found[0].name).symlink_to(found[0])
    return folder


def _layout(source: Source, registry_file: Path) -> Layout:
    """The layout in which the world is to be published as a source."""
    known = get_args(Layout)
    if source.layout not in known:
        raise BadInput(
            f"{registry_file}: source '{source.name}' is generated, in the layout '{source.layout}';"
            f" the world is published as {', '.join(known)}: name one of them."
        )
    return cast(Layout, source.layout)
