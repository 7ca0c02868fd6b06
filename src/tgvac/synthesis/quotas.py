"""A target histogram over the mean occlusion rate: assigns a bin to each recipe, and counts how many bins were met.

A target's recipes step through the bins from a random position that depends on the target's name. The shares then hold
approximately within a target and on average over all targets, and no target's quota depends on other targets.
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
    """Mean rates from ``low`` to ``high``; ``high`` itself is only in the last bin."""

    low: float
    high: float
    last: bool

    def holds(self, rate: float) -> bool:
        return self.low <= rate and (rate < self.high or (self.last and rate == self.high))

    def distance(self, rate: float) -> float:
        """The distance of a rate from the bin; 0 inside."""
        return 0.0 if self.holds(rate) else max(self.low - rate, rate - self.high, 1e-9)


def bins(params: SynthesisParams) -> list[Bin]:
    """The bins of the histogram; empty if it has no shares."""
    edges, shares = params.histogram.edges, params.histogram.shares
    return [Bin(edges[i], edges[i + 1], i == len(shares) - 1) for i in range(len(shares))]


def wanted_bin(params: SynthesisParams, target: str, number: int) -> Bin | None:
    """The bin for one of a target's recipes; None if there is no histogram."""
    position = (unit("rate bin", params.seed, target) + number / params.per_object) % 1.0
    end = 0.0
    all_bins = bins(params)
    for each, share in zip(all_bins, params.histogram.shares, strict=True):
        end += share
        if position < end:
            return each
    # The shares add up to 1 only up to rounding.
    return all_bins[-1] if all_bins else None


def histogram_account(
    params: SynthesisParams, recipes: Sequence[Recipe], targets: Mapping[str, str]
) -> list[dict[str, Any]]:
    """For each split and bin: how many recipes were assigned to it (wanted), are in it (filled), and both (met).

    Args:
        targets: the split, or pool, of each target, including targets without a recipe.
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
