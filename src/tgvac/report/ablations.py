"""Table 3 (condition streams) and Table 4 (stride of windows on long videos), each with paired differences."""

from __future__ import annotations

from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods, label_of
from tgvac.report.basis import Basis
from tgvac.report.methods import GUIDED, HEADLINE, LONG_REFERENCE, START, STREAMS, UNGUIDED, of_long_clips
from tgvac.report.paper import Paper
from tgvac.report.score_tables import HERE, Pair, ScoreColumns, here_rows
from tgvac.report.scores import ALL, CLASSES, Measured
from tgvac.report.table2 import how_compared, how_measured
from tgvac.report.tables import Table

_STREAMS = ScoreColumns("table3", CLASSES)
_STRIDES = ScoreColumns("table4", ALL)
_WITHOUT = f"{HERE}, without guidance"
_BEFORE = f"{HERE}, the start of all rows, with guidance"


def streams_table(numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams, start: str) -> Table:
    """Table 3: each condition stream left out in training and sampling, and its paired difference from both streams.

    Without a prompt, guidance on text has no effect. So the rows with guidance differ in guidance as well as in text;
    the rows at guidance 1 differ in text alone.

    Args:
        start: the frame model that each variant's training started from; "" is the backbones' network, which has no
            conditions.
    """
    guided, unguided = (tuple(n for n in names if n in evaluation.methods) for names in (GUIDED, UNGUIDED))
    out = here_rows(_STREAMS, numbers, guided, basis.verdict, HERE, STREAMS)
    out += here_rows(_STREAMS, numbers, unguided, basis.verdict, _WITHOUT, {})
    before = (START,) if START in evaluation.methods else ()
    out += here_rows(_STREAMS, numbers, before, basis.verdict, _BEFORE, {})
    out += [_STREAMS.counted(numbers, (*guided, *unguided))] if guided or unguided else []
    minus = _minus(numbers, HEADLINE, guided, "Both streams minus", STREAMS)
    minus += _minus(numbers, "ours/full_g1", unguided, "Both streams minus, without guidance", {})
    out += _STREAMS.compared(numbers, minus)
    out += _STREAMS.published(paper)
    return Table(
        "table3",
        "Table 3. Effect of the condition streams",
        _STREAMS.columns(paper, "Condition streams"),
        tuple(out),
        basis.sentence,
        (
            how_measured(numbers.metrics),
            how_compared(numbers),
            "Without text, guidance on text has no effect, so a row without text lacks guidance as well. At guidance 1"
            " the rows differ in the stream alone.",
            *_started_from(start),
            *_left_out((*GUIDED, *UNGUIDED), evaluation),
        ),
    )


def _started_from(start: str) -> tuple[str, ...]:
    """A remark on the rows without a stream, if training started from a trained model."""
    if not start:
        return ()
    return (
        f"The training of each row started from {start}, a model that already has conditions. A row without a stream"
        " is that model trained further without the stream, not a model that never had it.",
    )


def strides_table(
    numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams, methods: Methods
) -> Table:
    """Table 4: the stride of windows on long videos, with a ceiling and a trivial baseline on the same frames."""
    names = of_long_clips(evaluation.methods, methods)
    out = here_rows(_STRIDES, numbers, names, basis.verdict, HERE, {})
    out += [_STRIDES.counted(numbers, names)] if names else []
    minus = _minus(numbers, LONG_REFERENCE, names, f"{label_of(LONG_REFERENCE)} minus", {})
    out += _STRIDES.compared(numbers, minus)
    out += _STRIDES.published(paper)
    return Table(
        "table4",
        "Table 4. Effect of the stride between windows on long videos",
        _STRIDES.columns(paper, "Stride"),
        tuple(out),
        basis.sentence,
        (
            how_measured(numbers.metrics),
            how_compared(numbers),
            f"Measured on synthesized videos of at least {evaluation.long.frames} frames, one drawn from each source"
            f" video{_at_most(evaluation.long.videos)}, all frames in one class. Windows whose stride equals their"
            " length do not overlap. One window holds all frames at once, more than in training.",
            *_left_out(of_long_clips(methods, methods), evaluation),
        ),
    )


def _at_most(videos: int) -> str:
    return f", at most {videos:,}" if videos else ""


def _left_out(names: tuple[str, ...], evaluation: EvaluationParams) -> tuple[str, ...]:
    """A remark that names the table's methods that this run does not evaluate."""
    absent = [name for name in names if name not in evaluation.methods]
    return (f"Not evaluated in this run: {', '.join(absent)}.",) if absent else ()


def _minus(
    numbers: Measured, reference: str, names: tuple[str, ...], section: str, labels: dict[str, str]
) -> list[Pair]:
    """The reference minus each other method that was measured."""
    of = numbers.find(reference)
    others = [numbers.find(name) for name in names if name != reference]
    return [
        Pair(of, other, labels.get(other.name, label_of(other.name)), section)
        for other in others
        if of is not None and other is not None
    ]
