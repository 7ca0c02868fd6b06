"""A job of the graph: what it reads, what it makes, what decides it, how it is run and recorded."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac import config, provenance
from tgvac.code_digests import TREE, SourceTree
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.phase_spec import Options, Phase
from tgvac.phases import block_names, join_module, join_params_digest, known, params_digest
from tgvac.shards import merge_indices
from tgvac.stage import Context


@dataclass(frozen=True)
class Job:
    """A phase without shards, one of its shards, or the joining of its shards.

    Attributes:
        options: method, variant and seed.
        shard: None for a phase without shards and for the joining.
        inputs: the files that it reads, relative to the project's folder, as the rules declare them.
        outputs: the files that it ends in, likewise relative.
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
        """The name of the job in its lock file."""
        part = "all" if self.shard is None else f"{self.shard:03d}"
        return "-".join([self.phase.name, *(self.options[w] for w in self.phase.wildcards if w in self.options), part])

    @property
    def params_digest(self) -> str:
        """The digest of the params that decide the job."""
        if self.joins:
            return join_params_digest(self.params, self.phase)
        return params_digest(self.params, self.phase, self.options)

    @property
    def code_digest(self) -> str:
        """The digest of the code that decides the job."""
        return self.code_in(TREE)

    def code_in(self, tree: SourceTree) -> str:
        """The digest of that code in a tree of sources, such as those of another commit."""
        if self.joins:
            return tree.digest(join_module(self.phase))
        return self.phase.code(known(self.params, self.options), tree)

    @property
    def digest(self) -> str:
        """The digest of what decides the job besides its inputs."""
        return config.digest([self.params_digest, self.code_digest])

    def check_inputs(self, root: Path) -> None:
        """Refuse inputs that were truncated or changed after their phase made them.

        Raises:
            BadInput: with the file.
        """
        for name in self.inputs:
            path = root / name
            # Only phases write records; files of the project have none.
            recorded = path.is_file() and provenance.provenance_of(path).is_file()
            if recorded and provenance.read_record(path) is None:
                maker = path.relative_to(root / "results" / self.scale).parts[0]
                raise BadInput(
                    f"{path} differs from what its phase made, according to {path.name}.prov.json; delete it, and make"
                    f" it again by `tgvac run --scale {self.scale} --target {maker}`."
                )

    def run(self, ctx: Context) -> Mapping[str, Any]:
        """Run the job. Imports the phase's code, which may take seconds.

        Returns:
            further facts for the provenance.
        """
        params = self.params
        if self.joins:
            if not self.phase.join:
                merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
                return {}
            joined = {name: getattr(params, name) for name in block_names(self.phase.joined)}
            importlib.import_module(self.phase.join).join(ctx, **joined)
            return {}
        names = block_names((*self.phase.blocks_of(known(self.params, self.options)), *self.phase.aside))
        blocks = {name: getattr(params, name) for name in names}
        return importlib.import_module(self.phase.module).run(ctx, **blocks) or {}

    def record(self, root: Path, facts: Mapping[str, Any]) -> None:
        """Write the provenance beside each output.

        Args:
            facts: further keys of the provenance.
        """
        # Without the scale in the names of inputs, the same result has the same provenance at another scale.
        inputs = {name.removeprefix(f"results/{self.scale}/"): root / name for name in self.inputs}
        for name in self.outputs:
            provenance.write_provenance(
                root / name, self.phase.name, self.params_digest, self.code_digest, inputs, facts
            )
