"""Table 2: every method by class of frames, with intervals, beside what the paper published; and finer bins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods, label_of
from tgvac.metrics.difficulty import difficulty as class_of
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis
from tgvac.report.methods import HEADLINE, LATER, of_quality
from tgvac.report.paper import Paper
from tgvac.report.score_tables import HERE, Layout, here_rows
from tgvac.report.scores import BINS, CLASSES, ENOUGH_VIDEOS, Groups, Measured
from tgvac.report.tables import Cell, Column, Row, Table

QUALITY = Layout("table2", CLASSES, votes=True)
EVERY: Groups = (("all", "All frames"),)
"""The frames of both classes, which the paper has no table of."""
_LATER = "Not measured here yet: the method doesn't run behind the completion contract; its published cells stand."


def quality_table(
    numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams, methods: Methods
) -> Table:
    """Table 2, ours above, the paper's below, never in one row."""
    names = _names(numbers, evaluation, methods)
    out = here_rows(QUALITY, numbers, names, basis.verdict, HERE, {})
    heads = {name.partition("/")[0] for name in names}
    out += [QUALITY.absent(label, _LATER, HERE) for head, label in LATER.items() if head not in heads]
    out.append(QUALITY.counted(numbers, names))
    out += QUALITY.published(paper)
    return Table(
        "table2",
        "Table 2. Quality of completion",
        QUALITY.columns(paper, "Method"),
        tuple(out),
        basis.sentence,
        (how_measured(numbers.metrics),),
    )


def how_measured(metrics: MetricsParams) -> str:
    """How a number with its interval is to be read."""
    return (
        f"Ours: mean over frames and its {metrics.confidence * 100:g} % interval, a bootstrap over source videos"
        f" ({metrics.bootstrap:,} resamples). A frame is hard from {metrics.hard_from * 100:g} % occlusion on; a pair"
        " of frames (TC) belongs to the class of its later frame. Frames without the object belong to no class. An"
        f" interval from fewer than {ENOUGH_VIDEOS} source videos is too narrow to be trusted."
    )


def bins_table(numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams, methods: Methods) -> Table:
    """The methods of Table 2 over all frames, and by finer bins: 0 and 100 % apart, and those that the classes follow.

    ProgressiveAmodal's bins are per object (20 to 50 % and 50 to 80 %); here they are of frames, as all classes are.
    """
    layout = Layout("", (*EVERY, *BINS), verdict=False)
    names = _names(numbers, evaluation, methods)
    rows = here_rows(layout, numbers, names, "", "", {})
    return Table(
        "bins",
        "Table 2 over all frames, and by finer bins of occlusion",
        layout.columns(paper, "Method"),
        (*rows, layout.counted(numbers, names)),
        basis.sentence,
        (
            "Fully visible and fully hidden frames belong to the easy and the hard cases of Table 2, which takes them"
            " in silently. The bins of 20 to 50 % (below half) and 50 to 80 % are ProgressiveAmodal's, which the paper"
            " says its classes follow; frames below 20 %, and between 80 and 100 %, are in none of these bins.",
        ),
    )


def methods_table(numbers: Measured, paper: Paper, evaluation: EvaluationParams, methods: Methods) -> Table:
    """Ours minus each other method of Table 2, on the frames that both have: these compare, whatever the backbones."""
    layout = Layout("table2", (*EVERY, *CLASSES), verdict=False)
    ours, names = numbers.find(HEADLINE), _names(numbers, evaluation, methods)
    rows = []
    for of in numbers.scored(names):
        if ours is not None and of.name in names and of != ours:
            rows.append(layout.compared(numbers, ours, of, label_of(of.name)))
    return Table(
        "differences",
        "Ours against the other methods measured here",
        layout.columns(paper, "Ours minus"),
        tuple(rows),
        HOW_COMPARED,
    )


HOW_COMPARED = (
    "Paired differences on the same frames, with the interval of the difference. ✓ means better and ✗ worse: the"
    f" interval leaves out zero and comes from at least {ENOUGH_VIDEOS} source videos. Without a mark, the run"
    " doesn't tell the two apart."
)


def _names(numbers: Measured, evaluation: EvaluationParams, methods: Methods) -> tuple[str, ...]:
    """The methods of Table 2: those that are evaluated, then whatever else has rows."""
    found = (of.name for of in numbers.scored())
    return of_quality(dict.fromkeys((*evaluation.methods, *found)), methods)


def frames_table(frames: Sequence[tuple[str, str, float]], metrics: MetricsParams) -> Table:
    """How the evaluated frames fall into classes.

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
        remarks=("A video counts in each class of which it has a frame.",),
    )
