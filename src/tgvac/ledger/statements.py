"""Numbers that the paper states in sentences alone, beside the params of a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from tgvac.ledger.entries import plain
from tgvac.params import Params
from tgvac.report.paper import Paper

KEYS: Mapping[tuple[str, str], str] = {
    ("training_frame_steps", "steps"): "frame.steps",
    ("training_frame_steps", "batch"): "frame.batch",
    ("training_frame_steps", "pixels"): "framing.size",
    ("training_ddim", "steps"): "diffusion.train_steps",
    ("training_motion_steps", "steps"): "motion.steps",
    ("training_motion_steps", "batch"): "motion.batch",
    ("training_motion_steps", "frames"): "sampler.clip_frames",
    ("training_rate", "learning_rate"): "frame.lr",
    ("inference_windows", "stride"): "sampler.stride",
    ("inference_windows", "frames"): "sampler.clip_frames",
    ("inference_sampler", "steps"): "sampler.steps",
    ("inference_sampler", "guidance"): "sampler.guidance",
}
"""The param that a stated number sets, by quote and number; others have none."""


@dataclass(frozen=True)
class Stated:
    """One number of a sentence.

    Attributes:
        what, value: as ``paper.yaml`` has them.
        key: the param that it sets, or "".
        here: the param's value at this scale, or "".
        same: whether the scale has the paper's value; True where no param corresponds.
    """

    section: str
    quote: str
    what: str
    value: str
    key: str
    here: str
    same: bool


def statements(paper: Paper, params: Params) -> list[Stated]:
    """All numbers of sentences that are no cell of a table, in the paper's order."""
    found = []
    for name, quote in paper.quotes.items():
        for what, value in quote.numbers.items():
            key = KEYS.get((name, what), "")
            here: float | None = _value(params, key) if key else None
            same = here is None or here == value
            said = "" if here is None else f"{here:,g}"
            found.append(
                Stated(quote.section, plain(quote.text), what.replace("_", " "), f"{value:,g}", key, said, same)
            )
    return found


def _value(params: Params, key: str) -> float:
    block: Any = params
    return float(reduce(getattr, key.split("."), block))
