"""A plan as a table for people, or as JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tgvac.planning.plan import PAGES, Plan
from tgvac.planning.reference import Costs
from tgvac.planning.work import PhaseCost, Work, gpu_hours

PLAN_FORMAT = "tgvac-plan-1"


def as_text(plan: Plan, costs: Costs, precision: str, utilisation: float, details: bool) -> str:
    """The plan as a Markdown table with what it stands on above and below.

    Args:
        precision: which of the GPUs' peaks.
        utilisation: the share of the peak that is reached, in (0, 1].
        details: a row for each training, method and source, too.
    """
    gpus = list(costs.gpus.values())
    rows = [["phase", "work", "FLOPs", *(f"{gpu.label} h" for gpu in gpus), "results", "scratch", "jobs"]]

    def row(name: str, what: str, flops: int, size: str, scratch: str, jobs: str) -> None:
        hours = [_hours(gpu_hours(flops, gpu, precision, utilisation)) if flops else "–" for gpu in gpus]
        rows.append([name, what, si(flops) if flops else "–", *hours, size, scratch, jobs])

    for each in plan.phases:
        row(each.phase, _work(each.lines), each.flops, _size(each), disk(each.scratch), str(each.jobs))
        if details:
            for line in each.lines:
                kept = "?" if line.bytes is None else disk(line.bytes)
                row("", f"{line.what}: {line.count:,} {line.unit}", line.flops, kept, disk(line.scratch), "")
    flops = sum(each.flops for each in plan.phases)
    size = sum(each.bytes if each.on_disk is None else each.on_disk for each in plan.phases)
    scratch = sum(each.scratch for each in plan.phases)
    more = " + ?" if any(each.unknown and each.on_disk is None for each in plan.phases) else ""
    row("all", f"with {', '.join(PAGES)} and the target", flops, disk(size) + more, disk(scratch), str(plan.jobs))
    notes = [f"{each.phase}, {line.what}: {line.note}" for each in plan.phases for line in each.lines if line.note]
    return "\n".join(
        [
            f"Scale {plan.scale}. Data: {plan.counts.origin}.",
            f"Networks: {plan.networks}, walked on shapes alone.",
            f"GPU-hours at {utilisation:.0%} of the peak in {precision} (reference/costs.yaml says why):"
            f" {', '.join(f'{gpu.label} {getattr(gpu.tflops, precision):g} TFLOPS' for gpu in gpus)}.",
            "",
            markdown(rows),
            "",
            "Storage without a star is reckoned; a star marks what lies on disk. ? marks what nothing tells.",
            *notes,
        ]
    )


def as_json(plan: Plan, costs: Costs, precision: str, utilisation: float) -> dict[str, Any]:
    """The plan in full; FLOPs, bytes and hours as numbers."""

    def hours(flops: int) -> dict[str, float]:
        return {name: gpu_hours(flops, gpu, precision, utilisation) for name, gpu in costs.gpus.items()}

    def line(each: Work) -> dict[str, Any]:
        return {**vars(each), "gpu_hours": hours(each.flops)}

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
        "precision": precision,
        "utilisation": utilisation,
        "jobs": plan.jobs,
        "phases": [
            {
                "phase": each.phase,
                "flops": each.flops,
                "gpu_hours": hours(each.flops),
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
    """Lines of one unit are added up."""
    units = dict.fromkeys(line.unit for line in lines)
    return ", ".join(f"{sum(line.count for line in lines if line.unit == unit):,} {unit}" for unit in units)


def _size(each: PhaseCost) -> str:
    if each.on_disk is not None:
        return f"{disk(each.on_disk)}*"
    return f"{disk(each.bytes)} + ?" if each.unknown and each.bytes else "?" if each.unknown else disk(each.bytes)


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}" if hours >= 0.1 else "< 0.1"


def si(value: float) -> str:
    """A number with its prefix, as FLOPs are read: ``4.3 E``.

    >>> si(4.33e18)
    '4.3 E'
    """
    for power, prefix in ((21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:.1f} {prefix}"
    return f"{value:.0f}"


def disk(size: float) -> str:
    """Bytes as disks count them, a thousand at a time.

    >>> disk(54_850_000_000)
    '55 GB'
    """
    for power, prefix in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            value = size / 10**power
            return f"{value:.1f} {prefix}" if value < 10 else f"{value:,.0f} {prefix}"
    return f"{size:.0f} B" if size else "–"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns line up; the first row is its head, all but the first two columns are numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = 2

    def line(row: Sequence[str]) -> str:
        cells = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        return f"| {' | '.join(cells)} |"

    rule = ["-" * (w + 2) if i < left else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(rows[0]), f"|{'|'.join(rule)}|", *(line(row) for row in rows[1:])])
