"""The text of ``tgvac explain``: the number first, below it the files, params and the commit that it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import yaml

from tgvac.ledger.chain import SAID, Link, grouped
from tgvac.ledger.entry import Entry
from tgvac.ledger.explain import Explained
from tgvac.ledger.findings import ROWS
from tgvac.ledger.present import Step

WIDTH = 110
_HEAD = 17
"""Width of the text, and of the words at its left."""
_SHORT = 12
"""Letters of a digest, in text."""


def to_text(found: Explained) -> str:
    """An explained cell for a terminal."""
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
        for each in claim.comparisons:
            decided = f"{each.difference} {each.verdict}" if each.difference else ""
            lines += _said("", f"{each.what}: {'. '.join(filter(None, (decided, each.why)))}")
    if entry.chain:
        lines += ["", *_chain(found)]
    if entry.command:
        lines += ["", *_said("run" if entry.why else "again", entry.command)]
    if entry.rows_command:
        lines += _said("its rows alone", entry.rows_command)
    return "\n".join(lines)


def _values(entry: Entry) -> list[str]:
    return [f"section {quote.section} says {quote.value:g}" for quote in entry.quotes]


def _here(found: Explained) -> list[str]:
    entry = found.entry
    if entry.why:
        return _said("here", f"not measured. {entry.why}")
    number = " ".join(filter(None, (entry.here, entry.interval)))
    lines = _said("here", f"{number} at scale {found.scale}, by {entry.label}")
    if entry.behind:
        lines += _said("", entry.behind)
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
    lines: list[str] = []
    for link, more in grouped(found.entry.chain):
        about = f"results/{found.scale}/{link.file}" + (f" and {more} more" if more else "")
        if link.file == ROWS:
            about += f" ({found.kept:,} of {found.among:,} rows)"
        lines += _said(link.role, f"{about}{', ' + SAID[link.state] if SAID[link.state] else ''}")
        if link.sha256:
            lines += _said(
                "", f"sha256 {link.sha256[:_SHORT]}  params {_digest(link.params)}  code {_digest(link.code)}"
            )
    lines += _params([step for step in found.steps if step.params])
    other = [step.link.role for step in found.steps if not step.same_params]
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
