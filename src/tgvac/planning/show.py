"""``tgvac plan``: print plans."""

from __future__ import annotations

import json
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.planning.counts import Given
from tgvac.planning.plan import make_plan
from tgvac.planning.reference import Speeds, load_costs
from tgvac.planning.small_memory import memory_json, memory_plan, memory_text
from tgvac.planning.tables import as_json, as_text


def show_plan(
    root: Path,
    scale: str,
    precision: str | None,
    utilisation: float | None,
    details: bool,
    objects: int | None,
    frames: int | None,
    machine: bool,
) -> None:
    """Print what a scale costs.

    Args:
        precision: the precision of all work, instead of that of each stage.
        machine: print JSON.

    Raises:
        BadInput: when the precision has no known peak, or only one of objects and frames is given.
    """
    if precision is not None and precision not in Speeds.model_fields:
        raise BadInput(
            f"No peaks are known for precision '{precision}'; choose one of {', '.join(Speeds.model_fields)}."
        )
    if (objects is None) != (frames is None):
        raise BadInput("--objects and --frames are both needed for your own footage; give the other one, too.")
    given = Given(objects, frames) if objects is not None and frames is not None else None
    costs = load_costs(root)
    share = costs.utilisation if utilisation is None else utilisation
    plan = make_plan(root, scale, given)
    plan = plan if precision is None else plan.in_precision(precision)
    if machine:
        print(json.dumps(as_json(plan, costs, share), indent=1))
    else:
        print(as_text(plan, costs, share, details))


def show_memory(root: Path, scale: str, machine: bool) -> None:
    """Print which training settings of a scale fit a small GPU."""
    costs, found = load_costs(root), memory_plan(root, scale)
    print(json.dumps(memory_json(found, costs), indent=1) if machine else memory_text(found, costs))
