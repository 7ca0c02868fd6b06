"""``estimates.csv``: each of our numbers in full precision, for programs, with the published cells it answers."""

from __future__ import annotations

import csv
import io
import math

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods
from tgvac.report.comparisons import answers
from tgvac.report.methods import of_long_clips
from tgvac.report.paper import Paper
from tgvac.report.scores import ALL, BINS, CLASSES, MORE, PREFERENCE, SCORES, Measured

COLUMNS = (
    *("method", "variant", "mask_source", "class", "metric"),
    *("mean", "low", "high", "videos", "frames", "paper_cell", "paper", "trainings"),
)


def estimates_csv(numbers: Measured, paper: Paper, evaluation: EvaluationParams, methods: Methods) -> str:
    """One number per line; a missing value is an empty field; several cells of the paper are separated by a space."""
    voted = not numbers.preference.why
    published = answers(paper, evaluation, voted)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for of in numbers.scored(evaluation.methods):
        # Table 4 does not divide frames into classes.
        groups = ALL if of_long_clips([of.name], methods) else (*ALL, *CLASSES, *BINS)
        for group, _ in groups:
            votes = (
                (PREFERENCE,) if voted and group in ("easy", "hard") and numbers.preference.compares(of.name) else ()
            )
            for score in (*SCORES, *MORE, *votes):
                value = numbers.estimate(of, score, group)
                fields = ["" if math.isnan(v) else repr(v) for v in (value.mean, value.low, value.high)]
                cells = (
                    published.get((of.name, group, score.paper), []) if of.mask_source == numbers.mask_source else []
                )
                key = (of.method, of.variant, of.mask_source, group, score.metric)
                counts = (value.videos, value.frames)
                answered = (" ".join(c.id for c in cells), " ".join(c.text for c in cells))
                writer.writerow([*key, *fields, *counts, *answered, value.trainings])
    return stream.getvalue()
