"""A plan as a table for people, or as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tgvac.planning.plan import OTHER_RULES, Plan
from tgvac.planning.reference import Costs
from tgvac.planning.work import PhaseCost, Work, hours_of

PLAN_FORMAT = "tgvac-plan-2"

_PRECISIONS = {"tf32": "tf32 (float32 with compute.tf32)", "float32": "float32 (without compute.tf32)"}
"""Precisions whose name alone does not say which peak is used."""


def as_text(plan: Plan, costs: Costs, utilisation: float, details: bool) -> str:
    """The plan as a Markdown table, with its assumptions above and below.

    Args:
        utilisation: the share of the peak that is reached, in (0, 1].
        details: add a row for each training, method and source.
    """
    gpus = list(costs.gpus.values())
    head = ["phase", "work", "FLOPs", *(f"{gpu.label} h" for gpu in gpus), "CPU hours"]
    rows = [[*head, "results", "scratch", "jobs"]]

    def row(name: str, what: str, lines: Sequence[Work], *more: str) -> None:
        flops = sum(line.flops for line in lines)
        hours = [_hours(hours_of(lines, gpu, utilisation)) if flops else "–" for gpu in gpus]
        rows.append([name, what, si(flops) if flops else "–", *hours, *more])

    for each in plan.phases:
        row(each.phase, _work(each.lines), each.lines, _cpu(each), _size(each), disk(each.scratch), str(each.jobs))
        if details:
            for line in each.lines:
                kept = "?" if line.bytes is None else disk(line.bytes)
                row("", f"{line.what}: {line.count:,} {line.unit}", [line], "", kept, disk(line.scratch), "")
    size = sum(each.bytes if each.on_disk is None else each.on_disk for each in plan.phases)
    scratch = sum(each.scratch for each in plan.phases)
    more = " + ?" if any(each.unknown and each.on_disk is None for each in plan.phases) else ""
    cpu = f"{_hours(plan.cpu_hours)} + ?" if plan.cpu_hours else "–"
    lines = [line for each in plan.phases for line in each.lines]
    row(
        "all",
        f"with {', '.join(OTHER_RULES)} and the target",
        lines,
        *(cpu, disk(size) + more, disk(scratch), str(plan.jobs)),
    )
    return "\n".join(
        [
            f"Scale {plan.scale}. Data: {plan.counts.origin}.",
            f"Networks: {plan.networks}, counted from their shapes.",
            *([f"Scale {plan.before} is run first for its stand-ins, and is not counted here."] if plan.before else []),
            f"GPU-hours at {utilisation:.0%} of the peak (reference/costs.yaml says why) in the precision of each:",
            *_precisions(plan, costs),
            "",
            markdown(rows),
            "",
            "Storage and CPU hours are estimated; a star marks what is on disk, and what this scale's own jobs took"
            " when they last ran. CPU hours are of one core. ? is unknown; + ? marks a lower bound.",
            *_notes(plan),
        ]
    )


def _precisions(plan: Plan, costs: Costs) -> list[str]:
    """A line for each precision: what computes in it, and the peaks of the GPUs."""
    found: dict[str, list[str]] = {}
    for each in plan.phases:
        lines = [line for line in each.lines if line.flops]
        mixed = len({line.precision for line in lines}) > 1
        for line in lines:
            names = found.setdefault(line.precision, [])
            if (name := f"{each.phase} ({line.what})" if mixed else each.phase) not in names:
                names.append(name)
    return [
        f"{_PRECISIONS.get(precision, precision)} in {', '.join(names)}:"
        f" {', '.join(f'{gpu.label} {gpu.tflops.of(precision):g} TFLOPS' for gpu in costs.gpus.values())}."
        for precision, names in sorted(found.items())
    ]


def _notes(plan: Plan) -> Iterator[str]:
    """UNet evaluations, notes on lines, and where CPU hours are from."""
    evaluations = sum(line.evaluations for each in plan.phases for line in each.lines)
    if evaluations:
        yield f"completion: {evaluations:,} UNet evaluations (frames times steps, passes of guidance and windows)"
    for each in plan.phases:
        if each.cpu is not None:
            yield f"{each.phase}, CPU hours: {each.cpu.source}"
        yield from (f"{each.phase}, {line.what}: {line.note}" for line in each.lines if line.note)


def as_json(plan: Plan, costs: Costs, utilisation: float) -> dict[str, Any]:
    """The plan in full; FLOPs, bytes and hours as numbers."""

    def hours(lines: Sequence[Work]) -> dict[str, float]:
        return {name: hours_of(lines, gpu, utilisation) for name, gpu in costs.gpus.items()}

    def line(each: Work) -> dict[str, Any]:
        return {**vars(each), "gpu_hours": hours([each])}

    # The precision of all work if there is only one; else each line has its own.
    precisions = {one.precision for each in plan.phases for one in each.lines if one.flops}

    return {
        "format": PLAN_FORMAT,
        "scale": plan.scale,
        "data": {
            "origin": plan.counts.origin,
            "counted": plan.counts.real,
            "objects": plan.counts.tracks,
            "frames": plan.counts.frames,
            "samples": len(plan.counts.recipes),
            "pairs": plan.counts.pairs,
        },
        "networks": plan.networks,
        "runs_first": plan.before or None,
        "precision": precisions.pop() if len(precisions) == 1 else None,
        "utilisation": utilisation,
        "jobs": plan.jobs,
        "phases": [
            {
                "phase": each.phase,
                "flops": each.flops,
                "gpu_hours": hours(each.lines),
                "cpu_hours": None if each.cpu is None else each.cpu.hours,
                "cpu_hours_at_least": None if each.cpu is None else each.cpu.least,
                "cpu_hours_from": None if each.cpu is None else each.cpu.source,
                "bytes": None if each.unknown else each.bytes,
                "bytes_on_disk": each.on_disk,
                "bytes_scratch": each.scratch,
                "jobs": each.jobs,
                "work": [line(one) for one in each.lines],
            }
            for each in plan.phases
        ],
    }


def _work(lines: Sequence[Work]) -> str:
    """The amounts of work, added up by unit."""
    units = dict.fromkeys(line.unit for line in lines)
    return ", ".join(f"{sum(line.count for line in lines if line.unit == unit):,} {unit}" for unit in units)


def _cpu(each: PhaseCost) -> str:
    if each.cpu is None:
        return "–"
    return f"{_hours(each.cpu.hours)}{'*' if each.cpu.own else ' + ?' if each.cpu.least else ''}"


def _size(each: PhaseCost) -> str:
    if each.on_disk is not None:
        return f"{disk(each.on_disk)}*"
    return f"{disk(each.bytes)} + ?" if each.unknown and each.bytes else "?" if each.unknown else disk(each.bytes)


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}" if hours >= 0.1 else "< 0.1"


def si(value: float) -> str:
    """A number with an SI prefix, such as ``4.3 E``.

    >>> si(4.33e18)
    '4.3 E'
    """
    for power, prefix in ((21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:.1f} {prefix}"
    return f"{value:.0f}"


def disk(size: float) -> str:
    """Bytes with decimal prefixes, as for disks.

    >>> disk(54_850_000_000)
    '55 GB'
    """
    for power, prefix in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            value = size / 10**power
            return f"{value:.1f} {prefix}" if value < 10 else f"{value:,.0f} {prefix}"
    return f"{size:.0f} B" if size else "–"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table with aligned columns. The first row is the head; all but the first two columns are numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = 2

    def line(row: Sequence[str]) -> str:
        cells = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        return f"| {' | '.join(cells)} |"

    rule = ["-" * (w + 2) if i < left else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(rows[0]), f"|{'|'.join(rule)}|", *(line(row) for row in rows[1:])])
