"""How much trainings of one method differ: the mean of each training seed, and their spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import label_of
from tgvac.report.score_tables import ScoreColumns
from tgvac.report.scores import CLASSES, SCORES, Groups, Measured, Score, Scored
from tgvac.report.tables import Cell, Row, Table, missing

_GROUPS: Groups = (("all", "All frames"), *CLASSES)


def seed_means(numbers: Measured, of: Scored, score: Score, group: str) -> dict[int, float]:
    """The mean over frames of each training seed that has values, by seed, in the metric's unit."""
    rows = numbers.rows_of(of, score.metric, group)
    means = rows[rows["value"].notna()].groupby("train_seed")["value"].mean()
    return {int(str(seed)): float(mean) for seed, mean in means.items()}


def seeds_table(numbers: Measured, evaluation: EvaluationParams) -> Table | None:
    """A row for each training seed of each method, then the spread; None where no method has several seeds."""
    layout = ScoreColumns("", _GROUPS, verdict=False)
    rows: list[Row] = []
    for of in numbers.scored(evaluation.methods):
        columns = [(score, seed_means(numbers, of, score, group)) for group, _ in _GROUPS for score in SCORES]
        seeds = sorted({seed for _, means in columns for seed in means})
        if len(seeds) > 1:
            rows += _rows(label_of(of.name), seeds, columns)
    if not rows:
        return None
    return Table(
        "seeds",
        "Trainings of the same method from different seeds",
        layout.columns(None, "Training"),
        tuple(rows),
        remarks=(
            "Each row is the mean over all frames of one training. The spread is the standard deviation between"
            " trainings (n - 1), and in brackets the lowest and the highest of them. Methods that are not trained, or"
            " that were trained once, are not listed.",
        ),
    )


def _rows(label: str, seeds: Sequence[int], columns: Sequence[tuple[Score, dict[int, float]]]) -> list[Row]:
    out = [
        Row(
            (
                Cell(f"seed {seed}"),
                *(
                    Cell(f"{means[seed]:.{score.decimals}f}") if seed in means else missing("This seed has no value.")
                    for score, means in columns
                ),
            ),
            label,
        )
        for seed in seeds
    ]
    return [*out, Row((Cell("spread"), *(_spread(score, list(means.values())) for score, means in columns)), label)]


def _spread(score: Score, means: Sequence[float]) -> Cell:
    if len(means) < 2:
        return missing("A single training has no spread.")
    low, high = (f"{end:.{score.decimals}f}" for end in (min(means), max(means)))
    # One more decimal: spreads are often smaller than the last printed digit of a mean.
    return Cell(f"{statistics.stdev(means):.{score.decimals + 1}f}", f"[{low}, {high}]")
