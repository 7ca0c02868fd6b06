"""Parameters of how a training is saved, logged and watched; they decide no result."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class CheckpointParams(Block):
    """How often training is saved, which decides no result, and logged, which decides ``events.jsonl``.

    ``every``: steps between two checkpoints; ``seconds``: the longest that a training goes without one, 0: any time.
    """

    every: int = Field(ge=1)
    seconds: float = Field(ge=0)
    keep: int = Field(ge=1)
    log_every: int = Field(ge=1)


class SamplesParams(Block):
    """Pictures along a training: they are looked at, and decide nothing.

    ``every``: steps between them, 0 for none; ``pictures``: tiles in a row; ``sampling_steps`` and ``guidance`` as in
    the blocks ``diffusion`` and ``sampler``, whose values are not taken, so that changing those trains nothing anew.
    """

    every: int = Field(ge=0)
    pictures: int = Field(ge=1)
    sampling_steps: int = Field(ge=1)
    guidance: float = Field(ge=0)
