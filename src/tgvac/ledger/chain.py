"""From a number back to what made it: rows, shards, trained networks, frozen networks; by the records beside files.

Each file's record (``<file>.prov.json``) names the digests of the files that it was made from. A file whose digest is
another one than the next file's record says was made again after it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tgvac.files import sha256
from tgvac.ledger.findings import COUNTED, ROWS
from tgvac.methods.registry import trained_phases
from tgvac.provenance import provenance_of, read_record
from tgvac.report.scores import Scored

State = Literal["intact", "changed", "made again", "unrecorded", "missing"]
SAID: dict[State, str] = {
    "intact": "",
    "changed": "changed after its phase made it",
    "made again": "made again after the next step read it",
    "unrecorded": "without a record beside it",
    "missing": "missing",
}
"""A state in words, for a reader; nothing for a file that is as it should be."""


@dataclass(frozen=True)
class Link:
    """One file on the way to a number.

    Attributes:
        role: what it is, in a word or two.
        file: below ``results/<scale>/``.
        phase: that made it; "" without a record.
        params, code: digests of what decided it besides its inputs, SHA-256 in hex; "" without a record.
    """

    role: str
    file: str
    state: State
    sha256: str = ""
    phase: str = ""
    params: str = ""
    code: str = ""


class Chains:
    """The chains of a scale; each file is read once.

    Args:
        results: ``results/<scale>``.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._read = cache(self._found)

    def of_rows(self, of: Scored) -> list[Link]:
        """The files behind the rows of a method: all rows, its shards of rows and completions, and its networks."""
        shards = f"metrics/{of.name}/"
        links = _once(self._follow(ROWS, "all rows", "", {"rows": shards}))
        return sorted(links, key=lambda link: _ORDER.index(link.role))

    def of_counts(self) -> list[Link]:
        """The files that Table 1 is counted from."""
        return [self._link("counts", name, "")[0] for name in COUNTED]

    def _follow(self, file: str, role: str, wanted: str, inputs: dict[str, str]) -> Iterator[Link]:
        """A file, then those of its inputs that begin with certain letters, by role, and so on."""
        link, record = self._link(role, file, wanted)
        yield link
        for name, digest in record.get("inputs", {}).items():
            for role_of, begins in inputs.items():
                if name.startswith(begins):
                    yield from self._follow(name, role_of, digest, _INPUTS[role_of])

    def _link(self, role: str, file: str, wanted: str) -> tuple[Link, dict[str, Any]]:
        state, digest, record = self._read(file)
        if state == "intact" and wanted and digest != wanted:
            state = "made again"
        facts = {key: str(record.get(key, "")) for key in ("phase", "params", "code")}
        return Link(role, file, state, digest, **facts), record

    def _found(self, file: str) -> tuple[State, str, dict[str, Any]]:
        path = self._results / file
        if not path.is_file():
            return "missing", "", {}
        if not provenance_of(path).is_file():
            return "unrecorded", sha256(path), {}
        record = read_record(path)
        return ("changed", sha256(path), {}) if record is None else ("intact", record["output"]["sha256"], record)


_NETWORKS = {**{f"{phase} training": f"{phase}/" for phase in trained_phases()}, "frozen networks": "backbones/"}
_INPUTS: dict[str, dict[str, str]] = {
    "rows": {"completions": "completion/", "frozen networks": "backbones/"},
    # Pasted completions are made from another method's.
    "completions": {"completions": "completion/", **_NETWORKS},
    **{name: _NETWORKS for name in _NETWORKS if name != "frozen networks"},
    "frozen networks": {},
}
"""Which inputs of a file are followed, by its role: the first letters of their names, by their role."""
_LAST_FIRST = [f"{phase} training" for phase in reversed(trained_phases())]
_ORDER = ["all rows", "rows", "completions", *_LAST_FIRST, "frozen networks"]
"""The roles, from the number back to what was there first."""


def _once(links: Iterable[Link]) -> Iterable[Link]:
    """Each file once, where it first appears, or where it is not as it should be."""
    seen: dict[str, Link] = {}
    for link in links:
        if link.file not in seen or (seen[link.file].state == "intact" and link.state != "intact"):
            seen[link.file] = link
    return seen.values()


def grouped(links: Iterable[Link]) -> list[tuple[Link, int]]:
    """Links of one kind as their first one, with the number of the others.

    Of one kind are shards and seeds that do not differ but in their content: same role, state, params and code.
    """
    kinds: dict[tuple[str, ...], list[Link]] = {}
    for link in links:
        kind = (link.role, link.state, link.params, link.code) if link.role != "counts" else (link.file,)
        kinds.setdefault(kind, []).append(link)
    return [(same[0], len(same) - 1) for same in kinds.values()]
