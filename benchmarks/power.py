"""`python -m benchmarks.power`: how likely each comparison of the claims is to be decided, by the number of videos.

    python -m benchmarks.power --scale tiny-claims [--videos N] [--draws 1000] [--freeze]

Source videos are drawn from the dev world's (:mod:`benchmarks.dev_differences`): first as many as it has, with
replacement, since its own mean is uncertain; from these, as many as are evaluated. Trainings add what ``TRAININGS`` and
``SINGLE`` say, and the report's own code decides. ``--freeze`` keeps the analysis for the scale's number of videos in
``reference/frozen.json``, with digests of world, sizes and claims; it refuses once the scale has completions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.coverage import taken
from benchmarks.dev_differences import DevVideos, Differences
from benchmarks.figures import ROOT, Figure, tell
from tgvac.clips.recipe import read_recipes
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.methods.registry import seeds_of
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.intervals import effective_number, influence_of, spread_of
from tgvac.params import Params, load_params
from tgvac.report.claims import Comparison, load_claims
from tgvac.report.frozen import FROZEN, Frozen, Power, read_frozen, settled
from tgvac.report.methods import answer_to
from tgvac.report.paper import load_paper
from tgvac.report.verdicts import ENOUGH_POWER, decide
from tgvac.world.publish import world_digest

GRID = (10, 20, 40, 60, 80, 120)
"""Numbers of source videos."""

TRAININGS = 0.5
"""Standard deviation of a training's mean difference, in smallest differences of interest. The dev world has one
training, so this is an assumption, made before any training of a scale whose verdicts count was evaluated."""

SINGLE = 0.5
"""Standard deviation of single values (a video in a training), in that between videos; an assumption as well."""

MOST = 0.95
"""The analysis chooses the smallest number with which this share of what the largest can decide is decidable."""


class Analysis:
    """The power of the claims' comparisons at a scale.

    Attributes:
        comparisons: those that the dev world has methods for, each with its differences.
    """

    def __init__(self, params: Params, draws: int, dev: DevVideos) -> None:
        self._params, self._draws, self._dev = params, draws, dev
        paper = load_paper(ROOT / "reference" / "paper.yaml")
        claims = load_claims(ROOT / "reference" / "claims.yaml", paper)
        every = {each.id: each for claim in claims.values() for each in claim.comparisons}
        self.comparisons: Mapping[str, tuple[Comparison, Differences]] = {
            name: (each, found) for name, each in every.items() if (found := self._dev.answering(each)) is not None
        }

    def power(self, name: str, videos: int) -> Power:
        """The share of draws in which a comparison is decided.

        Args:
            videos: that are evaluated; of a class of frames, as large a share has some as in the dev world.
        """
        comparison, differences = self.comparisons[name]
        bound = comparison.within or self._params.report.smallest.by_metric()[comparison.cells[0].rpartition(".")[2]]
        mine = max(2, round(videos * len(differences) / self._dev.videos(is_long(name))))
        draw = np.random.default_rng([len(name), *name.encode()])
        taken_RV, trainings = taken(draw, mine), self._trainings(comparison)
        decided = sum(
            decide(comparison, _drawn(differences, mine, trainings, bound, taken_RV, draw), bound) in ("holds", "fails")
            for _ in range(self._draws)
        )
        return Power(videos=mine, power=decided / self._draws)

    def _trainings(self, comparison: Comparison) -> int:
        """The training seeds that both methods have at the scale."""
        evaluation, methods = self._params.evaluation, self._params.methods
        names = [answer_to(".".join(cell.split(".")[:2]), ()) for cell in comparison.cells[:2]]
        return min(
            (len(seeds_of(name, evaluation.train_seeds, methods)) for name in names if name in methods), default=1
        )


def _drawn(
    differences: Differences,
    videos: int,
    trainings: int,
    bound: float,
    taken_RV: np.ndarray,
    draw: np.random.Generator,
) -> Estimate:
    """A comparison's estimate from videos and trainings that are drawn, as the report makes it."""
    dev = len(differences)
    drawn_V = draw.choice(draw.choice(dev, dev), videos)
    sum_VG, count_VG = differences.sum_VG[drawn_V], differences.count_VG[drawn_V]
    if (count_VG > 0).sum(axis=0).min() < 2:
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    mean_G = sum_VG.sum(axis=0) / count_VG.sum(axis=0)
    parts = [influence_of(sum_VG[:, [k]], count_VG[:, [k]]) for k in range(sum_VG.shape[1])]
    sign = np.array([1.0, -1.0])[: len(mean_G)]
    part_VT = np.repeat(sum(s * part for s, part in zip(sign, parts, strict=True)), trainings, axis=1)
    mean = float((sign * mean_G).sum())
    if trainings > 1:
        part_VT = part_VT + draw.normal(0, TRAININGS * bound, (1, trainings))
        part_VT = part_VT + draw.normal(0, SINGLE * part_VT.std(), part_VT.shape)
        mean += float(part_VT.mean())
    counted = int((count_VG > 0).sum(axis=0).min())
    effective = min(effective_number(count_VG[:, [k]]) for k in range(len(mean_G)))
    spread = spread_of(part_VT, effective, taken_RV)
    below, above = spread.reach(0.95)
    return Estimate(mean, mean - below, mean + above, counted, int(count_VG.sum()), trainings, spread)


def figures(analysis: Analysis, grid: Sequence[int]) -> Iterator[Figure]:
    """The power of each comparison by the number of videos, and the numbers that the analysis chooses.

    Clips of one window (Tables 2 and 3) and long ones (Table 4) are chosen apart, since they are counted apart.
    """
    decidable = {clips: dict.fromkeys(grid, 0) for clips in CLIPS.values()}
    for name in analysis.comparisons:
        for videos in grid:
            found = analysis.power(name, videos)
            decidable[CLIPS[is_long(name)]][videos] += found.power >= ENOUGH_POWER
            yield Figure(f"{name}, {videos} videos", found.power, f"power ({found.videos} with such frames)")
    for clips, counts in decidable.items():
        for videos, count in counts.items():
            yield Figure(f"{clips}: decidable with {videos} videos", count, "comparisons")
        enough = next(videos for videos in grid if counts[videos] >= MOST * counts[max(grid)])
        yield Figure(f"{clips}: videos that the analysis chooses", enough, "source videos")


CLIPS = {False: "clips of one window", True: "long clips"}


def is_long(name: str) -> bool:
    """Whether a comparison is of long clips."""
    return "table4." in name


def freeze(scale: str, params: Params, power: Mapping[str, Power]) -> None:
    """Write the scale's entry of ``reference/frozen.json``.

    Raises:
        BadInput: the scale has completions, so what it showed may be known.
    """
    folder = ROOT / "results" / scale / "completion"
    made = next(folder.rglob("shard-*.zip"), None) if folder.is_dir() else None
    if made is not None:
        raise BadInput(
            f"Scale '{scale}' has been evaluated ({made.relative_to(ROOT)}), so {FROZEN} stays as it was; choose"
            " another world seed for a new analysis."
        )
    now = settled(
        world_digest(),
        ROOT / "reference" / "claims.yaml",
        sources=params.sources,
        synthesis=params.synthesis,
        evaluation=params.evaluation,
        methods=params.methods,
        metrics=params.metrics,
        report=params.report,
    )
    entries = read_frozen(ROOT) | {
        scale: Frozen(world=now.world, sizes=now.sizes, claims=now.claims, power=dict(power))
    }
    scales = {name: entry.model_dump(mode="json") for name, entry in sorted(entries.items())}
    write_json(ROOT / FROZEN, {"format": 1, "scales": scales})


def held_out(scale: str, params: Params) -> int:
    """The source videos that a scale evaluates, from its recipes.

    Raises:
        BadInput: there are none yet.
    """
    path: Path = ROOT / "results" / scale / "synthesis" / "recipes.parquet"
    if not path.is_file():
        raise BadInput(f"{path} is missing; run `tgvac run --scale {scale} --target synthesis`, or give --videos.")
    return len({recipe.video for recipe in read_recipes(path) if recipe.split == params.evaluation.split})


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="tiny-claims")
    parser.add_argument("--videos", type=int, default=0, help="source videos that are evaluated; 0: as recipes say")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--freeze", action="store_true", help="keep the power at these videos in reference/frozen.json")
    given = parser.parse_args(arguments)
    params = load_params(ROOT, given.scale)
    analysis = Analysis(params, given.draws, DevVideos())
    if not given.freeze:
        return tell("power", figures(analysis, GRID))
    try:
        videos = given.videos or held_out(given.scale, params)
        long = params.evaluation.long.videos or videos
        power = {
            name: analysis.power(name, min(videos, long) if is_long(name) else videos) for name in analysis.comparisons
        }
        freeze(given.scale, params, power)
    except BadInput as error:
        raise SystemExit(str(error)) from None
    decidable = sum(each.power >= ENOUGH_POWER for each in power.values())
    print(json.dumps({"comparisons": len(power), "decidable": decidable, "videos": videos, "long": long}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
