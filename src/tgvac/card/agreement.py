"""Precision and recall of selection, where a source knows the truth (``sources/<source>/truth.zip``).

A frame is truly whole when the object is in it, no pixel of its amodal mask is hidden, and none lies on the frame's
outermost rows and columns: the positions ``occluded_frames``, ``cut_frames`` and ``absent_frames`` of ``truth.json``
name the others, at the source's own resolution. Selection's aim is to take such frames alone (paper, 3.2); it sees
visible masks only. Recall is bounded: stretches shorter than asked for are left out however whole the object is.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tgvac.card.judged import Judged
from tgvac.clips.archive import Store
from tgvac.clips.images import decode_mask
from tgvac.errors import BadInput
from tgvac.report.table1 import FAULTS
from tgvac.report.tables import Cell, Column, Row, Table, missing
from tgvac.stage import Context

BY_RULES, BY_STRETCH = "Frames that break no rule", "Frames that were kept"
_NO_RULE = "no rule: in a refused track, or in no stretch long enough"
_WRONG = {"absent": "absent", "occluded": "occluded", "cut": "cut by the border"}


@dataclass
class Agreement:
    """What was taken of a source, against what is truly whole; counts are of frames.

    Attributes:
        both: taken and whole.
        wrong: taken and not whole, by what is wrong with them; the first of absent, occluded, cut.
        missed: whole and not taken, by the rule they break ("" for none).
        hidden: the share of the amodal mask that is hidden in each occluded frame that was taken, in (0, 1].
    """

    frames: int = 0
    whole: int = 0
    taken: int = 0
    both: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    hidden: list[float] = field(default_factory=list)

    @property
    def precision(self) -> float | None:
        """The share of what was taken that is truly whole; None where nothing was taken."""
        return self.both / self.taken if self.taken else None

    @property
    def recall(self) -> float | None:
        """The share of what is truly whole that was taken; None where nothing is whole."""
        return self.both / self.whole if self.whole else None


class _Known:
    """A source's truth."""

    def __init__(self, path: Path) -> None:
        self._path, self._store = path, Store(path)
        self._facts: dict[str, dict[str, dict[str, Any]]] = json.loads(self._store.read("truth.json"))

    def faults(self, judged: Judged) -> list[str]:
        """For each frame of a track what truly keeps it from being whole: absent, occluded, cut, or ""."""
        try:
            facts = self._facts[judged.video][judged.object]
            found = {name: set(facts[f"{name}_frames"]) for name in _WRONG}
        except (KeyError, TypeError):
            raise BadInput(
                f"{self._path}: truth.json says nothing of '{judged.track}'; run `tgvac stage sources` again."
            ) from None
        return [next((name for name in _WRONG if i in found[name]), "") for i in range(len(judged.faults))]

    def hidden(self, judged: Judged, i: int) -> float:
        """The share of the amodal mask of frame ``i`` that is not seen."""
        amodal_HW, visible_HW = (
            decode_mask(self._store.read(name), self._store.describe(name))
            for name in (f"{judged.video}/{judged.object}/{kind}/{i:05d}.png" for kind in ("amodal", "visible"))
        )
        return 1 - np.count_nonzero(visible_HW) / np.count_nonzero(amodal_HW)


def measure_agreement(ctx: Context, tracks: Iterable[Judged]) -> dict[tuple[str, str], Agreement]:
    """Agreement by what counts as taken (`BY_RULES`, `BY_STRETCH`) and source; sources without truth are in none."""
    known: dict[str, _Known | None] = {}
    found: dict[tuple[str, str], Agreement] = {}
    for judged in tracks:
        if judged.source not in known:
            path = ctx.results / "sources" / judged.source / "truth.zip"
            known[judged.source] = _Known(path) if path.is_file() else None
        truth = known[judged.source]
        if truth is None:
            continue
        true_faults = truth.faults(judged)
        # What is hidden of a frame is asked for twice at most, and pictures are read for wrongly taken frames alone.
        hidden: dict[int, float] = {}
        for level, taken in ((BY_RULES, tuple(not fault for fault in judged.faults)), (BY_STRETCH, judged.kept)):
            count = found.setdefault((level, judged.source), Agreement())
            for i, (wrong, took) in enumerate(zip(true_faults, taken, strict=True)):
                count.frames += 1
                count.whole += not wrong
                count.taken += took
                count.both += took and not wrong
                if took and wrong:
                    count.wrong[wrong] += 1
                    if wrong == "occluded":
                        hidden[i] = hidden[i] if i in hidden else truth.hidden(judged, i)
                        count.hidden.append(hidden[i])
                elif not took and not wrong:
                    count.missed[judged.faults[i]] += 1
    return found


def truth_table(found: Mapping[tuple[str, str], Agreement]) -> Table:
    """Precision and recall by source, by the rules alone and after stretches and tracks were refused."""
    rows = []
    for level in (BY_RULES, BY_STRETCH):
        for (of, source), count in sorted(found.items()):
            if of != level:
                continue
            cells = (
                Cell(source),
                *(Cell(f"{n:,}") for n in (count.frames, count.whole, count.taken)),
                _share(count.precision, "Nothing was taken."),
                _share(count.recall, "In no frame is an object whole."),
                Cell(_wrong(count)),
                Cell(_missed(count)),
            )
            rows.append(Row(cells, level))
    columns = (
        Column("Source", number=False),
        Column("Frames"),
        Column("Truly whole"),
        Column("Taken"),
        Column("Precision↑"),
        Column("Recall↑"),
        Column("Taken, but not whole", number=False, prose=True),
        Column("Whole, but not taken: the rule that refused", number=False, prose=True),
    )
    lead = (
        "A frame is truly whole when the object is in it, no pixel of its amodal mask is hidden by anything, and none"
        " lies on the frame's outermost rows or columns, at the source's own resolution. Precision is the share of"
        " taken frames that are truly whole, recall the share of truly whole frames that were taken."
    )
    if not rows:
        lead = "No source of this scale knows its truth, so what selection takes cannot be checked."
    return Table("truth", "Selection against the truth", columns, tuple(rows), lead)


def _share(value: float | None, otherwise: str) -> Cell:
    return Cell(f"{value:.3f}") if value is not None else missing(otherwise)


def _wrong(count: Agreement) -> str:
    said = []
    for name, words in _WRONG.items():
        if count.wrong[name]:
            much = ""
            if name == "occluded":
                middle, most = statistics.median(count.hidden), max(count.hidden)
                much = f" (hidden: median {100 * middle:.2g} %, most {100 * most:.2g} %)"
            said.append(f"{words} {count.wrong[name]:,}{much}")
    return ", ".join(said)


def _missed(count: Agreement) -> str:
    words = {**FAULTS, "": _NO_RULE}
    return ", ".join(f"{words[name]} {n:,}" for name, n in sorted(count.missed.items(), key=lambda e: (-e[1], e[0])))
