"""Which command measures a cell, and why a run has no number for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tgvac.bridge.graph import DEFAULT_SCALE
from tgvac.ledger.findings import Findings
from tgvac.methods.registry import label_of, seeds_of
from tgvac.params import load_params
from tgvac.phases import phase
from tgvac.report.cell_answers import Answer
from tgvac.report.methods import answer_to


@dataclass(frozen=True)
class Measuring:
    """How a cell is measured.

    Attributes:
        command: what measures it, at this scale or at one that evaluates its method; "" where no scale does.
        why: why this run has no number; "" if it has one.
        rows: what makes the rows of the cell's method alone, at this scale; "" for cells that have no rows here.
    """

    command: str
    why: str
    rows: str = ""


def measuring(answer: Answer, found: Findings) -> Measuring:
    """The command of a cell and, where nothing was measured, the reason."""
    scale, cell = found.ctx.scale, answer.cell
    if answer.cell.direction == "none":
        command = f"tgvac run --scale {scale} --target synthesis"
        if answer.measured:
            return Measuring(command, "")
        column = found.paper.tables[cell.table].columns[cell.column].label
        why = f"Scale '{scale}' uses no source that corresponds to {column}."
        return Measuring(command, why if found.counted else f"Scale '{scale}' has no data set yet.")
    if cell.published_only and found.numbers.preference.why:
        return Measuring(f"tgvac study build --scale {scale}", found.numbers.preference.why)
    if not answer.measured and answer.method not in found.params.evaluation.methods:
        return _elsewhere(answer, found)
    command = f"tgvac run --scale {scale} --target metrics"
    rows = "" if cell.published_only else _rows_alone(answer.method, found)
    if answer.measured:
        return Measuring(command, "", rows)
    called = _called(answer.method)
    if answer.of is None:
        return Measuring(command, f"Scale '{scale}' evaluates {called}, but has no rows of it yet.", rows)
    group = cell.difficulty or "evaluated"
    return Measuring(command, f"No {group} frame of this run has a value of {cell.metric} by {called}.", rows)


def _rows_alone(name: str, found: Findings) -> str:
    """The command for the rows of one method: any shard of a seed, since one job makes all of them."""
    evaluation = found.params.evaluation
    seeds = [str(seed) for seed in seeds_of(name, evaluation.train_seeds, found.params.methods)]
    braced = seeds[0] if len(seeds) == 1 else f"{{{','.join(seeds)}}}"
    method, _, variant = name.partition("/")
    file = phase("metrics").part.format(method=method, variant=variant, seed=braced, shard=0)
    return f"snakemake -c2 results/{found.ctx.scale}/metrics/{file} --config scale={found.ctx.scale}"


def _elsewhere(answer: Answer, found: Findings) -> Measuring:
    """The reason and the command for a method that the scale does not evaluate."""
    scale, row = found.ctx.scale, f"{answer.cell.table}.{answer.cell.row}"
    label = found.paper.tables[answer.cell.table].rows[answer.cell.row].label
    others = evaluating(found.ctx.root, row)
    other = DEFAULT_SCALE if DEFAULT_SCALE in others else next(iter(others), "")
    name = answer.method or others.get(other, "")
    why = f"Scale '{scale}' does not evaluate {_called(name) if name else f'“{label}”'}."
    if not others:
        return Measuring("", f"{why} No scale does: list a method for it under evaluation.methods.")
    why += f" Scale '{other}' does; or add {others[other]} to evaluation.methods in workflow/scales/{scale}.yaml."
    return Measuring(f"tgvac run --scale {other} --target metrics", why)


def _called(name: str) -> str:
    return f"{name} (“{label_of(name)}”)"


@cache
def evaluating(root: Path, row: str) -> dict[str, str]:
    """The scales that evaluate a method for a published row, each with that method, sorted by name."""
    scales = sorted(path.stem for path in (root / "workflow" / "scales").glob("*.yaml"))
    names = {scale: answer_to(row, _evaluated(root, scale)) for scale in scales}
    return {scale: name for scale, name in names.items() if name in _evaluated(root, scale)}


@cache
def _evaluated(root: Path, scale: str) -> tuple[str, ...]:
    return load_params(root, scale).evaluation.methods
