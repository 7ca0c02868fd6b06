"""Videos that are there twice, under two names: they would stand on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tgvac.errors import BadInput
from tgvac.sources.adapter import Video


def without_doubles(
    sources: Mapping[str, list[Video]], rule: Literal["refuse", "skip"]
) -> tuple[dict[str, list[Video]], dict[str, str]]:
    """The videos of each source without those whose frames an earlier one has, and of these the reasons.

    Videos come in the order of their sources' and their own names, so which one stays depends on nothing else. Only
    frames that are the same to the byte are found; footage that was compressed again is not.

    Returns:
        The videos that stay, by source; and ``{"<source>/<video>": reason}``.

    Raises:
        BadInput: where the rule is to refuse.
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
            f"Video {name} has {reason} ({len(skipped)} such in all); take one of the two out of its source, or set"
            " sources.same_footage to skip."
        )
    return kept, skipped
