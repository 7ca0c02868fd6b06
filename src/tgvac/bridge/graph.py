"""What the Snakefile asks: which files a phase makes, and what decides it.

All declared files are small (indices, tables): they name larger ones by digest, so that Snakemake
compares contents and not dates, and identical bytes rerun nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from tgvac.baselines.completion_names import model_phase, seeds_of, trainings
from tgvac.bridge.tracked_outcome import outcome_file
from tgvac.config import digest, nearest
from tgvac.errors import BadInput
from tgvac.params import Params, load_params
from tgvac.phases import PHASES, join_digest, phase, phase_digest, shard_count
from tgvac.provenance import code_digest
from tgvac.sources.registry import read_registry

DEFAULT_SCALE = "tiny"
TAKING = ("shipped", "fit")
"""Origins of backbones that are taken from a folder of stand-ins."""
SCALE = "TGVAC_SCALE"
"""The environment's variable that names a scale where ``--config scale=`` does not."""
GIVEN = "TGVAC_GIVEN"
"""The environment's variable in which ``tgvac run`` hands over the user's footage: JSON, path by source."""


def check_given(given: Mapping[str, str], params: Params, scale: str) -> None:
    """Refuse footage that the scale would not look at, or that isn't there.

    Args:
        given: folders or archives by the name of their source.
    """
    used = (*params.sources.use, *params.sources.pairs)
    for name, path in given.items():
        if name not in used:
            raise BadInput(
                f"Scale '{scale}' does not use the source '{name}', but {', '.join(used)};"
                " take another scale, or name it in sources.use."
            )
        if not Path(path).expanduser().exists():
            raise BadInput(f"{path}, given as source '{name}', does not exist; give its right path.")


@dataclass(frozen=True)
class Graph:
    """One scale's graph; paths are relative to the project's folder, where Snakemake runs."""

    scale: str
    params: Params
    given: dict[str, str]
    registered: str = ""
    """The digest of the registry's rows that the scale uses."""

    @classmethod
    def load(cls, config: Mapping[str, Any], root: Path | None = None) -> Graph:
        """The graph that ``--config scale=S [source=PATH …]`` asks for.

        Raises:
            BadInput: when a config key is neither ``scale`` nor a source of the registry.
        """
        scale = str(config.get("scale") or os.environ.get(SCALE, DEFAULT_SCALE))
        given = {str(k): str(v) for k, v in config.items() if k != "scale"}
        return cls.of(scale, given | json.loads(os.environ.get(GIVEN, "{}")), root)

    @classmethod
    def of(cls, scale: str, given: Mapping[str, str], root: Path | None = None) -> Graph:
        """The graph of a scale on these folders or archives of the user's, and on no others; see :meth:`load`."""
        root = root or Path.cwd()
        registry = read_registry(root / "reference" / "registry.csv")
        for name in given:
            if name not in registry:
                hint = nearest(name, ["scale", *registry])
                raise BadInput(f"--config {name}=… is neither 'scale' nor a source; {hint}")
        params = load_params(root, scale)
        check_given(given, params, scale)
        rows = {n: asdict(registry[n]) for n in (*params.sources.use, *params.sources.pairs) if n in registry}
        return cls(scale, params, dict(given), digest(rows))

    def _file(self, name: str, file: str) -> str:
        return f"results/{self.scale}/{name}/{file}"

    def final(self, name: str) -> list[str]:
        """The files that a phase ends in; their wildcards stand open where a run has several."""
        return [self._file(name, f) for f in phase(name).final]

    def here(self, name: str) -> list[str]:
        """Files of a phase that are true of this machine alone."""
        return [self._file(name, f) for f in phase(name).here]

    def lists(self, name: str) -> list[str]:
        """A phase's accounts of what it left out, which decide nothing but what is shown."""
        return [self._file(name, f) for f in phase(name).lists]

    def reads(self, name: str) -> list[str]:
        """Files of the project itself that a phase reads."""
        return list(phase(name).reads)

    def part(self, name: str) -> str:
        """The file of one shard, its wildcards open."""
        return self._file(name, phase(name).part.replace("{shard:03d}", "{shard}"))

    def parts(self, name: str) -> list[str]:
        """The files of all shards; of phases with methods, of all evaluated ones."""
        wanted = phase(name)
        shards = range(shard_count(self.params, wanted))
        if "method" not in wanted.wildcards:
            return [self._file(name, wanted.part.format(shard=k)) for k in shards]
        out = []
        for method in self.params.evaluation.methods:
            head, _, tail = method.partition("/")
            for seed in seeds_of(method, self.params.evaluation.train_seeds, self.params.methods):
                out += [
                    self._file(name, wanted.part.format(shard=k, method=head, variant=tail, seed=seed)) for k in shards
                ]
        return out

    def digest(self, name: str) -> str | Callable[[Mapping[str, str]], str]:
        """What decides a phase besides its inputs; where its jobs differ in it, a function of their wildcards."""
        wanted = phase(name)
        if not wanted.wildcards:
            return phase_digest(self.params, wanted)
        return lambda wildcards: phase_digest(self.params, wanted, {w: str(wildcards[w]) for w in wanted.wildcards})

    def decided_by(self, module: str, *blocks: str) -> str:
        """The digest of a module's code and of blocks of params, for rules that are no phase."""
        return digest([code_digest(module), {b: getattr(self.params, b).model_dump(mode="json") for b in blocks}])

    @property
    def taken(self) -> str:
        """The scale that trains the stand-ins which this one takes; "" where it takes none, or those of the project."""
        backbones = self.params.backbones
        found = re.fullmatch(r"results/([^/]+)/standins", backbones.shipped)
        return found[1] if found and backbones.origin in TAKING else ""

    def taken_digest(self) -> str:
        """What decides those stand-ins, by code, params and sources; "" where there are none."""
        if not self.taken:
            return ""
        other = Graph.of(self.taken, {})
        training = takewhile(lambda wanted: wanted.name != "completion", PHASES)
        phases = [phase_digest(other.params, wanted) for wanted in training]
        return digest([*phases, other.registered, other.decided_by("tgvac.training.ship")])

    def join_digest(self, name: str) -> str:
        """What decides the joining of a phase's shards besides the shards."""
        return join_digest(self.params, phase(name))

    @property
    def threads(self) -> int:
        """Threads of jobs with networks: what torch is pinned to."""
        return self.params.compute.threads

    def log(self, name: str, tail: str = "all") -> str:
        return f"logs/{self.scale}/{name}/{tail}.log"

    def benchmark(self, name: str, tail: str = "all") -> str:
        return f"benchmarks/{self.scale}/{name}/{tail}.tsv"

    def benchmarks(self, name: str) -> list[str]:
        """The table of each job that Snakemake starts for a phase: its trainings, or its shards and their joining."""
        wanted, seeds = phase(name), self.params.evaluation.train_seeds
        if name in ("frame", "motion"):
            trained = trainings(self.params.evaluation.methods, name, self.params.methods)
            return [self.benchmark(name, f"{variant}-seed{seed}") for variant in trained for seed in seeds]
        if not wanted.shards:
            return [self.benchmark(name)]
        shards = [f"{k:03d}" for k in range(shard_count(self.params, wanted))]
        if "method" in wanted.wildcards:
            runs = (
                f"{method.replace('/', '-')}-seed{seed}"
                for method in self.params.evaluation.methods
                for seed in seeds_of(method, seeds, self.params.methods)
            )
            jobs = [self.benchmark(name, f"{run}-{k}") for run in runs for k in shards]
        else:
            jobs = [self.benchmark(name, f"shard-{k}") for k in shards]
        # Completion is not joined: each method's shards stand for themselves.
        return [*jobs, self.benchmark(name)] if wanted.final else jobs

    def model_index(self, wildcards: Any) -> list[str]:
        """The weights that a method needs, as inputs of its jobs."""
        return self.models(f"{wildcards.method}/{wildcards.variant}", str(wildcards.seed))

    def models(self, method: str, seed: str) -> list[str]:
        """The indices of the weights that a method uses."""
        needed = model_phase(method, self.params.methods)
        if needed is None:
            return []
        if needed == "backbones":
            return self.final("backbones")
        index = self._file(needed, f"{self.params.methods[method].trained}/seed{seed}/index.json")
        return [*self.final("backbones"), index]

    def inputs(self, name: str, shard: int | None, options: Mapping[str, str]) -> list[str]:
        """What one step of a phase reads, as the rules declare it; recorded in its provenance.

        Args:
            shard: None for a phase without shards, or for the joining of its shards.
            options: method, variant and seed.
        """
        wanted = phase(name)
        if wanted.shards and shard is None:
            return self.parts(name)
        out = []
        for before in wanted.after:
            if name == "completion" and before in ("backbones", "frame", "motion"):
                continue
            if before == "completion":
                one = self._file(before, phase(before).part.format(shard=shard, **options)) if wanted.shards else ""
                out += [one] if one else self.parts(before)
            elif before in ("frame", "motion"):
                out += self.runs(before) if name == "report" else [f.format(**options) for f in self.final(before)]
            else:
                out += self.final(before)
        out += [file for before in wanted.shows for file in self.lists(before)]
        if name == "backbones":
            out += self.shipped()
        if name == "completion":
            out += self.models(f"{options['method']}/{options['variant']}", options["seed"])
        return out

    def runs(self, name: str) -> list[str]:
        """The indices of all trained models of a phase that the evaluation uses."""
        evaluation = self.params.evaluation
        file = phase(name).final[0]
        return [
            self._file(name, file.format(variant=variant, seed=seed))
            for variant in trainings(evaluation.methods, name, self.params.methods)
            for seed in evaluation.train_seeds
        ]

    def shipped(self) -> list[str]:
        """The index of the stand-ins that the scale takes: the project's, or a copy of another scale's."""
        if self.params.backbones.origin not in TAKING:
            return []
        return [self._file("taken", "index.json") if self.taken else f"{self.params.backbones.shipped}/index.json"]

    def tracked(self) -> str:
        """The record of the step that shows the runs to a tracking server; nothing depends on it."""
        return outcome_file(self.scale)

    def at(self) -> str:
        """The sources that the user names, as options for the shell, quoted."""
        return " ".join(f"--at {shlex.quote(f'{name}={path}')}" for name, path in sorted(self.given.items()))

    def fingerprint(self) -> str:
        """What sends the phase `sources` to look again.

        The registry's rows in use, and names, sizes and dates of the files that the user gives.
        """
        found = hashlib.sha256(self.registered.encode())
        for name, given in sorted(self.given.items()):
            base = Path(given).expanduser()
            files = sorted(p for p in base.rglob("*") if p.is_file()) if base.is_dir() else [base]
            for path in files:
                if path.exists():
                    stat = path.stat()
                    found.update(f"{name}:{path.relative_to(base)}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
        return found.hexdigest()
