"""Videos that are not as they should be: a source goes on without them, until there are too many."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.sources.adapter import Adapter, Video
from tgvac.sources.links import linked_videos
from tgvac.sources.params import SourcesParams
from tgvac.sources.rejected import reason_of


def sound_videos(adapter: Adapter, path: Path) -> tuple[list[Video], dict[str, str]]:
    """The videos of a source that are complete, sorted by name, and of the others the reasons.

    Args:
        path: the folder or archive of the source.

    Raises:
        BadInput: when the source as a whole is of another layout.
    """
    names = set(adapter.names())
    linked = linked_videos(path, names) if adapter.passes_links else {}
    sound: list[Video] = []
    faulty: dict[str, str] = {}
    for name in sorted(names | set(linked)):
        try:
            if name not in names:
                raise BadInput(linked[name])
            video = adapter.video(name)
            if len(video.frame_numbers) < 2:
                raise BadInput("a video of a single frame; give at least two frames, or take it out of the source.")
            sound.append(video)
        except BadInput as error:
            # A video that seems to lack files may just not have been looked into.
            faulty[name] = linked.get(name) or reason_of(error, path)
    return sound, faulty


def check_share(params: SourcesParams, source: str, faulty: Mapping[str, str], count: int) -> None:
    """Refuse a source of which too many videos are faulty.

    Args:
        faulty: reasons by the video's name.
        count: how many videos were looked at.

    Raises:
        BadInput: with the first of them.
    """
    if not faulty:
        return
    name = min(faulty)
    # What a fault's sentence says to do stays; only its end has to go.
    told = f"{len(faulty)} of {count} videos of source '{source}' are faulty"
    first = f"as '{name}': {faulty[name].rstrip('.')}"
    if params.faulty == "refuse":
        raise BadInput(f"{told}, {first}; or set sources.faulty to skip, which leaves them out.")
    if len(faulty) == count:
        raise BadInput(f"{told}, so that none is left, {first}.")
    if len(faulty) > params.max_faulty * count:
        raise BadInput(
            f"{told}, and more than sources.max_faulty ({params.max_faulty:g}) mean another layout, {first}."
        )
