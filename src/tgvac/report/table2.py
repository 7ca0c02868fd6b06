"""Table 2: every method by class of frames, with intervals, beside the published numbers; and finer bins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import REGISTRY, Methods, label_of
from tgvac.metrics.difficulty import difficulty as class_of
from tgvac.metrics.intervals import ENOUGH_TRAININGS
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis
from tgvac.report.methods import BASELINES, HEADLINE, of_quality, stand_ins
from tgvac.report.paper import Paper
from tgvac.report.score_tables import HERE, Pair, ScoreColumns, here_rows
from tgvac.report.scores import BINS, CLASSES, ENOUGH_VIDEOS, TRUTH_TC, Groups, Measured, Scored
from tgvac.report.tables import Cell, Column, Row, Table

QUALITY = ScoreColumns("table2", CLASSES, votes=True)
EVERY: Groups = (("all", "All frames"),)
"""The frames of both classes together; the paper has no such table."""
_LATER = "Not measured here yet: this project does not run the method; its published numbers are below."
_NOT_LISTED = "Not measured here: the scale's evaluation.methods do not list it; its published numbers are below."
_NO_ROWS_YET = "Not measured here yet: listed, but its rows are not made yet; its published numbers are below."


def quality_table(
    numbers: Measured,
    paper: Paper,
    basis: Basis,
    evaluation: EvaluationParams,
    methods: Methods,
    listed: Sequence[str] = (),
) -> Table:
    """Table 2: our numbers above, the paper's below, never in one row.

    Args:
        listed: the scale's ``evaluation.methods``, where ``evaluation`` has only those with rows.
    """
    names = _names(numbers, evaluation, methods)
    out = here_rows(QUALITY, numbers, names, basis.verdict, HERE, {})
    heads = {name.partition("/")[0] for name in names}
    later = {name.partition("/")[0] for name in listed}
    out += [
        QUALITY.absent(label, _NO_ROWS_YET if head in later else _NOT_LISTED if head in REGISTRY else _LATER, HERE)
        for head, label in BASELINES.items()
        if head not in heads
    ]
    out.append(QUALITY.counted(numbers, names))
    out += QUALITY.published(paper)
    return Table(
        "table2",
        "Table 2. Quality of completion",
        QUALITY.columns(paper, "Method"),
        tuple(out),
        basis.sentence,
        (
            how_measured(numbers.metrics),
            *_ceiling(numbers, names),
            *_standing_in(names, methods, basis),
            *fewer(numbers, names),
            *numbers.preference.said,
        ),
    )


def _standing_in(names: Sequence[str], methods: Methods, basis: Basis) -> list[str]:
    """A remark on the baselines whose networks are not their authors'."""
    labels = [label_of(name) for name in names if name in stand_ins(methods, methods, basis.origin)]
    if not labels:
        return []
    return [
        f"{' and '.join(labels)}: the procedure is its authors', the network is a small one of this project. These rows"
        " say nothing about the published methods, and decide no claim about them."
    ]


def _ceiling(numbers: Measured, names: Sequence[str]) -> list[str]:
    """A remark on what the truth itself has of TC, which is measured with every method; nothing where no row has it."""
    found = [of for of in numbers.scored(names) if of.name in names]
    for of in sorted(found, key=lambda of: -len(numbers.rows_of(of, TRUTH_TC.metric, "all"))):
        means = [(heading.lower(), numbers.estimate(of, TRUTH_TC, group).mean) for group, heading in CLASSES]
        said = [f"{mean:.{TRUTH_TC.decimals}f} in {heading}" for heading, mean in means if not math.isnan(mean)]
        if said:
            return [f"The truth's own TC on these frames is {' and '.join(said)}: more is stiller than the truth."]
    return []


def fewer(numbers: Measured, names: Sequence[str]) -> list[str]:
    """A remark for each method that has rows of fewer samples than another one."""
    counts = {of: numbers.rows_of(of, "lpips", "all")["sample"].nunique() for of in numbers.scored(names)}
    counts = {of: count for of, count in counts.items() if of.name in names}
    most = max(counts.values(), default=0)
    return [
        f"{label_of(of.name)} has rows of {count} samples, others of {most}; its means are not of the same frames as"
        " theirs, but all differences between methods are."
        for of, count in counts.items()
        if count < most
    ]


def how_measured(metrics: MetricsParams) -> str:
    """A remark on how to read a number with its interval."""
    return (
        f"Ours: mean over frames, with a {metrics.confidence * 100:g} % interval clustered by source video (Student's,"
        f" stretched by a studentised bootstrap of {metrics.bootstrap:,} resamples). From {ENOUGH_TRAININGS} training"
        " seeds on it is about trainings of this kind; with fewer it is about the given ones, and cannot say how"
        f" trainings vary. A frame is hard from {metrics.hard_from * 100:g} % occlusion; a pair of frames (TC) is in"
        " the class of its later frame. Frames without the object are in no class. Intervals from fewer than"
        f" {ENOUGH_VIDEOS} source videos may be too narrow."
    )


def how_compared(numbers: Measured) -> str:
    """A remark on how to read a difference and its mark."""
    return (
        "Paired differences on the same frames, with the interval of the difference. ✓ means better and ✗ worse: by"
        " more than the smallest difference of interest (report.smallest), by a test on at least"
        f" {ENOUGH_VIDEOS} source videos that is corrected for all marks of the table (Holm, together"
        f" {(1 - numbers.metrics.confidence) * 100:g} %). No mark means that nothing is decided."
    )


def bins_table(numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams, methods: Methods) -> Table:
    """The methods of Table 2 over all frames, at exactly 0 and 100 % occlusion, and in ProgressiveAmodal's bins.

    ProgressiveAmodal's bins are per object (20 to 50 % and 50 to 80 %); here they are per frame, like all classes.
    """
    layout = ScoreColumns("", (*EVERY, *BINS), verdict=False)
    names = _names(numbers, evaluation, methods)
    rows = here_rows(layout, numbers, names, "", "", {})
    return Table(
        "bins",
        "Table 2 over all frames, and by finer bins of occlusion",
        layout.columns(paper, "Method"),
        (*rows, layout.counted(numbers, names)),
        basis.sentence,
        (
            "Table 2 counts fully visible frames as easy and fully hidden frames as hard. The bins of 20 to 50 % (below"
            " half) and 50 to 80 % are ProgressiveAmodal's, which the paper says its classes follow. Frames below 20 %,"
            " and between 80 and 100 %, are in none of these bins.",
        ),
    )


def methods_table(numbers: Measured, paper: Paper, evaluation: EvaluationParams, methods: Methods) -> Table:
    """Ours minus each other method of Table 2, on the frames that both have; comparable with any backbones."""
    ours, names = numbers.find(HEADLINE), _names(numbers, evaluation, methods)
    return against_table(
        numbers, paper, ours, names, "differences", "Ours against the other methods measured here", "Ours"
    )


def against_table(
    numbers: Measured, paper: Paper, one: Scored | None, names: Sequence[str], table: str, title: str, label: str
) -> Table:
    """One method minus each other one, on the frames that both have.

    Args:
        one: the method, called ``label``; without it the table has no rows.
        names: the other methods, in order.
        table, title: of the table that is made.
    """
    layout = ScoreColumns("table2", (*EVERY, *CLASSES), verdict=False)
    asked = [
        Pair(one, of, label_of(of.name))
        for of in numbers.scored(names)
        if one is not None and of.name in names and of != one
    ]
    rows = tuple(layout.compared(numbers, asked))
    return Table(table, title, layout.columns(paper, f"{label} minus"), rows, how_compared(numbers))


def _names(numbers: Measured, evaluation: EvaluationParams, methods: Methods) -> tuple[str, ...]:
    """The methods of Table 2: the evaluated ones, then any others that have rows."""
    found = (of.name for of in numbers.scored())
    return of_quality(dict.fromkeys((*evaluation.methods, *found)), methods)


def frames_table(frames: Sequence[tuple[str, str, float]], metrics: MetricsParams) -> Table:
    """The evaluated frames by class.

    Args:
        frames: sample, source video and occlusion rate of each frame that was to be completed.
    """
    named = class_of(np.array([rate for _, _, rate in frames], np.float64), metrics.hard_from)
    wanted = {
        "easy": f"Easy: below {metrics.hard_from * 100:g} % occlusion",
        "hard": f"Hard: from {metrics.hard_from * 100:g} % on",
        "absent": "Object absent: in no class",
    }
    rows = []
    for name, label in wanted.items():
        mine = [frame for frame, kind in zip(frames, named, strict=True) if kind == name]
        samples, videos = len({sample for sample, _, _ in mine}), len({video for _, video, _ in mine})
        rows.append(Row((Cell(label), Cell(f"{len(mine):,}"), Cell(f"{samples:,}"), Cell(f"{videos:,}"))))
    samples, videos = len({sample for sample, _, _ in frames}), len({video for _, video, _ in frames})
    rows.append(Row((Cell("All"), Cell(f"{len(frames):,}"), Cell(f"{samples:,}"), Cell(f"{videos:,}"))))
    columns = (
        Column("Frames of", number=False),
        Column("Frames"),
        Column("Synthesized videos"),
        Column("Source videos"),
    )
    return Table(
        "frames",
        "Frames of the evaluation by class",
        columns,
        tuple(rows),
        remarks=("A video counts in every class in which it has a frame.",),
    )
