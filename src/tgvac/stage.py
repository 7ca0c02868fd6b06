"""What a running stage is given: its folders, digest, shard and device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.shards import Entry, Ledger


@dataclass(frozen=True)
class Portions:
    """How a training is divided among processes and within one. It decides speed and memory, no result.

    Attributes:
        processes: how many share each step's batch.
        rank: the number of this one; the first one writes the results.
        micro_batch: samples that a process computes at once; 0: its whole share.
        checkpointing: whether activations are computed again instead of kept.
    """

    processes: int = 1
    rank: int = 0
    micro_batch: int = 0
    checkpointing: bool = False


@dataclass(frozen=True)
class Context:
    """Passed to every stage function.

    Attributes:
        root: the project's folder (with ``params.yaml``).
        scale: the name of the scale.
        phase: the name of the phase.
        digest: of the phase's canonical params and of its code; part of every item's key.
        shard: which shard to make; None for a phase that is not sharded, or for its merging step.
        shards: how many shards the phase has.
        device: a torch device name.
        locations: folders or archives the user gives in place of a registry's location, by source name.
        options: further wildcards of the rule (method, variant, seed).
        folder: where the phase writes; "": the folder of its name.
        portions: how a training is divided.
        params, code: the two parts of ``digest``; "" if they are not needed.
        resume_from: checkpoints of a run of other code, from which a training resumes.
    """

    root: Path
    scale: str
    phase: str
    digest: str
    shard: int | None = None
    shards: int = 1
    device: str = "cpu"
    locations: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    portions: Portions = field(default_factory=Portions)
    params: str = ""
    code: str = ""
    resume_from: Path | None = None

    @property
    def results(self) -> Path:
        return self.root / "results" / self.scale

    @property
    def out(self) -> Path:
        """The phase's own folder."""
        return self.results / (self.folder or self.phase)

    @property
    def scratch(self) -> Path:
        """Where the resumable state of this phase is, outside declared outputs."""
        return self.root / "scratch" / self.scale / self.phase

    def shard_index(self, shard: int | None = None) -> Path:
        """The index of one shard."""
        number = self.shard if shard is None else shard
        return self.out / "shards" / f"shard-{number:03d}.json"

    @property
    def label(self) -> str:
        return self.phase if self.shard is None else f"{self.phase} shard {self.shard + 1}/{self.shards}"

    def ledger(self) -> Ledger:
        return Ledger(self.scratch / "done", self.out)

    def upstream(self, phase: str, entry: Entry) -> Path:
        """The file of another phase's entry; it exists and has the recorded size.

        Raises:
            BadInput: when it is missing or has another size.
        """
        path = self.results / phase / entry.file
        if not path.is_file() or path.stat().st_size != entry.bytes:
            raise BadInput(
                f"{path} is missing or incomplete; run `tgvac stage {phase} --scale {self.scale}` to make it again."
            )
        return path
