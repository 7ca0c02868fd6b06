"""Faulty videos: a source is used without them, unless there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.links import linked_videos
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import reason_of


def valid_videos(adapter: Adapter, path: Path) -> tuple[list[Video], dict[str, str]]:
    """The complete videos of a source, sorted by name, and the reasons why others are left out.

    Args:
        path: the folder or archive of the source.

    Raises:
        BadInput: when the whole source has another layout.
    """
    names = set(adapter.names())
    linked = linked_videos(path, names) if adapter.passes_links else {}
    valid: list[Video] = []
    faulty: dict[str, str] = {}
    for name in sorted(names | set(linked)):
        try:
            if name not in names:
                raise BadInput(linked[name])
            video = adapter.video(name)
            if len(video.frame_numbers) < 2:
                raise BadInput("the video has a single frame; give at least two frames, or remove it from the source.")
            valid.append(video)
        except BadInput as error:
            # If the video is behind a link, the link is the reason why files seem to be missing.
            faulty[name] = linked.get(name) or reason_of(error, path)
    return valid, faulty


def check_share(
    params: SourcesParams, source: str, faulty: Mapping[str, str], count: int, what: str = "videos"
) -> None:
    """Refuse a source with too many faulty videos, or pairs.

    Args:
        faulty: the reasons, by name of the video or pair.
        count: how many were checked.
        what: what they are, for messages.

    Raises:
        BadInput: names the first faulty one.
    """
    if not faulty:
        return
    name = min(faulty)
    summary = f"{len(faulty)} of {count} {what} of source '{source}' are faulty"
    first = f"for example '{name}': {faulty[name].rstrip('.')}"
    if params.faulty == "refuse":
        raise BadInput(f"{summary}, {first}; or set sources.faulty to skip, which leaves them out.")
    if len(faulty) == count:
        raise BadInput(f"{summary}, so none is left, {first}.")
    if len(faulty) > params.max_faulty * count:
        raise BadInput(
            f"{summary}, more than sources.max_faulty ({params.max_faulty:g}) allows, which suggests another layout,"
            f" {first}."
        )
