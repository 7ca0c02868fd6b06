"""Which samples a figure shows: by its rule alone, and the same words for all who read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.metrics.difficulty import video_difficulty
from tgvac.report.figures import Figure, Place, Wanted
from tgvac.seeds import unit


@dataclass(frozen=True)
class Chosen:
    """A sample of a figure.

    Attributes:
        of, place: what the rule asked for.
        group: 'easy' or 'hard', by its mean occlusion rate.
        rank: its rank by LPIPS, 1 is the best; 0 if the sample was drawn.
        among: the number of samples that it was chosen from.
    """

    sample: str
    of: str
    place: Place
    group: str
    rank: int
    among: int

    @property
    def words(self) -> str:
        """How it was chosen: 'median of 9 easy samples (rank 5)'."""
        kind = "" if self.of == "any" else f"{self.of} "
        many = f"{self.among:,} {kind}sample{'' if self.among == 1 else 's'}"
        return f"drawn from {many}" if self.place == "drawn" else f"{self.place} of {many} (rank {self.rank})"


def choose_samples(
    name: str,
    figure: Figure,
    rates: Mapping[str, Sequence[float]],
    lpips: Mapping[str, float],
    hard_from: float,
    shown: Collection[str],
) -> list[Chosen]:
    """Choose the samples of a figure; a place that no sample can take is left out.

    Args:
        name: of the figure; draws depend on it.
        rates: occlusion rates of each sample's frames, by sample; a sample without the object has no class.
        lpips: what samples are ranked by, lower is better; a sample without a value has no rank.
        hard_from: mean rate, over the frames that have the object, from which a sample is hard.
        shown: samples of other figures, which draws pass over as long as there are others.

    Ties go to the smaller id. With an even number of samples the median is the better one of the middle two.
    """
    groups = {sample: video_difficulty(np.asarray(rates[sample], np.float64), hard_from) for sample in sorted(rates)}
    chosen: list[Chosen] = []
    for wanted in figure.samples:
        mine = [sample for sample, group in groups.items() if _takes(wanted, group)]
        ranked = sorted((sample for sample in mine if sample in lpips), key=lambda s: (lpips[s], s))
        if wanted.place == "drawn":
            # Never twice in one figure; what other figures show comes last.
            here = {each.sample for each in chosen}
            left = sorted((s in shown, unit("figure", name, s), s) for s in mine if s not in here)
            if left:
                drawn = left[0][-1]
                chosen.append(Chosen(drawn, wanted.of, "drawn", groups[drawn], 0, len(mine)))
        elif ranked:
            last = len(ranked) - 1
            worst = min(range(len(ranked)), key=lambda i: (-lpips[ranked[i]], i))
            at = {"median": last // 2, "best": 0, "worst": worst}[wanted.place]
            chosen.append(Chosen(ranked[at], wanted.of, wanted.place, groups[ranked[at]], at + 1, len(ranked)))
    return chosen


def _takes(wanted: Wanted, group: str) -> bool:
    return group != "absent" if wanted.of == "any" else group == wanted.of


def rule_of(figure: Figure, hard_from: float) -> str:
    """The rule in full sentences."""
    asked = Counter((wanted.place, wanted.of) for wanted in figure.samples)
    sentences = [f"Samples by rule: {'; '.join(_asked(*each, count) for each, count in asked.items())}."]
    if any(wanted.of != "any" for wanted in figure.samples):
        sentences.append(f"A sample is easy if less than {hard_from * 100:g} % of the object is hidden on average.")
    if any(wanted.place != "drawn" for wanted in figure.samples):
        sentences.append(f"Ranks are by the LPIPS of “{figure.label(figure.ranked_by)}”.")
    if any(wanted.place == "drawn" for wanted in figure.samples):
        sentences.append(
            "Draws are by the names of figure and sample, before any result; samples of the figures above come last."
        )
    return " ".join(sentences)


def _asked(place: Place, of: str, count: int) -> str:
    samples = "all samples" if of == "any" else f"the {of} samples"
    return (
        f"{_NUMBERS.get(count, str(count))} drawn from {samples}" if place == "drawn" else f"the {place} of {samples}"
    )


_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
