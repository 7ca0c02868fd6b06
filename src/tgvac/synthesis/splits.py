"""Splitting by source video: no video's footage is on both sides, neither as target nor as occluder."""

from __future__ import annotations

from collections.abc import Iterable

from tgvac.clip.recipe import Split
from tgvac.errors import BadInput
from tgvac.seeds import unit
from tgvac.synthesis.params import SplitParams


def split_videos(params: SplitParams, videos: Iterable[str]) -> dict[str, Split]:
    """The split of every source video.

    A video's place is a hash of its name, so that other videos' coming and going moves it only where a
    split would otherwise have fewer than ``min_videos`` (an occluder must come from another video).

    Raises:
        BadInput: when there are too few videos for all splits.
    """
    ranked = sorted(set(videos), key=lambda v: (unit("split", params.seed, v), v))
    wanted = 3 if params.dev > 0 else 2
    if len(ranked) < wanted * params.min_videos:
        raise BadInput(
            f"{len(ranked)} videos with whole objects cannot fill {wanted} splits of at least {params.min_videos};"
            " give more videos, or lower synthesis.split.min_videos or synthesis.split.dev."
        )
    places = [unit("split", params.seed, v) for v in ranked]
    dev_end = params.val + params.dev * (1 - params.val)
    val = max(sum(p < params.val for p in places), params.min_videos)
    dev = max(sum(p < dev_end for p in places) - val, params.min_videos) if params.dev > 0 else 0
    train = max(len(ranked) - val - dev, params.min_videos)
    # Where train had to be topped up, val gives way before dev does, down to its minimum.
    val = min(val, max(len(ranked) - dev - train, params.min_videos))
    dev = len(ranked) - val - train if params.dev > 0 else 0
    out: dict[str, Split] = {}
    for i, video in enumerate(ranked):
        out[video] = "val" if i < val else "dev" if i < val + dev else "train"
    return out
