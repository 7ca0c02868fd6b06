"""``tgvac explain CELL``: what the paper says, what this run has, and the chain behind it; as JSON here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.bridge.graph import Graph
from tgvac.ledger.cells import find_cell
from tgvac.ledger.chain import Chains
from tgvac.ledger.entries import entry_of
from tgvac.ledger.entry import Entry, as_record
from tgvac.ledger.findings import read_findings
from tgvac.ledger.history import commits_of
from tgvac.ledger.present import Step, commit, steps


@dataclass(frozen=True)
class Explained:
    """An entry, with its files beside the present params and code.

    Attributes:
        scale: whose number it is.
        commit: of the code that runs, or "".
        kept, among: rows that count in the cell, of all rows of the run.
        looked: whether earlier commits were looked through.
        earlier: of steps that were made with other code, the commit that has it, by file, as far as it was found.
    """

    scale: str
    entry: Entry
    steps: Sequence[Step]
    commit: str
    kept: int
    among: int
    looked: bool
    earlier: Mapping[str, str]


def explain(root: Path, scale: str, name: str, commits: int = 0) -> Explained:
    """Explain a cell at a scale.

    Args:
        name: of the cell, as in ``reference/paper.yaml`` or with the row last.
        commits: how many earlier commits to look through for code other than the present one.

    Raises:
        BadInput: an unknown scale or cell; for a cell, the nearest are named.
    """
    found = read_findings(root, scale)
    cell = find_cell(found.paper, name)
    entry = entry_of(found.answers[cell.id], found, Chains(found.ctx.results))
    compared = steps(entry.chain, Graph.of(scale, {}, root))
    other = [step for step in compared if not step.same_code]
    earlier = commits_of(other, commits) if other and commits else {}
    return Explained(scale, entry, compared, commit(), entry.frames, found.rows, bool(commits), earlier)


def to_json(found: Explained) -> str:
    """All of it as JSON; params in full."""
    entry = as_record(found.entry)
    chain = [
        {**link, **_compared(next((step for step in found.steps if step.link.file == link["file"]), None))}
        for link in entry.pop("chain")
    ]
    record = {"scale": found.scale, **entry, "rows": {"counted": found.kept, "of": found.among}, "chain": chain}
    record["commit"] = found.commit or None
    record["earlier_commits"] = dict(found.earlier)
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def _compared(step: Step | None) -> dict[str, Any]:
    if step is None:
        return {}
    return {"present_params": step.same_params, "present_code": step.same_code, "values": step.params}
