"""Precision and recall of selection, for sources with ground truth (``sources/<source>/truth.zip``).

A frame is truly whole if it has the object, no pixel of the amodal mask is hidden, and none is on the frame's outermost
rows and columns. The lists ``occluded_frames``, ``cut_frames`` and ``absent_frames`` of ``truth.json`` have the other
frames, at the source's own resolution. Selection tries to take only whole frames (paper, 3.2), and sees only visible
masks. Recall is limited, because stretches that are too short are left out even if the object is whole.
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
    """The frames taken from a source against the frames that are truly whole, as counts of frames.

    Attributes:
        both: taken and whole.
        wrong: taken but not whole, by the first reason of absent, occluded, cut.
        missed: whole but not taken, by the rule that they break ("" for none).
        hidden: the hidden share of the amodal mask in each occluded frame that was taken, in (0, 1].
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
        """The share of taken frames that are truly whole; None if no frame was taken."""
        return self.both / self.taken if self.taken else None

    @property
    def recall(self) -> float | None:
        """The share of truly whole frames that were taken; None if no frame is whole."""
        return self.both / self.whole if self.whole else None


class _Truth:
    """The ground truth of a source."""

    def __init__(self, path: Path) -> None:
        self._path, self._store = path, Store(path)
        self._facts: dict[str, dict[str, dict[str, Any]]] = json.loads(self._store.read("truth.json"))

    def faults(self, judged: Judged) -> list[str]:
        """Why each frame of a track is not truly whole: absent, occluded, cut, or "" if it is."""
        try:
            facts = self._facts[judged.video][judged.object]
            found = {name: set(facts[f"{name}_frames"]) for name in _WRONG}
        except (KeyError, TypeError):
            raise BadInput(
                f"{self._path}: truth.json has no entry for '{judged.track}'; run `tgvac stage sources` again."
            ) from None
        return [next((name for name in _WRONG if i in found[name]), "") for i in range(len(judged.faults))]

    def hidden(self, judged: Judged, i: int) -> float:
        """The hidden share of the amodal mask of frame ``i``."""
        amodal_HW, visible_HW = (
            decode_mask(self._store.read(name), self._store.describe(name))
            for name in (f"{judged.video}/{judged.object}/{kind}/{i:05d}.png" for kind in ("amodal", "visible"))
        )
        return 1 - np.count_nonzero(visible_HW) / np.count_nonzero(amodal_HW)


def measure_agreement(ctx: Context, tracks: Iterable[Judged]) -> dict[tuple[str, str], Agreement]:
    """Agreement by what counts as taken (`BY_RULES`, `BY_STRETCH`) and source; sources without truth are left out."""
    truths: dict[str, _Truth | None] = {}
    found: dict[tuple[str, str], Agreement] = {}
    for judged in tracks:
        if judged.source not in truths:
            path = ctx.results / "sources" / judged.source / "truth.zip"
            truths[judged.source] = _Truth(path) if path.is_file() else None
        truth = truths[judged.source]
        if truth is None:
            continue
        true_faults = truth.faults(judged)
        # Both levels may need the same frame, and reading masks is slow: each is read once, and only if wrongly taken.
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
    """Precision and recall by source, by the rules alone, and after stretches and tracks were refused."""
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
        "A frame is truly whole if it has the object, no pixel of the amodal mask is hidden by anything, and none is on"
        " the frame's outermost rows or columns, at the source's own resolution. Precision is the share of taken frames"
        " that are truly whole; recall is the share of truly whole frames that were taken."
    )
    if not rows:
        lead = "No source of this scale has ground truth, so selection cannot be checked."
    return Table("truth", "Selection against the truth", columns, tuple(rows), lead)


def _share(value: float | None, otherwise: str) -> Cell:
    return Cell(f"{value:.3f}") if value is not None else missing(otherwise)


def _wrong(count: Agreement) -> str:
    parts = []
    for name, words in _WRONG.items():
        if count.wrong[name]:
            shares = ""
            if name == "occluded":
                middle, most = statistics.median(count.hidden), max(count.hidden)
                shares = f" (hidden: median {100 * middle:.2g} %, most {100 * most:.2g} %)"
            parts.append(f"{words} {count.wrong[name]:,}{shares}")
    return ", ".join(parts)


def _missed(count: Agreement) -> str:
    words = {**FAULTS, "": _NO_RULE}
    return ", ".join(f"{words[name]} {n:,}" for name, n in sorted(count.missed.items(), key=lambda e: (-e[1], e[0])))
