"""A target histogram over the mean occlusion rate: which bin each recipe is to fill, and what came of it.

A target's recipes take turns through the bins from a place drawn by its name, so that the shares hold within a target
as nearly as they can and over all of them in the mean, and no target's quota depends on another's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tgvac.clips.recipe import Recipe
from tgvac.seeds import unit
from tgvac.synthesis.params import SynthesisParams


@dataclass(frozen=True)
class Bin:
    """Mean rates from ``low`` up to ``high``, which belongs to it in the last bin alone."""

    low: float
    high: float
    last: bool

    def holds(self, rate: float) -> bool:
        return self.low <= rate and (rate < self.high or (self.last and rate == self.high))

    def distance(self, rate: float) -> float:
        """How far a rate is from the bin; 0 inside."""
        return 0.0 if self.holds(rate) else max(self.low - rate, rate - self.high, 1e-9)


def bins(params: SynthesisParams) -> list[Bin]:
    """The bins of the histogram; none where it has no shares."""
    edges, shares = params.histogram.edges, params.histogram.shares
    return [Bin(edges[i], edges[i + 1], i == len(shares) - 1) for i in range(len(shares))]


def wanted_bin(params: SynthesisParams, target: str, number: int) -> Bin | None:
    """The bin that a target's recipe of that number is to fill; None where there is no histogram."""
    place = (unit("rate bin", params.seed, target) + number / params.per_object) % 1.0
    end = 0.0
    found = bins(params)
    for each, share in zip(found, params.histogram.shares, strict=True):
        end += share
        if place < end:
            return each
    # The shares add up to 1 but for rounding.
    return found[-1] if found else None


def histogram_account(
    params: SynthesisParams, recipes: Sequence[Recipe], targets: Mapping[str, str]
) -> list[dict[str, Any]]:
    """For each split and bin how many recipes were wanted, how many fill it, how many of those were meant to.

    Args:
        targets: the split, or pool, of each target, also of those for which no recipe was found.
    """
    rates = {recipe.recipe: recipe.mean_rate for recipe in recipes}
    wanted: dict[tuple[str, Bin], int] = defaultdict(int)
    met: dict[tuple[str, Bin], int] = defaultdict(int)
    filled: dict[tuple[str, Bin], int] = defaultdict(int)
    for target, split in targets.items():
        for number in range(params.per_object):
            bin_ = wanted_bin(params, target, number)
            if bin_ is None:
                continue
            rate = rates.get(f"{target}/r{number}")
            wanted[split, bin_] += 1
            met[split, bin_] += rate is not None and bin_.holds(rate)
            for each in bins(params):
                filled[split, each] += rate is not None and each.holds(rate)
    return [
        {
            "split": split,
            "from": each.low,
            "to": each.high,
            "share": share,
            "wanted": wanted[split, each],
            "met": met[split, each],
            "filled": filled[split, each],
        }
        for split in sorted(set(targets.values()))
        for each, share in zip(bins(params), params.histogram.shares, strict=True)
    ]
