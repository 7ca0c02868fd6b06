"""Splitting by source video: no video's footage is on both sides, neither as target nor as occluder.

Splitting at random, recipe by recipe, is the other reading of the paper's 80-20, and leaks: it is there to be measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tgvac.clips.recipe import Split
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


@dataclass(frozen=True)
class Division:
    """How recipes are divided, and which stretches may occlude which.

    Attributes:
        videos: the split of each source video; None where recipes are divided at random.
    """

    params: SplitParams
    videos: Mapping[str, Split] | None

    @classmethod
    def of(cls, params: SplitParams, videos: Iterable[str]) -> Division:
        """The division of so many videos.

        Raises:
            BadInput: when there are too few of them.
        """
        if params.by == "video":
            return cls(params, split_videos(params, videos))
        if len(set(videos)) < 2:
            raise BadInput("One video alone cannot be occluded by another; give more videos.")
        return cls(params, None)

    def pool(self, video: str) -> str:
        """The name of the pool whose stretches may lie before a video's objects."""
        return self.videos[video] if self.videos is not None else "all"

    def split(self, video: str, recipe: str) -> Split:
        """The split of a recipe of a video."""
        if self.videos is not None:
            return self.videos[video]
        place, val = unit("recipe split", self.params.seed, recipe), self.params.val
        return "val" if place < val else "dev" if place < val + self.params.dev * (1 - val) else "train"


LEAKS = (
    "WARNING: synthesis.split.by is 'random', so that footage of one video stands on both sides; scores of this scale"
    " measure that leakage and nothing else, and must not be compared with others."
)
