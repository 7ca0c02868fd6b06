"""What the Snakefile asks for: the files that a phase makes, and what decides it.

All declared files are small (indices, tables) and name larger ones by digest. Snakemake then compares contents, not
dates, and identical bytes rerun nothing.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from tgvac.bridge.footage import GIVEN, check_given, fingerprint
from tgvac.bridge.jobs import Job
from tgvac.bridge.mlflow_outcome import outcome_file
from tgvac.clips.votes import votes_file
from tgvac.code_digests import code_digest
from tgvac.config import digest, nearest
from tgvac.errors import BadInput
from tgvac.fetch.registry import read_registry
from tgvac.methods.registry import method_of, network_files, seeds_of
from tgvac.params import Params, load_params
from tgvac.phase_spec import NO_OPTIONS, Options, Phase
from tgvac.phases import PHASES, join_digest, phase, phase_digest, shard_count
from tgvac.published.converted import check_converted

DEFAULT_SCALE = "tiny"
TAKING = ("shipped", "fit")
"""Origins of backbones that come from a folder of stand-ins."""
SCALE = "TGVAC_SCALE"
"""The environment variable that names the scale if ``--config scale=`` does not."""


@dataclass(frozen=True)
class Graph:
    """The graph of one scale. Paths are relative to the project's folder, where Snakemake runs."""

    scale: str
    params: Params
    given: dict[str, str]
    registered: str = ""
    """The digest of the registry's rows that the scale uses."""
    states: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """The state of folders of outputs, each found once."""
    votes: tuple[str, ...] = ()
    """The file of people's votes on the scale's completions, if there is one."""

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
        """The graph of a scale with only these folders or archives of the user; see :meth:`load`."""
        root = root or Path.cwd()
        registry = read_registry(root / "reference" / "registry.csv")
        for name in given:
            if name not in registry:
                hint = nearest(name, ["scale", *registry])
                raise BadInput(f"--config {name}=… is neither 'scale' nor a source; {hint}")
        params = load_params(root, scale)
        check_given(given, params, scale)
        names = (*params.sources.use, *params.sources.instead, *params.sources.pairs)
        rows = {n: asdict(registry[n]) for n in names if n in registry}
        votes = tuple(name for name in (votes_file(scale),) if (root / name).is_file())
        return cls(scale, params, dict(given), digest(rows), votes=votes)

    def _file(self, name: str, file: str) -> str:
        return f"results/{self.scale}/{name}/{file}"

    def final(self, name: str) -> list[str]:
        """The files that a phase ends in, with their wildcards if it has several jobs."""
        return [self._file(name, f) for f in phase(name).final]

    def here(self, name: str) -> list[str]:
        """Files of a phase that hold for this machine only."""
        return [self._file(name, f) for f in phase(name).here]

    def lists(self, name: str) -> list[str]:
        """A phase's lists of what it left out. They decide no result and are only shown."""
        return [self._file(name, f) for f in phase(name).lists]

    def reads(self, name: str) -> list[str]:
        """Files of the project itself that a phase reads."""
        return list(phase(name).reads)

    def part(self, name: str) -> str:
        """The file of one shard, with its wildcards."""
        return self._file(name, phase(name).part.replace("{shard:03d}", "{shard}"))

    def parts(self, name: str) -> list[str]:
        """The files of all shards, over all evaluated methods if the phase has methods."""
        wanted = phase(name)
        shards = range(shard_count(self.params, wanted))
        if "method" not in wanted.wildcards:
            return [self._file(name, wanted.part.format(shard=k)) for k in shards]
        out = []
        for method, seed in self.evaluated():
            head, _, tail = method.partition("/")
            out += [self._file(name, wanted.part.format(shard=k, method=head, variant=tail, seed=seed)) for k in shards]
        return out

    def all_parts(self, name: str) -> list[str]:
        """The files of all shards of a method, with the wildcards of the method."""
        count = shard_count(self.params, phase(name))
        return [self.part(name).replace("{shard}", f"{k:03d}") for k in range(count)]

    def light(self) -> str:
        """A pattern of methods all of whose samples take minutes, where ``<method>/<variant>/`` is in a file's name."""
        return f"(?=(?:{self._light_names()})/)[a-z0-9_]+"

    def heavy(self) -> str:
        """A pattern of all other methods."""
        return f"(?!(?:{self._light_names()})/)[a-z0-9_]+"

    def _light_names(self) -> str:
        # "(?!)" matches nothing.
        return "|".join(sorted(name for name in self.params.evaluation.methods if self.is_light(name))) or "(?!)"

    def is_light(self, method: str) -> bool:
        """Whether a method samples with no network that is trained, as those that paste another one's completions."""
        return not method_of(method).training_phases or self.params.methods[method].completions_of is not None

    def digest(self, name: str) -> str | Callable[[Mapping[str, str]], str]:
        """The digest of what decides a phase besides its inputs; a function of the wildcards if its jobs differ."""
        wanted = phase(name)
        if not wanted.wildcards:
            return phase_digest(self.params, wanted)
        return lambda wildcards: self._digest(wanted, {w: str(wildcards[w]) for w in wanted.wildcards})

    def _digest(self, wanted: Phase, options: Options) -> str:
        found = phase_digest(self.params, wanted, options)
        folder = self.outputs().get(f"{options.get('method')}/{options.get('variant')}")
        # So many files are no inputs of a rule; the job itself compares their content.
        return digest([found, self._state(folder)]) if folder and wanted.loads_method else found

    def _state(self, folder: str) -> str:
        if folder not in self.states:
            self.states[folder] = fingerprint("", {"outputs": folder})
        return self.states[folder]

    def outputs(self) -> dict[str, str]:
        """What evaluated methods read that no phase makes: folders of outputs, and indices of converted weights."""
        found: dict[str, str] = {}
        for name in self.params.evaluation.methods:
            method = self.params.methods[name]
            if method.outputs is not None:
                found[name] = method.outputs
            elif method.published is not None and method_of(name).published == "converted":
                found[name] = f"{method.published}/index.json"
        return found

    def check_outputs(self, root: Path) -> None:
        """Refuse a run that would find outputs or published weights missing or unfit after all trainings.

        Raises:
            BadInput: with the method and its folder.
        """
        for name, folder in self.outputs().items():
            if (published := self.params.methods[name].published) is not None:
                kind, size = name.partition("/")[0], self.params.framing.size
                check_converted(root / Path(published).expanduser(), kind, self.params.diffusion, size)
            elif not (root / Path(folder).expanduser()).is_dir():
                raise BadInput(f"methods.{name}.outputs is '{folder}', which is no folder; give the right path.")

    def decided_by(self, module: str, *blocks: str) -> str:
        """The digest of a module's code and of blocks of params, for rules that are no phase."""
        return digest([code_digest(module), {b: getattr(self.params, b).model_dump(mode="json") for b in blocks}])

    @property
    def taken(self) -> str:
        """The scale whose stand-ins this one takes; "" if it takes none, or those of the project."""
        backbones = self.params.backbones
        found = re.fullmatch(r"results/([^/]+)/standins", backbones.shipped)
        return found[1] if found and backbones.origin in TAKING else ""

    def taken_digest(self) -> str:
        """The digest of what decides those stand-ins: code, params and sources; "" if there are none."""
        if not self.taken:
            return ""
        other = Graph.of(self.taken, {})
        training = takewhile(lambda wanted: wanted.name != "completion", PHASES)
        phases = [phase_digest(other.params, wanted) for wanted in training]
        return digest([*phases, other.registered, other.decided_by("tgvac.release.shipping")])

    def join_digest(self, name: str) -> str:
        """The digest of what decides the joining of a phase's shards besides the shards."""
        return join_digest(self.params, phase(name))

    @property
    def threads(self) -> int:
        """Threads of jobs with networks; torch is set to as many."""
        return self.params.compute.threads

    def log(self, name: str, tail: str = "all") -> str:
        return f"logs/{self.scale}/{name}/{tail}.log"

    def benchmark(self, name: str, tail: str = "all") -> str:
        return f"benchmarks/{self.scale}/{name}/{tail}.tsv"

    def benchmarks(self, name: str) -> list[str]:
        """The benchmark file of each job of a phase that Snakemake runs: trainings, or shards and their joining."""
        wanted = phase(name)
        if wanted.trains:
            return [self.benchmark(name, f"{variant}-seed{seed}") for variant, seed in self.trained(name)]
        if not wanted.shards:
            return [self.benchmark(name)]
        shards = [f"{k:03d}" for k in range(shard_count(self.params, wanted))]
        if "method" in wanted.wildcards:
            jobs = [self.benchmark(name, job) for job in self._method_jobs(name, shards)]
        else:
            jobs = [self.benchmark(name, f"shard-{k}") for k in shards]
        # The shards of completion are not joined.
        return [*jobs, self.benchmark(name)] if wanted.final else jobs

    def _method_jobs(self, name: str, shards: list[str]) -> Iterator[str]:
        """The name of each job of a phase with methods: a method, or a shard of it."""
        for method, seed in self.evaluated():
            run = f"{method.replace('/', '-')}-seed{seed}"
            yield from [run] if name == "metrics" or self.is_light(method) else (f"{run}-{k}" for k in shards)

    def evaluated(self) -> list[tuple[str, int]]:
        """Every evaluated method with each of its training seeds."""
        evaluation, methods = self.params.evaluation, self.params.methods
        return [(name, seed) for name in evaluation.methods for seed in seeds_of(name, evaluation.train_seeds, methods)]

    def trained(self, name: str) -> list[tuple[str, int]]:
        """Every variant that a phase trains for the evaluated methods, with each training seed."""
        return self.params.trainings(name)

    def runs(self, name: str) -> list[str]:
        """The indices of all networks that a phase trains for the evaluated methods."""
        file = phase(name).final[0]
        return [self._file(name, file.format(variant=variant, seed=seed)) for variant, seed in self.trained(name)]

    def frame_start(self, wildcards: Any) -> list[str]:
        """The index of the frame model that a variant's own starts from, if this scale trains it."""
        return self._after({"variant": str(wildcards.variant), "seed": str(wildcards.seed)})

    def _after(self, options: Options) -> list[str]:
        variant = self.params.variants.get(options["variant"])
        before = variant and variant.after
        return [file.format(variant=before, seed=options["seed"]) for file in self.final("frame")] if before else []

    def method_inputs(self, wildcards: Any) -> list[str]:
        """What a job reads because of its method: the networks, or the completions that it pastes."""
        return self._of_method(f"{wildcards.method}/{wildcards.variant}", str(wildcards.seed), int(wildcards.shard))

    def method_inputs_of_all_shards(self, wildcards: Any) -> list[str]:
        """The same for a job that makes all shards of its method."""
        name, seed = f"{wildcards.method}/{wildcards.variant}", str(wildcards.seed)
        shards = range(shard_count(self.params, phase("completion")))
        return list(dict.fromkeys(file for k in shards for file in self._of_method(name, seed, k)))

    def _of_method(self, method: str, seed: str, shard: int | None) -> list[str]:
        raw = self.params.methods[method].completions_of if method in self.params.methods else None
        if raw is None:
            return self.networks(method, seed)
        head, _, tail = raw.partition("/")
        part = phase("completion").part.format(method=head, variant=tail, seed=seed, shard=shard)
        return [self._file("completion", part)]

    def networks(self, method: str, seed: str) -> list[str]:
        """The indices of the networks that a method loads."""
        return [f"results/{self.scale}/{file}" for file in network_files(method, self.params.methods, seed)]

    def jobs(self, name: str, options: Options, shard: int | None = None, merge: bool = False) -> Iterator[Job]:
        """The jobs of a phase: all of its shards and then their joining, or those asked for.

        Args:
            shard: make this shard only.
            merge: join the shards without making any.

        Raises:
            BadInput: when the phase has no such shard, or needs a method.
        """
        wanted = phase(name)
        count = shard_count(self.params, wanted)
        if shard is not None and (wanted.shards is None or not 0 <= shard < count):
            raise BadInput(f"Phase '{name}' has no shard {shard} at scale '{self.scale}'; it has {count}, from 0.")
        if "method" in wanted.wildcards and not options.get("method") and not merge:
            raise BadInput(f"Phase '{name}' needs a method; give --method, as in --method ours --variant full.")
        if wanted.shards is None or merge:
            yield self.job(name, options)
            return
        for k in range(count) if shard is None else (shard,):
            yield self.job(name, options, k)
        # The shards of methods are joined over all methods, by a rule of the workflow.
        if shard is None and wanted.final and "method" not in wanted.wildcards:
            yield self.job(name, options)

    def job(self, name: str, options: Options = NO_OPTIONS, shard: int | None = None) -> Job:
        """One job, with all files that it reads and makes."""
        wanted = phase(name)
        files = (*wanted.final, *wanted.lists) if shard is None else (wanted.part,)
        return Job(
            phase=wanted,
            scale=self.scale,
            params=self.params,
            options=options,
            shard=shard,
            inputs=tuple(self._inputs(wanted, shard, options)),
            outputs=tuple(self._file(name, file.format(**{**options, "shard": shard})) for file in files),
        )

    def _inputs(self, wanted: Phase, shard: int | None, options: Options) -> list[str]:
        """What a job reads, as the rules declare it."""
        if wanted.shards and shard is None:
            return self.parts(wanted.name)
        found = [file for before in wanted.after for file in self._ends(phase(before), wanted, shard, options)]
        found += [file for before in wanted.shows for file in self.lists(before)]
        found += self.reads(wanted.name)
        if wanted.name == "backbones":
            found += self.shipped()
        if wanted.name == "report":
            found += self.votes
        if wanted.name == "frame" and "variant" in options:
            found += self._after(options)
        if wanted.loads_method:
            found += self._of_method(f"{options['method']}/{options['variant']}", options["seed"], shard)
        return found

    def _ends(self, before: Phase, wanted: Phase, shard: int | None, options: Options) -> list[str]:
        """What a job reads of an earlier phase: files of its own variant, method and seed if it has them, else all."""
        if before.trains:
            own = wanted.trains
            return [file.format(**options) for file in self.final(before.name)] if own else self.runs(before.name)
        if "method" in before.wildcards and not before.final:
            own = "method" in wanted.wildcards
            return (
                [self._file(before.name, before.part.format(shard=shard, **options))]
                if own
                else self.parts(before.name)
            )
        return self.final(before.name)

    def shipped(self) -> list[str]:
        """The index of the stand-ins that the scale takes, of the project or copied from another scale."""
        if self.params.backbones.origin not in TAKING:
            return []
        return [self._file("taken", "index.json") if self.taken else f"{self.params.backbones.shipped}/index.json"]

    def ledger(self) -> str:
        """The page on which published numbers stand beside this scale's."""
        return self._file("ledger", "index.html")

    def ledger_digest(self) -> str:
        """The digest of what decides that page besides its inputs: what decides the report, and code of its own."""
        return digest([phase_digest(self.params, phase("report")), self.decided_by("tgvac.ledger.write")])

    def mlflow_outcome(self) -> str:
        """The record of the import into MLflow, on which nothing depends."""
        return outcome_file(self.scale)

    def at(self) -> str:
        """The user's footage as quoted shell options."""
        return " ".join(f"--at {shlex.quote(f'{name}={path}')}" for name, path in sorted(self.given.items()))

    def fingerprint(self) -> str:
        """What makes the phase `sources` run again: the registry's rows in use, and the state of the user's files."""
        return fingerprint(self.registered, self.given)
