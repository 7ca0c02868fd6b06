"""Splits by source video: no video is in two splits, neither as target nor as occluder.

The paper's 80-20 split can also be read as a random split of recipes. That leaks; it is there to measure the leakage.
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

    A video's split depends on a hash of its name. Adding or removing other videos therefore only changes it if a split
    would have fewer than ``min_videos`` (an occluder must come from another video). If there are too few videos for
    three splits, none is in dev.

    Raises:
        BadInput: when there are too few videos for train and val.
    """
    ranked = sorted(set(videos), key=lambda v: (unit("split", params.seed, v), v))
    if len(ranked) < 2 * params.min_videos:
        raise BadInput(
            f"{len(ranked)} videos with whole objects are too few for two splits of at least {params.min_videos}, train"
            " and val; give more videos, or lower synthesis.split.min_videos."
        )
    share = params.dev if len(ranked) >= 3 * params.min_videos else 0.0
    places = [unit("split", params.seed, v) for v in ranked]
    dev_end = params.val + share * (1 - params.val)
    val = max(sum(p < params.val for p in places), params.min_videos)
    dev = max(sum(p < dev_end for p in places) - val, params.min_videos) if share > 0 else 0
    train = max(len(ranked) - val - dev, params.min_videos)
    # If train was filled up to its minimum, val shrinks first (down to its minimum), then dev.
    val = min(val, max(len(ranked) - dev - train, params.min_videos))
    dev = len(ranked) - val - train if share > 0 else 0
    out: dict[str, Split] = {}
    for i, video in enumerate(ranked):
        out[video] = "val" if i < val else "dev" if i < val + dev else "train"
    return out


@dataclass(frozen=True)
class Division:
    """How recipes are split, and which stretches may occlude which.

    Attributes:
        videos: the split of each source video; None if recipes are split at random.
    """

    params: SplitParams
    videos: Mapping[str, Split] | None

    @classmethod
    def of(cls, params: SplitParams, videos: Iterable[str]) -> Division:
        """Split these videos.

        Raises:
            BadInput: when there are too few videos.
        """
        if params.by == "video":
            return cls(params, split_videos(params, videos))
        if len(set(videos)) < 2:
            raise BadInput("Occluders come from other videos, but there is only one video; give more videos.")
        return cls(params, None)

    def pool(self, video: str) -> str:
        """The name of the pool of stretches that may occlude a video's objects."""
        return self.videos[video] if self.videos is not None else "all"

    def split(self, video: str, recipe: str) -> Split:
        """The split of a video's recipe."""
        if self.videos is not None:
            return self.videos[video]
        place, val = unit("recipe split", self.params.seed, recipe), self.params.val
        return "val" if place < val else "dev" if place < val + self.params.dev * (1 - val) else "train"


LEAKS = (
    "WARNING: synthesis.split.by is 'random', so frames of one video are in several splits. Scores of this scale only"
    " measure this leakage and must not be compared with others."
)
