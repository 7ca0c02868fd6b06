"""Numbers that the paper states in sentences alone, beside the params of a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from tgvac.ledger.entries import plain
from tgvac.params import Params
from tgvac.report.paper import Paper

KEYS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("training_frame_steps", "steps"): ("frame.steps",),
    ("training_frame_steps", "batch"): ("frame.batch",),
    ("training_frame_steps", "pixels"): ("framing.size",),
    ("training_ddim", "steps"): ("diffusion.train_steps",),
    ("training_motion_steps", "steps"): ("motion.steps",),
    ("training_motion_steps", "batch"): ("motion.batch",),
    ("training_motion_steps", "frames"): ("sampler.clip_frames",),
    ("training_rate", "learning_rate"): ("frame.lr", "motion.lr"),
    ("inference_windows", "stride"): ("sampler.stride",),
    ("inference_windows", "frames"): ("sampler.clip_frames",),
    ("inference_sampler", "steps"): ("sampler.steps",),
    ("inference_sampler", "guidance"): ("sampler.guidance",),
}
"""The params that a stated number sets, by quote and number; others set none."""


@dataclass(frozen=True)
class Number:
    """One number of a sentence.

    Attributes:
        what, value: as ``paper.yaml`` has them.
        here: the params that it sets, each with its value at this scale.
        same: whether all of them have the paper's value.
    """

    what: str
    value: str
    here: Sequence[tuple[str, str]]
    same: bool


@dataclass(frozen=True)
class Stated:
    """A sentence with its numbers."""

    section: str
    quote: str
    numbers: Sequence[Number]


def statements(paper: Paper, params: Params) -> list[Stated]:
    """The sentences whose numbers are no cells of a table, in the paper's order."""
    return [
        Stated(quote.section, plain(quote.text), [_number(name, what, value, params) for what, value in numbers])
        for name, quote in paper.quotes.items()
        if (numbers := quote.numbers.items())
    ]


def _number(quote: str, what: str, value: float, params: Params) -> Number:
    here = {key: _value(params, key) for key in KEYS.get((quote, what), ())}
    said = [(key, f"{found:,g}") for key, found in here.items()]
    return Number(what.replace("_", " "), f"{value:,g}", said, all(found == value for found in here.values()))


def _value(params: Params, key: str) -> float:
    block: Any = params
    return float(reduce(getattr, key.split("."), block))
