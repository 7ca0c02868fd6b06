"""`make bench-coverage`: how often intervals have the true mean, and how wide they are, by law and number of videos.

    python -m benchmarks.coverage [--draws 10000]

Differences of independent source videos are drawn from laws whose mean is 0: those of the dev world, centred and drawn
with replacement; a skewed law; Student's t with five degrees of freedom. The report's interval is the project's own
code. Beside it stand those it was chosen from. An oracle that knows the law, and nothing but the law's place, has the
narrowest interval of a fixed width; widths are relative to its. Bars are from ten videos on; of the dev world they are
for the mean over its comparisons. Trainings are simulated as the report sees them, too: three and five that are alike
or differ much.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from benchmarks.dev_differences import read_differences
from benchmarks.figures import Figure, tell
from tgvac.metrics.intervals import effective_number, influence_of, spread_of

# Shapes: D draws, V source videos, T trainings, R resamples.

CONFIDENCE = 0.95
VIDEOS = (6, 10, 20, 49)
RESAMPLES = 2000
ENOUGH = 10
COVERAGE = (93.5, 97.0)
WIDTH = 1.3
"""Bars: percent, and times the oracle's width."""

Array = NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, int]], Array]


@dataclass(frozen=True)
class Ends:
    """Intervals around the mean of each draw."""

    low_D: Array
    high_D: Array

    def covered(self) -> float:
        """Percent of the intervals that have the true mean, which is 0."""
        return float(((self.low_D <= 0) & (self.high_D >= 0)).mean() * 100)

    def width(self) -> float:
        return float((self.high_D - self.low_D).mean())


def skewed(draw: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Log-normal of sigma 0.5, centred: skewness 1.75."""
    return draw.lognormal(0, 0.5, shape) - math.exp(0.125)


def laws() -> Mapping[str, Law]:
    """A skewed law, and one with heavy tails."""
    return {"log-normal 0.5": skewed, "t5": lambda draw, shape: draw.standard_t(5, shape)}


def dev_laws() -> Mapping[str, Law]:
    """The dev world's differences, centred, by comparison."""
    values = {name: differences.mean_V() for name, differences in read_differences().items()}
    return {name: _drawn_from(value_N - value_N.mean()) for name, value_N in values.items()}


def _drawn_from(value_N: Array) -> Law:
    return lambda draw, shape: draw.choice(value_N, shape)


def taken(draw: np.random.Generator, videos: int) -> Array:
    """How often each video is in each resample, float64 [R,V]; one table for all draws, which changes no law."""
    return draw.multinomial(videos, np.full(videos, 1 / videos), RESAMPLES).astype(np.float64)


def ours(value_DV: Array, taken_RV: Array) -> Ends:
    """The report's own interval."""
    videos = value_DV.shape[1]
    reach_D2 = np.array([spread_of(value_V[:, None], videos, taken_RV).reach(CONFIDENCE) for value_V in value_DV])
    mean_D = value_DV.mean(axis=1)
    return Ends(mean_D - reach_D2[:, 0], mean_D + reach_D2[:, 1])


def students(value_DV: Array, taken_RV: Array) -> Ends:
    videos = value_DV.shape[1]
    half_D = student.ppf((1 + CONFIDENCE) / 2, videos - 1) * value_DV.std(axis=1, ddof=1) / math.sqrt(videos)
    mean_D = value_DV.mean(axis=1)
    return Ends(mean_D - half_D, mean_D + half_D)


def studentised(value_DV: Array, taken_RV: Array) -> Ends:
    """The studentised bootstrap without bounds."""
    videos = value_DV.shape[1]
    mean_D = value_DV.mean(axis=1)
    apart_DV = value_DV - mean_D[:, None]
    drawn_DR = apart_DV @ taken_RV.T / videos
    own_DR = np.sqrt(np.maximum(apart_DV**2 @ taken_RV.T / videos - drawn_DR**2, 1e-30) / (videos - 1))
    low_D, high_D = np.quantile(drawn_DR / own_DR, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)
    error_D = value_DV.std(axis=1, ddof=1) / math.sqrt(videos)
    return Ends(mean_D - high_D * error_D, mean_D - low_D * error_D)


def percentile(value_DV: Array, taken_RV: Array) -> Ends:
    """What the report had before."""
    mean_DR = value_DV @ taken_RV.T / value_DV.shape[1]
    return Ends(*np.quantile(mean_DR, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1))


def bca(value_DV: Array, taken_RV: Array) -> Ends:
    """Efron's bias-corrected and accelerated bootstrap."""
    mean_D = value_DV.mean(axis=1)
    mean_DR = np.sort(value_DV @ taken_RV.T / value_DV.shape[1], axis=1)
    share_D = np.clip((mean_DR < mean_D[:, None]).mean(axis=1), 1e-4, 1 - 1e-4)
    apart_DV = value_DV - mean_D[:, None]
    bias_D = ndtri(share_D)
    speed_D = (apart_DV**3).sum(axis=1) / (6 * (apart_DV**2).sum(axis=1) ** 1.5)
    ends = []
    for z in ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]):
        level_D = ndtr(bias_D + (bias_D + z) / (1 - speed_D * (bias_D + z)))
        place_D = np.clip((level_D * RESAMPLES).astype(int), 0, RESAMPLES - 1)
        ends.append(mean_DR[np.arange(len(value_DV)), place_D])
    return Ends(*ends)


def sign_flips(value_DV: Array, taken_RV: Array) -> Ends:
    """The inverted sign-flip test, exact for symmetric laws: quantiles of the means of all subsets (Hartigan, 1969)."""
    videos = value_DV.shape[1]
    if videos <= 11:
        subsets = (np.arange(1, 2**videos)[:, None] >> np.arange(videos)) & 1
    else:
        subsets = np.random.default_rng(0).integers(0, 2, (RESAMPLES, videos))
        subsets = subsets[subsets.any(axis=1)]
    mean_DS = value_DV @ subsets.T / subsets.sum(axis=1)
    return Ends(*np.quantile(mean_DS, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1))


OTHERS: Mapping[str, Callable[[Array, Array], Ends]] = {
    "Student's t": students,
    "studentised bootstrap": studentised,
    "percentile bootstrap": percentile,
    "BCa bootstrap": bca,
    "sign flips, inverted": sign_flips,
}


def oracle(law: Law, videos: int) -> float:
    """The width of the interval of an oracle: between the quantiles of the mean's error."""
    draw = np.random.default_rng([1, videos])
    mean_N = np.concatenate([law(draw, (20_000, videos)).mean(axis=1) for _ in range(10)])
    return float(np.diff(np.quantile(mean_N, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))[0])


def by_law(draws: int) -> Iterator[Figure]:
    """Coverage and width of the report's interval and of the others, for each law and number of videos."""
    for name, law in laws().items():
        for videos in VIDEOS:
            draw = np.random.default_rng([0, videos])
            value_DV, taken_RV = law(draw, (draws, videos)), taken(draw, videos)
            width = oracle(law, videos)
            where, found = f"{name}, {videos} videos", ours(value_DV, taken_RV)
            yield from _barred(where, found.covered(), found.width() / width, videos)
            for other, interval in OTHERS.items():
                parts = [interval(part_DV, taken_RV) for part_DV in np.array_split(value_DV, 8)]
                ends = Ends(*(np.concatenate([getattr(p, end) for p in parts]) for end in ("low_D", "high_D")))
                yield Figure(f"{where}: coverage, {other}", ends.covered(), "%")
                yield Figure(f"{where}: width, {other}", ends.width() / width, "x")


def _barred(where: str, coverage: float, width: float, videos: int) -> Iterator[Figure]:
    """Coverage and width, with bars where there are enough videos."""
    yield from _between(f"{where}: coverage", coverage, videos >= ENOUGH)
    yield Figure(f"{where}: width", width, "x", at_most=WIDTH if videos >= ENOUGH else None)


def _between(what: str, value: float, barred: bool) -> Iterator[Figure]:
    yield Figure(what, value, "%", at_least=COVERAGE[0] if barred else None)
    if barred:
        yield Figure(f"{what}, at most", value, "%", at_most=COVERAGE[1])


def by_comparison(draws: int) -> Iterator[Figure]:
    """The dev world: the mean over its comparisons, which has the bars, and each of them.

    Their laws are a few dozen values. Where one of these lies far out, most draws of ten lack it, which no
    interval knows.
    """
    every = dev_laws()
    for videos in VIDEOS:
        coverage, width = {}, {}
        for name, law in every.items():
            draw = np.random.default_rng([0, videos, *name.encode()])
            value_DV, taken_RV = law(draw, (draws, videos)), taken(draw, videos)
            # A draw may be one value all over, which says nothing of how it varies.
            found = ours(value_DV[np.ptp(value_DV, axis=1) > 0], taken_RV)
            coverage[name], width[name] = found.covered(), found.width() / oracle(law, videos)
        where = f"dev world, {len(every)} comparisons, {videos} videos"
        yield from _barred(where, float(np.mean([*coverage.values()])), float(np.mean([*width.values()])), videos)
        for name, value in coverage.items():
            yield Figure(f"dev world, {name}, {videos} videos: coverage", value, "%")


def unequal(draws: int) -> Iterator[Figure]:
    """Videos of 1 to 14 frames, whose mean depends on nothing else: the estimand is the mean over frames.

    Ten of them count as eight, so they have no bar.
    """
    for videos in VIDEOS[1:]:
        draw = np.random.default_rng([2, videos])
        taken_RV, covered = taken(draw, videos), 0
        for _ in range(draws):
            count_V1 = draw.integers(1, 15, (videos, 1)).astype(np.float64)
            sum_V1 = count_V1 * skewed(draw, (videos, 1))
            below, above = spread_of(influence_of(sum_V1, count_V1), effective_number(count_V1), taken_RV).reach(
                CONFIDENCE
            )
            mean = sum_V1.sum() / count_V1.sum()
            covered += mean - below <= 0 <= mean + above
        what = f"unequal numbers of frames, {videos} videos: coverage"
        yield from _between(what, float(covered / draws * 100), videos > ENOUGH)


def trainings(draws: int) -> Iterator[Figure]:
    """Videos and trainings as crossed random effects: the estimand is the mean of trainings of this kind."""
    for videos in VIDEOS[1:]:
        for count in (3, 5):
            spreads = {"are alike": 0.0, "differ as much as the mean over videos": 1 / math.sqrt(videos)}
            for label, spread in spreads.items():
                draw = np.random.default_rng([3, videos, count])
                taken_RV, covered = taken(draw, videos), 0
                for _ in range(draws):
                    part_VT = skewed(draw, (videos, 1)) + draw.normal(0, 0.25, (videos, count))
                    part_VT = part_VT + draw.normal(0, 0.53 * spread, (1, count))
                    below, above = spread_of(part_VT, videos, taken_RV).reach(CONFIDENCE)
                    covered += part_VT.mean() - below <= 0 <= part_VT.mean() + above
                what = f"{count} trainings that {label}, {videos} videos: coverage"
                yield Figure(what, float(covered / draws * 100), "%", at_least=COVERAGE[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000)
    draws = parser.parse_args().draws
    return tell("coverage", (figure for part in (by_law, by_comparison, unequal, trainings) for figure in part(draws)))


if __name__ == "__main__":
    sys.exit(main())
