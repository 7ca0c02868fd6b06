"""Which training settings fit a GPU: a ladder of choices for each stage, and the memory of each rung."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from tgvac.models.cost.kernels import Precision
from tgvac.models.cost.memory import Choices, Memory, Passes, memory_of, walked_peak
from tgvac.models.cost.networks import Networks
from tgvac.params import load_params
from tgvac.planning.plan import networks_of
from tgvac.planning.reference import Costs, load_costs
from tgvac.planning.tables import markdown
from tgvac.training.params import TrainingParams

GIB = 2**30
SMALL = (16, 24)
"""GiB of memory of common GPUs."""


@dataclass(frozen=True)
class Rung:
    """One row: a stage, the choices, and the memory they need."""

    stage: str
    what: str
    choices: Choices
    memory: Memory

    def fits(self, gib: float, overhead_gib: float) -> bool:
        """Whether it fits a GPU with ``gib`` GiB, of which ``overhead_gib`` is not for tensors."""
        return self.memory.sum <= (gib - overhead_gib) * GIB


def as_asked(block: TrainingParams) -> Choices:
    """The choices of a scale's params. A float16 number has as many bytes as a bfloat16 number."""
    precision: Precision = "float32" if block.precision == "float32" else "bfloat16"
    passes: Passes = "fused" if block.fused else "together"
    return Choices(block.batch, optimizer=block.optimizer, ema=block.ema > 0, precision=precision, passes=passes)


def ladder(asked: Choices) -> dict[str, Choices]:
    """Choices by name, each with a little less memory than the one before; the first are the scale's own."""
    batch = asked.batch
    plain = Choices(batch, passes=asked.passes)
    half = replace(plain, precision="bfloat16")
    parts = replace(half, accumulation=batch)
    again = replace(parts, checkpointing=True)
    return {
        "as the params say": asked,
        "float32, a sample at a time, checkpointing": replace(plain, accumulation=batch, checkpointing=True),
        "bfloat16": half,
        **({"+ a sample at a time": parts} if batch > 1 else {}),
        "+ gradient checkpointing": again,
        "+ 8-bit AdamW": replace(again, optimizer="adamw8bit"),
        "+ 8-bit AdamW, no average": replace(again, optimizer="adamw8bit", ema=False),
        "+ Adafactor": replace(again, optimizer="adafactor"),
        "+ Adafactor, no average": replace(again, optimizer="adafactor", ema=False),
    }


def rungs(networks: Networks, stage: str, block: TrainingParams, costs: Costs) -> Iterator[Rung]:
    """The ladder of a stage. Rungs that differ only in the optimizer share one count."""
    module: Any = networks.frame_unet if stage == "frame" else networks.video_unet
    beside = (networks.vae, networks.text_encoder)
    loss_of = partial(networks.noise_loss, stage, frames=block.clip_frames)
    state = costs.optimizers.model_dump()

    @cache
    def walked(alike: Choices) -> int:
        return walked_peak(module, loss_of, alike)

    def peaks(choices: Choices) -> int:
        return walked(replace(choices, optimizer="adamw", ema=True))

    for what, choices in ladder(as_asked(block)).items():
        yield Rung(stage, what, choices, memory_of(module, loss_of, choices, state, beside, peaks))


def memory_plan(root: Path, scale: str) -> list[Rung]:
    """The ladders of both stages of a scale."""
    params, costs = load_params(root, scale), load_costs(root)
    networks = networks_of(root, scale, params)
    out: list[Rung] = []
    for stage, block in (("frame", params.frame), ("motion", params.motion)):
        out += rungs(networks, stage, block, costs)
    return out


def memory_text(found: list[Rung], costs: Costs) -> str:
    """The ladders as a Markdown table, in GiB."""
    head = ["stage", "choices", "at once", "parameters", "gradients", "optimizer", "EMA", "activations", "sum"]
    rows = [[*head, *(f"{gib} GB" for gib in SMALL)]]
    for rung in found:
        held = rung.memory
        sizes = (held.parameters, held.gradients, held.optimizer, held.ema, held.activations, held.sum)
        fits = ["fits" if rung.fits(gib, costs.overhead_gib) else "no" for gib in SMALL]
        rows.append([rung.stage, rung.what, str(rung.choices.micro_batch), *(f"{s / GIB:.1f}" for s in sizes), *fits])
    return "\n".join(
        [
            markdown(rows),
            "",
            f"GiB of one GPU. A row with a + adds to the rows above it from bfloat16 on, except for optimizer and EMA."
            f" {costs.overhead_gib:g} GiB are reserved for what is not a tensor.",
        ]
    )


def memory_json(found: list[Rung], costs: Costs) -> list[dict[str, Any]]:
    """The ladders for machines; sizes in bytes."""
    return [
        {
            "stage": rung.stage,
            "what": rung.what,
            **vars(rung.choices),
            **{f"{name}_bytes": size for name, size in vars(rung.memory).items()},
            "sum_bytes": rung.memory.sum,
            "fits_gib": [gib for gib in SMALL if rung.fits(gib, costs.overhead_gib)],
        }
        for rung in found
    ]
