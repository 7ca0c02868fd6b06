"""``tgvac explain CELL``: what the paper says, what this run has, and the chain behind it, as text or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tgvac.bridge.graph import Graph
from tgvac.ledger.cells import find_cell
from tgvac.ledger.chain import SAID, Chains, Link
from tgvac.ledger.entries import Entry, as_record, entry_of
from tgvac.ledger.findings import ROWS, read_findings
from tgvac.ledger.history import commits_of
from tgvac.ledger.present import Step, commit, steps

WIDTH = 110
_HEAD = 17
"""Width of the text, and of the words at its left."""
_SHORT = 12
"""Letters of a digest, in text."""


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


def to_text(found: Explained) -> str:
    """All of it for a terminal, the number first and what it comes from below."""
    entry = found.entry
    lines = [f"{entry.id}: {entry.table}, “{entry.row}”, {entry.column}", ""]
    lines += _said("paper", entry.paper + ("; " + "; ".join(_values(entry)) if entry.contradicted else ""))
    for quote in entry.quotes:
        lines += _said("", f"“{quote.text}” (section {quote.section})")
    if not entry.quotes:
        lines += _said("", f"“{entry.caption}” (caption; no sentence of the paper repeats the number)")
    for flaw in entry.all_flaws.values():
        lines += _said(flaw.kind, f"{flaw.what} Here: {flaw.choice}")
    lines += _here(found)
    for claim in entry.claims:
        lines += _said("claim", f"{claim.verdict}: “{claim.quote}” (section {claim.section})")
    if entry.chain:
        lines += ["", *_chain(found)]
    if entry.command:
        lines += ["", *_said("run" if entry.why else "again", entry.command)]
    return "\n".join(lines)


def _values(entry: Entry) -> list[str]:
    return [f"section {quote.section} says {quote.value:g}" for quote in entry.quotes]


def _here(found: Explained) -> list[str]:
    entry = found.entry
    if entry.why:
        return _said("here", f"not measured. {entry.why}")
    number = " ".join(filter(None, (entry.here, entry.interval)))
    lines = _said("here", f"{number} at scale {found.scale}, by {entry.label}")
    if entry.frames:
        lines += _said("", f"{entry.frames:,} values of {entry.videos:,} source videos")
    for note in entry.notes:
        lines += _said("", note)
    lines += _said("verdict", entry.verdict + (f"; difference {entry.apart}" if entry.apart != "–" else ""))
    if entry.moved:
        moved = entry.moved
        lines += _said(
            "moved by",
            f"{moved.sample}: mean {moved.mean:.4f} over {len(moved.frames)} frames; without it the number would be"
            f" {moved.without:.4f} ({-moved.shift:+.4f})",
        )
    return lines


def _chain(found: Explained) -> list[str]:
    compared = {step.link.file: step for step in found.steps}
    lines: list[str] = []
    for link in found.entry.chain:
        about = f"results/{found.scale}/{link.file}"
        if link.file == ROWS:
            about += f" ({found.kept:,} of {found.among:,} rows)"
        lines += _said(link.role, f"{about}{', ' + SAID[link.state] if SAID[link.state] else ''}")
        if link.sha256:
            lines += _said(
                "", f"sha256 {link.sha256[:_SHORT]}  params {_digest(link.params)}  code {_digest(link.code)}"
            )
    lines += _params([step for step in found.steps if step.params])
    other = [step.link.role for step in compared.values() if not step.same_params]
    if other:
        lines += _said("params", f"of {_listed(other)}: other than this scale's present ones; run it again.")
    return lines + _commit(found)


def _params(found: Sequence[Step]) -> list[str]:
    """The values that decided the steps, a block a line, each once; ``--json`` has them unshortened."""
    lines = []
    for step in found:
        for block, value in step.params.items():
            text = f"{block} {_flow(value)}"
            lines.append(f"{'params':<{_HEAD}}{_shortened(text)}")
    return list(dict.fromkeys(lines))


def _shortened(text: str) -> str:
    width = WIDTH - _HEAD
    return text if len(text) <= width else f"{text[: width - 2].rstrip()} …"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("...\n").strip()


def _commit(found: Explained) -> list[str]:
    other = [step.link for step in found.steps if not step.same_code]
    if not found.commit:
        return _said("commit", "unknown: the code that runs is in no git repository")
    if not other:
        return _said("commit", f"{found.commit}: its code is what every step above was made with")
    by_commit: dict[str, list[str]] = {}
    for link in other:
        by_commit.setdefault(found.earlier.get(link.file, ""), []).append(link.role)
    lines = [line for at, roles in by_commit.items() if at for line in _said("commit", f"{at}: {_listed(roles)}")]
    if lost := by_commit.get(""):
        how = "no commit that was looked through has it" if found.looked else "--commits 50 looks for it"
        lines += _said("commit", f"{_listed(lost)}: other code than this clone's ({found.commit[:_SHORT]}); {how}")
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _digests(link: Link) -> dict[str, str]:
    return {"sha256": link.sha256, "params": link.params, "code": link.code}


def _digest(digest: str) -> str:
    return digest[:_SHORT] or "–"


def _said(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{head:<{_HEAD}}" if len(head) < _HEAD else f"{head} ",
        subsequent_indent=" " * _HEAD,
        break_on_hyphens=False,
        break_long_words=False,
    )
