"""The manifest that phase `sources` writes, and access to the sources that it lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tgvac.errors import BadInput
from tgvac.fetch.registry import Source
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.davis import Davis
from tgvac.sources.lasot import Lasot
from tgvac.sources.video_folder import VideoFolder
from tgvac.sources.youtube_vos import YouTubeVos
from tgvac.stage import Context

MANIFEST_FORMAT = "tgvac-sources-2"

LAYOUTS: Mapping[str, Callable[[Path], Adapter]] = {
    "davis": Davis,
    "youtube_vos": YouTubeVos,
    "lasot": Lasot,
    "videos": VideoFolder,
}
"""The adapter of each layout of videos."""


def open_adapter(source: Source, path: Path) -> Adapter:
    """The adapter of a source's layout."""
    if source.layout not in LAYOUTS:
        raise BadInput(
            f"Source '{source.name}' has the unknown layout '{source.layout}'; use one of {', '.join(LAYOUTS)}."
        )
    return LAYOUTS[source.layout](path)


def read_manifest(ctx: Context) -> dict[str, Any]:
    """The manifest's sources, by name."""
    path = ctx.results / "sources" / "manifest.json"
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run `tgvac stage sources --scale {ctx.scale}` first.")
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("format") != MANIFEST_FORMAT:
        raise BadInput(
            f"{path} is of format {record.get('format')!r}, but {MANIFEST_FORMAT} is expected; run its phase again."
        )
    sources: dict[str, Any] = record["sources"]
    return sources


def adapter_of(ctx: Context, name: str) -> tuple[Source, Adapter, Path]:
    """A source of the manifest, its adapter, and the path that ``locations.json`` states for it."""
    entry = read_manifest(ctx)[name]
    locations = json.loads((ctx.results / "sources" / "locations.json").read_text(encoding="utf-8"))
    source = Source(name, entry["layout"], "given", None, None, entry["licence"])
    path = ctx.root / locations[name]
    return source, open_adapter(source, path), path


def videos_of(manifest: dict[str, Any], name: str) -> list[Video]:
    """The manifest's videos of one source."""
    return [Video(v, tuple(e["frames"]), e["digest"]) for v, e in sorted(manifest[name]["videos"].items())]
