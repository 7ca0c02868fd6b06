"""Differences of the dev world's videos, paired between methods, as the claims compare them.

``benchmarks/results/dev-videos.reference.csv`` has the metrics (:mod:`benchmarks.dev_videos`).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.dev_videos import OUT
from tgvac.report.claims import Comparison
from tgvac.report.methods import answer_to

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """Sums of differences and numbers of frames by source video, float64 [V]: of one set of frames, or of two.

    Attributes:
        sum_VG, count_VG: for each set of frames, float64 [V,G]; a gain has two sets, and is the first minus the second.
    """

    sum_VG: Array
    count_VG: Array

    def mean_V(self) -> Array:
        """Of each video that has frames in all sets, the mean difference, or the gain."""
        has_V = (self.count_VG > 0).all(axis=1)
        mean_VG = self.sum_VG[has_V] / self.count_VG[has_V]
        mean_V: Array = mean_VG[:, 0] - mean_VG[:, 1] if mean_VG.shape[1] == 2 else mean_VG[:, 0]
        return mean_V

    def __len__(self) -> int:
        return len(self.sum_VG)


PAIRS: Mapping[str, tuple[str, str, str, str]] = {
    f"{b.removeprefix('ours/')}, {group}, {metric}": ("ours/full", b, group, metric)
    for b in ("ours/no_motion", "ours/no_mask", "ours/no_text")
    for group in ("easy", "hard")
    for metric in ("clip", "lpips", "tc")
}
"""Comparisons whose laws are simulated: methods, frames and metric by name. Long clips are too few to be a law."""


class DevVideos:
    """The metrics of the dev world's videos.

    Raises:
        SystemExit: when there are none.
    """

    def __init__(self, path: Path = OUT) -> None:
        if not path.is_file():
            raise SystemExit(f"{path} is missing; make it by `python -m benchmarks.dev_videos`.")
        with path.open(encoding="utf-8", newline="") as stream:
            self._cells = {
                (row["method"], row["class"], row["metric"], row["video"]): (float(row["sum"]), int(row["frames"]))
                for row in csv.DictReader(stream)
            }
        self._methods = {method for method, *_ in self._cells}

    def videos(self, long: bool) -> int:
        """The number of source videos with clips of several windows, or of one."""
        of = "ours/hop4" if long else "ours/full"
        return len({video for method, _, _, video in self._cells if method == of})

    def of(self, a: str, b: str, metric: str, *groups: str) -> Differences:
        """``a - b`` on each video that both have, in one set of frames or in two."""
        videos = sorted(
            {video for method, group, name, video in self._cells if (method, name) == (a, metric) and group in groups}
        )
        sums, counts = np.zeros((len(videos), len(groups))), np.zeros((len(videos), len(groups)))
        for i, video in enumerate(videos):
            for k, group in enumerate(groups):
                (sum_a, frames), (sum_b, others) = (
                    self._cells.get((method, group, metric, video), (0.0, 0)) for method in (a, b)
                )
                if frames != others:
                    raise ValueError(f"{a} has {frames} {group} frames of {video} and {b} {others}; measure both again")
                sums[i, k], counts[i, k] = sum_a - sum_b, frames
        return Differences(sums, counts)

    def answering(self, comparison: Comparison) -> Differences | None:
        """The differences that a comparison of the claims speaks of; None if the dev world has no such methods."""
        parts = [cell.split(".") for cell in comparison.cells]
        names = [answer_to(f"{table}.{row}", ()) for table, row, *_ in parts[:2]]
        groups = dict.fromkeys(column[0] if len(column) == 2 else "all" for _, _, *column in parts)
        metric = parts[0][-1]
        if not all(name in self._methods for name in names):
            return None
        found = self.of(str(names[0]), str(names[1]), metric, *groups)
        return found if len(found) else None


def read_differences() -> Mapping[str, Differences]:
    """The differences whose laws are simulated, by name."""
    dev = DevVideos()
    return {name: dev.of(a, b, metric, group) for name, (a, b, group, metric) in PAIRS.items()}
