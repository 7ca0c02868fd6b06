"""The one table of phases: what each reads, what decides it, which files it ends in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType
from typing import Any, Literal

from tgvac import config
from tgvac.code_digests import TREE, SourceTree, code_digest
from tgvac.config import Block
from tgvac.errors import BadInput
from tgvac.methods.registry import method_of
from tgvac.params import Params

Options = Mapping[str, str]
"""Method, variant and seed of a job."""
NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True)
class Phase:
    """One phase: a rule file, a folder below ``results/<scale>/``, a command ``tgvac stage <name>``.

    Attributes:
        module: its entry; ``run(ctx, **blocks)`` is called there.
        blocks: the params it reads, which decide its digest. A dotted name is a leaf of a block: the
            phase is given the block, but only that leaf decides. ``{…}`` stands for an option of the job.
        after: the phases whose output it reads. What a job reads for its method, the registry of methods says.
        final: the files it ends in, below its folder, which decide what follows. Small files all: they
            name larger ones by digest.
        reads: files of the project itself that it reads.
        here: files it makes that are true of this machine alone and decide nothing.
        lists: accounts of what it left out; they are shown to people, and nothing else is made from them.
        shows: the phases whose lists it reads.
        aside: blocks it is given that decide none of those files: they are for pictures along the way.
        shards: which number of shards it has, or None.
        part: the file of one shard, where there are shards.
        join: a module whose ``join(ctx, **joined)`` joins the shards; "" joins their indices.
        joined: the blocks that the joining is given, or leaves of them.
        without: modules that decide which jobs there are, but not what a job makes.
    """

    name: str
    module: str
    blocks: tuple[str, ...]
    after: tuple[str, ...]
    final: tuple[str, ...]
    shards: Literal["data", "evaluation"] | None = None
    part: str = ""
    here: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    join: str = ""
    joined: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Which of method, variant and seed its files name."""
        names = " ".join((*self.final, self.part))
        return tuple(w for w in ("method", "variant", "seed") if f"{{{w}}}" in names)

    @property
    def trains(self) -> bool:
        """Whether it trains networks, one job a variant and seed."""
        return self.wildcards == ("variant", "seed")

    @property
    def loads_method(self) -> bool:
        """Whether its jobs run a method of the registry."""
        return self.name == "completion"

    def modules(self, options: Options) -> tuple[str, ...]:
        """The entry modules that a job runs."""
        return (self.module, method_of(options["method"]).module) if self._has_method(options) else (self.module,)

    def code(self, options: Options, tree: SourceTree = TREE) -> str:
        """The digest of the code that decides a job."""
        return tree.digest(*self.modules(options), without=self.without)

    def blocks_of(self, options: Options) -> tuple[str, ...]:
        """The params that decide a job."""
        return (*self.blocks, *method_of(options["method"]).params) if self._has_method(options) else self.blocks

    def _has_method(self, options: Options) -> bool:
        return self.loads_method and bool(options.get("method"))


# Of the block `diffusion` every key decides training; how noise is taken away again is the block `sampler`.
_SAMPLES = ("samples", "sampler")
_PART = "shards/shard-{shard:03d}.json"
_RUN = "{variant}/seed{seed}/index.json"
_METHOD = "{method}/{variant}/seed{seed}/shard-{shard:03d}"

PHASES: tuple[Phase, ...] = (
    Phase(
        "sources",
        "tgvac.sources.sources_stage",
        ("sources",),
        (),
        ("manifest.json",),
        here=("locations.json",),
        lists=("rejected.csv",),
        reads=("reference/registry.csv", "reference/archives.csv"),
        aside=("fetch",),
    ),
    Phase(
        "tracks",
        "tgvac.sources.tracks_stage",
        ("tracks",),
        ("sources",),
        ("index.json",),
        "data",
        _PART,
        lists=("rejected.csv",),
        join="tgvac.sources.join_tracks",
        joined=("sources.faulty", "sources.max_faulty"),
    ),
    Phase(
        "masks",
        "tgvac.masks.masks_stage",
        ("masks", "compute.tf32"),
        ("tracks",),
        ("index.json", "quality.parquet"),
        "data",
        _PART,
        join="tgvac.masks.join_quality",
    ),
    Phase(
        "select",
        "tgvac.synthesis.select_stage",
        ("select",),
        ("tracks", "masks"),
        ("stretches.parquet", "tracks.parquet"),
    ),
    Phase(
        "synthesis",
        "tgvac.synthesis.synthesis_stage",
        ("synthesis",),
        ("tracks", "masks", "select"),
        ("recipes.parquet", "occlusion.parquet", "account.json"),
        "data",
        _PART,
        join="tgvac.synthesis.synthesis_stage",
        joined=("synthesis",),
    ),
    Phase(
        "captions",
        "tgvac.captions.captions_stage",
        ("captions", "compute.threads", "compute.tf32"),
        ("sources", "tracks", "masks", "select"),
        ("captions.parquet", "rejected.csv"),
        "data",
        _PART,
        join="tgvac.captions.captions_stage",
        joined=("captions",),
    ),
    Phase(
        "dataset",
        "tgvac.card.dataset_stage",
        ("dataset", "select", "metrics.hard_from"),
        ("sources", "tracks", "masks", "select", "synthesis", "captions"),
        ("index.json",),
        reads=("reference/paper.yaml", "reference/registry.csv", "reference/archives.csv"),
        shows=("sources", "tracks"),
    ),
    Phase(
        "backbones",
        "tgvac.backbones.backbones_stage",
        ("backbones", "framing", "diffusion", "checkpoints.log_every", "compute"),
        ("sources", "tracks", "masks", "synthesis", "captions"),
        ("index.json",),
        aside=_SAMPLES,
    ),
    Phase(
        "latents",
        "tgvac.latents.latents_stage",
        ("framing", "latents", "compute"),
        ("sources", "tracks", "masks", "synthesis", "captions", "backbones"),
        ("index.json",),
        "data",
        _PART,
    ),
    # Of `framing` and `latents` trainings read what the index of `latents` is the digest of: it decides, they do not.
    Phase(
        "frame",
        "tgvac.training.frame_stage",
        ("diffusion", "conditions", "variants.{variant}", "frame", "frame_model", "checkpoints.log_every", "compute"),
        ("sources", "tracks", "masks", "synthesis", "captions", "backbones", "latents"),
        (_RUN,),
        aside=(*_SAMPLES, "framing", "latents"),
    ),
    Phase(
        "motion",
        "tgvac.training.motion_stage",
        (
            "diffusion",
            "conditions",
            "variants.{variant}",
            "motion",
            "motion_module",
            "checkpoints.log_every",
            "compute",
        ),
        ("sources", "tracks", "masks", "synthesis", "captions", "backbones", "latents", "frame"),
        (_RUN,),
        aside=(*_SAMPLES, "framing", "latents"),
    ),
    Phase(
        "completion",
        "tgvac.completion.completion_stage",
        (
            "methods.{method}/{variant}",
            "evaluation.split",
            "evaluation.frames",
            "evaluation.per_video",
            "evaluation.long",
            "evaluation.mask_source",
            "evaluation.sample_seed",
        ),
        ("tracks", "masks", "synthesis", "captions"),
        (),
        "evaluation",
        _METHOD + ".json",
        # A job is digested with the code and params of its own method; entries of others are not its business.
        without=("tgvac.methods.registry",),
    ),
    Phase(
        "metrics",
        "tgvac.metrics.metrics_stage",
        ("framing", "metrics.lpips_net", "metrics.white_psnr_cap", "metrics.batch", "compute"),
        ("tracks", "masks", "synthesis", "backbones", "completion"),
        ("rows.parquet",),
        "evaluation",
        _METHOD + ".parquet",
        join="tgvac.metrics.join_rows",
        joined=("methods", "evaluation"),
    ),
    Phase(
        "report",
        "tgvac.report.report_stage",
        (
            *("report", "metrics.hard_from", "metrics.bootstrap", "metrics.confidence", "methods", "evaluation"),
            "frame_model.start",
        ),
        (
            *("sources", "tracks", "masks", "select", "synthesis", "captions", "backbones", "frame", "motion"),
            *("completion", "metrics"),
        ),
        ("index.json",),
        reads=("reference/paper.yaml", "reference/claims.yaml"),
        shows=("sources", "tracks"),
    ),
)


def phase(name: str) -> Phase:
    """A phase by name; an unknown name is answered with the nearest."""
    for candidate in PHASES:
        if candidate.name == name:
            return candidate
    raise BadInput(f"Phase '{name}' is unknown; {config.nearest(name, [p.name for p in PHASES])}")


def deciding_params(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> dict[str, Any]:
    """The canonical params that decide a phase's results, by block or leaf.

    Args:
        options: method and variant of a job; of a phase whose jobs differ in them, no options mean all of its jobs.
    """
    known = {k: v for k, v in options.items() if v}
    method = params.methods.get(f"{known.get('method')}/{known.get('variant')}")
    if method is not None:
        known["trained"] = method.trained
    return {name: _plain(_value(params, name, known)) for name in wanted.blocks_of(options)}


def _value(params: Params, name: str, known: Mapping[str, str]) -> Any:
    """What stands at a dotted name; where an option isn't known, all that lies below counts."""
    value: Any = params
    for part in name.split("."):
        if any(field is not None and field not in known for _, field, _, _ in Formatter().parse(part)):
            break
        key = part.format_map(known)
        # A name that isn't in the table decides nothing; the job itself refuses it.
        value = value.get(key) if isinstance(value, dict) else getattr(value, key)
    return value


def _plain(value: Any) -> Any:
    """Blocks as plain JSON values; keys of tables that are at their defaults don't count, so that new ones may come."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, Block) else value


def params_digest(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> str:
    """Of the params that decide a phase, or one of its jobs."""
    return config.digest(deciding_params(params, wanted, options))


def join_module(wanted: Phase) -> str:
    """The module that joins a phase's shards."""
    return wanted.join or "tgvac.shards"


def join_params_digest(params: Params, wanted: Phase) -> str:
    """Of the params that decide the joining of a phase's shards."""
    blocks = {name: _plain(_value(params, name, {})) for name in wanted.joined}
    return config.digest([blocks, shard_count(params, wanted)])


def phase_digest(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> str:
    """What decides a phase, or one of its jobs, besides its inputs: its params and its code."""
    return config.digest([params_digest(params, wanted, options), wanted.code(options)])


def join_digest(params: Params, wanted: Phase) -> str:
    """What decides the joining of a phase's shards, besides the shards."""
    return config.digest([join_params_digest(params, wanted), code_digest(join_module(wanted))])


def shard_count(params: Params, wanted: Phase) -> int:
    """How many shards a phase has at a scale; 1 without shards."""
    return getattr(params.shards, wanted.shards) if wanted.shards else 1


def block_names(names: tuple[str, ...]) -> Iterator[str]:
    """The blocks that dotted names lie in, each once."""
    yield from dict.fromkeys(name.split(".")[0] for name in names)
