"""Which settings fit a GPU: a ladder of choices for either stage, each rung with its bytes."""

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
"""GiB of the GPUs that people have at hand."""


@dataclass(frozen=True)
class Rung:
    """One row: a stage, what is chosen, what it needs."""

    stage: str
    what: str
    choices: Choices
    memory: Memory

    def fits(self, gib: float, overhead_gib: float) -> bool:
        """Whether it fits a GPU of so much memory, of which some is no tensor of ours."""
        return self.memory.sum <= (gib - overhead_gib) * GIB


def as_asked(block: TrainingParams) -> Choices:
    """What a scale's params choose; float16 takes as many bytes as bfloat16."""
    precision: Precision = "float32" if block.precision == "float32" else "bfloat16"
    passes: Passes = "fused" if block.fused else "together"
    return Choices(block.batch, optimizer=block.optimizer, ema=block.ema > 0, precision=precision, passes=passes)


def ladder(asked: Choices) -> dict[str, Choices]:
    """Choices, each rung a little smaller than the one before; the first is the scale's own."""
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
    """The ladder of a stage; what differs in the optimizer alone is walked once."""
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
            f"GiB of one GPU. A row with a + has what stands above it from bfloat16 on, but the optimizer's and EMA."
            f" {costs.overhead_gib:g} GiB are left to what is no tensor.",
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
