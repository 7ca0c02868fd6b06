"""One job of the graph, resolved once: what it reads, what it makes, what decides it. Then it is run and recorded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac import config, provenance
from tgvac.code_digests import code_digest
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.phases import (
    Options,
    Phase,
    block_names,
    join_module,
    join_params_digest,
    params_digest,
)
from tgvac.shards import merge_indices
from tgvac.stage import Context


@dataclass(frozen=True)
class Job:
    """A phase without shards, one of its shards, or the joining of its shards.

    Attributes:
        options: method, variant and seed.
        shard: None for a phase without shards, and for the joining.
        inputs: the files that it reads, relative to the project's folder, as the rules declare them.
        outputs: the files that it ends in, likewise.
    """

    phase: Phase
    scale: str
    params: Params
    options: Options
    shard: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def joins(self) -> bool:
        return self.phase.shards is not None and self.shard is None

    @property
    def name(self) -> str:
        """By which its lock and its messages call it."""
        part = "all" if self.shard is None else f"{self.shard:03d}"
        return "-".join([self.phase.name, *(self.options[w] for w in self.phase.wildcards if w in self.options), part])

    @property
    def params_digest(self) -> str:
        """Of the params that decide it."""
        if self.joins:
            return join_params_digest(self.params, self.phase)
        return params_digest(self.params, self.phase, self.options)

    @property
    def code_digest(self) -> str:
        """Of the code that decides it."""
        return code_digest(join_module(self.phase)) if self.joins else self.phase.code(self.options)

    @property
    def digest(self) -> str:
        """What decides it besides its inputs."""
        return config.digest([self.params_digest, self.code_digest])

    def check_inputs(self, root: Path) -> None:
        """Refuse what was cut short or changed since its phase made it, even where this job has nothing left to do.

        Raises:
            BadInput: with the file.
        """
        for name in self.inputs:
            path = root / name
            # A file without a record was not made by a phase.
            recorded = path.is_file() and provenance.provenance_of(path).is_file()
            if recorded and provenance.read_record(path) is None:
                maker = path.relative_to(root / "results" / self.scale).parts[0]
                raise BadInput(
                    f"{path} is not what its phase made, by the record in {path.name}.prov.json; delete it, and make it"
                    f" again by `tgvac run --scale {self.scale} --target {maker}`."
                )

    def run(self, ctx: Context) -> Mapping[str, Any]:
        """Do it; imports the phase's code, which may take seconds.

        Returns:
            what its provenance says besides digests.
        """
        params = self.params
        if self.joins:
            if not self.phase.join:
                merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
                return {}
            joined = {name: getattr(params, name) for name in block_names(self.phase.joined)}
            importlib.import_module(self.phase.join).join(ctx, **joined)
            return {}
        names = block_names((*self.phase.blocks_of(self.options), *self.phase.aside))
        blocks = {name: getattr(params, name) for name in names}
        return importlib.import_module(self.phase.module).run(ctx, **blocks) or {}

    def record(self, root: Path, facts: Mapping[str, Any]) -> None:
        """Write the provenance beside each file that it ends in.

        Args:
            facts: what it says besides digests.
        """
        # Inputs are named without their scale, so that the same result has the same provenance at another scale.
        inputs = {name.removeprefix(f"results/{self.scale}/"): root / name for name in self.inputs}
        for name in self.outputs:
            provenance.write_provenance(
                root / name, self.phase.name, self.params_digest, self.code_digest, inputs, facts
            )
