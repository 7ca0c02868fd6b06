"""Choosing the samples that the page shows, by a fixed rule and not by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.metrics.difficulty import video_difficulty


@dataclass(frozen=True)
class Choice:
    """A sample, and why it is shown.

    Attributes:
        group: 'easy' or 'hard', by its mean occlusion rate.
        why: its places in that group: median, best, worst, or between.
        value: what the group is ranked by.
        rank, of: 1 is the worst of the group.
    """

    sample: str
    group: str
    why: tuple[str, ...]
    value: float
    rank: int
    of: int


def choose(
    values: Mapping[str, float], rates: Mapping[str, Sequence[float]], hard_from: float, count: int
) -> list[Choice]:
    """Choose the median, the best, the worst, then evenly spaced ranks, of the easy samples and of the hard ones.

    Args:
        values: what samples are ranked by, higher is better; a sample without a value is not shown.
        rates: occlusion rates of the frames to complete, by sample.
        hard_from: mean rate, over the frames that have the object, from which a sample is hard.
        count: the maximum number of places in each group; a sample with two places is shown once.

    Ties go to the smaller id. With an even number of samples the median is the lower one.
    """
    kinds = {name: video_difficulty(np.asarray(rates[name], np.float64), hard_from) for name in values}
    chosen: list[Choice] = []
    for group in ("easy", "hard"):
        ranked = sorted((name for name, kind in kinds.items() if kind == group), key=lambda s: (values[s], s))
        if not ranked:
            continue
        last = len(ranked) - 1
        top = min(range(len(ranked)), key=lambda i: (-values[ranked[i]], i))
        places = [("median", last // 2), ("best", top), ("worst", 0)][:count]
        between = count - len(places)
        evenly = (i * last // (between + 1) for i in range(1, between + 1))
        places += [("between", place) for place in evenly if place not in {p for _, p in places}]
        why: dict[int, list[str]] = {}
        for word, place in places:
            why.setdefault(place, []).append(word)
        for place, words in why.items():
            name = ranked[place]
            chosen.append(Choice(name, group, tuple(dict.fromkeys(words)), values[name], place + 1, len(ranked)))
    return chosen
