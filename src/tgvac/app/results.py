"""Results where the page may give them away: each time in a new folder, so that a browser shows no older ones."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tgvac.app.library import Video
from tgvac.clips.archive import zip_writing
from tgvac.complete.kept import BESIDE, PREVIEW
from tgvac.complete.outputs import LAYERS, PICTURES


@dataclass(frozen=True)
class Served:
    """Files that a visitor may see and download.

    Attributes:
        tracked: the input with the tracked mask.
        beside: the input beside the object on a checkerboard; None before the object is completed.
        layers: by format.
    """

    tracked: Path
    beside: Path | None = None
    layers: Mapping[str, Path] = field(default_factory=dict)


def serve(video: Video, served: Path, formats: Iterable[str]) -> Served:
    """Put the results of a video there.

    Args:
        served: the folder that the page gives away.
        formats: of the layer; none before the object is completed.
    """
    folder = served / "results" / secrets.token_hex(16)
    folder.mkdir(parents=True)
    stem = re.sub(r"[^\w-]+", "_", Path(video.known.name).stem)[:60] or "video"
    formats = list(formats)
    tracked = _copy(video.result / PREVIEW, folder / f"{stem}-{PREVIEW}")
    if not formats:
        return Served(tracked)
    layers = {}
    for name in formats:
        if name in LAYERS:
            layers[name] = _copy(video.result / LAYERS[name], folder / f"{stem}-{LAYERS[name]}")
        else:
            layers[name] = folder / f"{stem}-{PICTURES[name]}.zip"
            with zip_writing(layers[name]) as sink:
                for picture in sorted((video.result / PICTURES[name]).glob("*.png")):
                    sink.add(f"{PICTURES[name]}/{picture.name}", picture.read_bytes())
    return Served(tracked, _copy(video.result / BESIDE, folder / f"{stem}-{BESIDE}"), layers)


def _copy(source: Path, target: Path) -> Path:
    """The file under another name; results are replaced and never changed, so a link stays as it is."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
