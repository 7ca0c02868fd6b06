"""The figures that show completions (``reference/figures.yaml``), typed and strict: what each shows, and its rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from tgvac.completion.params import EvaluationParams
from tgvac.config import Record, parse, read_yaml
from tgvac.errors import BadInput
from tgvac.methods.registry import Methods, label_of
from tgvac.report.methods import BASELINES, HEADLINE, answer_to

Place = Literal["median", "best", "worst", "drawn"]
"""Of the samples of a class: a rank by LPIPS, or the first in an order drawn by name."""


class Wanted(Record):
    """One sample of a figure, by its class and its place there."""

    of: Literal["easy", "hard", "any"]
    place: Place


class Figure(Record):
    """A figure.

    Attributes:
        printed: the paper's sentence below it; "" for a figure of our own.
        methods: its rows: ``<method>/<variant>``, or a baseline of Table 2 by the first part of its name.
        beside: rows that the paper's figure does not have; they stand before the last of ``methods``.
        needs: methods without which it is not drawn.
        labels: names of rows that differ from those of the tables.
        clips: the short evaluated clips, or the long ones.
        natural: real footage is taken, if there is any.
        note: what else a reader has to know, in sentences.
        ranked_by: the method whose LPIPS ranks samples.
        shown: frames of the still picture.
        frames: of the video, at most.
    """

    title: str
    printed: str
    methods: tuple[str, ...] = Field(min_length=1)
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = (HEADLINE,)
    labels: dict[str, str] = Field(default_factory=dict)
    clips: Literal["short", "long"] = "short"
    natural: bool = False
    note: str = ""
    ranked_by: str = HEADLINE
    samples: tuple[Wanted, ...] = Field(min_length=1, max_length=26)
    shown: int = Field(default=6, ge=1)
    frames: int = Field(default=42, ge=1)

    @property
    def wanted(self) -> tuple[str, ...]:
        """All rows in order."""
        return (*self.methods[:-1], *self.beside, self.methods[-1])

    def label(self, method: str) -> str:
        """What a row is called."""
        return self.labels.get(method, label_of(method))

    def rows(self, evaluation: EvaluationParams, methods: Methods) -> tuple[dict[str, str], tuple[str, ...]]:
        """The rows that a scale has, as ``<method>/<variant>`` by what was wanted, and what it lacks.

        The order of ``evaluation.methods`` decides nothing.
        """
        has = sorted(name for name in evaluation.methods if methods[name].clips == self.clips)
        found: dict[str, str] = {}
        for wanted in self.wanted:
            name = answer_to(f"table2.{wanted}", has) if wanted in BASELINES else wanted
            if name in has:
                found[wanted] = name
        return found, tuple(wanted for wanted in self.wanted if wanted not in found)


class _File(Record):
    format: Literal[1]
    figures: dict[str, Figure]


def load_figures(path: Path) -> Mapping[str, Figure]:
    """Read and check ``figures.yaml``, in its order.

    Raises:
        BadInput: an unknown or missing key, a row that is there twice, or a need that is no row.
    """
    figures = parse(_File, read_yaml(path), str(path)).figures
    for name, figure in figures.items():
        if not name.isalnum():
            raise BadInput(f"{path} has a figure '{name}', which is no name of a file; give it letters and digits.")
        twice = [row for row in figure.wanted if figure.wanted.count(row) > 1]
        lost = [row for row in (*figure.needs, *figure.labels) if row not in figure.wanted]
        if twice or lost:
            what = f"'{twice[0]}' is there twice" if twice else f"'{lost[0]}' is needed or named, but is no row"
            raise BadInput(f"{path}: in {name}, {what}; correct its methods.")
    return figures
