"""Videos that occur twice, under different names. They could end up on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tgvac.errors import BadInput
from tgvac.sources.adapter import Video


def without_duplicates(
    sources: Mapping[str, list[Video]], rule: Literal["refuse", "skip"]
) -> tuple[dict[str, list[Video]], dict[str, str]]:
    """The videos of each source without those whose frames an earlier video has, and the reasons for the latter.

    Videos are ordered by source name and then by their own name, so nothing else decides which one is kept. Only frames
    with identical bytes are found, not footage that was compressed again.

    Returns:
        The kept videos by source, and ``{"<source>/<video>": reason}`` for the others.

    Raises:
        BadInput: when there are duplicates and the rule is ``refuse``.
    """
    first: dict[str, str] = {}
    skipped: dict[str, str] = {}
    kept: dict[str, list[Video]] = {}
    for source in sorted(sources):
        kept[source] = []
        for video in sorted(sources[source], key=lambda v: v.name):
            name = f"{source}/{video.name}"
            before = first.setdefault(video.footage, name) if video.footage else name
            if before == name:
                kept[source].append(video)
            else:
                skipped[name] = f"the same frames as {before}"
    if skipped and rule == "refuse":
        name, reason = next(iter(skipped.items()))
        raise BadInput(
            f"Video {name} has {reason} ({len(skipped)} in total); remove one of the two from its source, or set"
            " sources.same_footage to skip."
        )
    return kept, skipped
