"""Results where the page may give them away: each time in a new folder, so that a browser shows no older ones."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tgvac.app.videos import Video
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

    def drop(self) -> None:
        """Delete them, when no page shows them any more."""
        shutil.rmtree(self.tracked.parent, ignore_errors=True)


class OnPage:
    """The results on a visitor's page; those that others replace are deleted.

    A newly tracked mask leaves an earlier completion on the page; a completion replaces all.
    """

    def __init__(self) -> None:
        self._shown: list[Served] = []

    def show(self, served: Served) -> None:
        """These come onto the page."""
        completed = served.beside is not None
        kept = [each for each in self._shown if each.beside is not None and not completed]
        for each in self._shown:
            if each not in kept:
                each.drop()
        self._shown = [*kept, served]

    def clear(self) -> None:
        """Nothing is on the page any more."""
        for each in self._shown:
            each.drop()
        self._shown = []


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
                # By number: from 100000 on, names have one digit more.
                for picture in sorted((video.result / PICTURES[name]).glob("*.png"), key=lambda path: int(path.stem)):
                    sink.add(f"{PICTURES[name]}/{picture.name}", picture.read_bytes())
    return Served(tracked, _copy(video.result / BESIDE, folder / f"{stem}-{BESIDE}"), layers)


def _copy(source: Path, target: Path) -> Path:
    """The file under another name; results are replaced and never changed, so a link stays as it is."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
