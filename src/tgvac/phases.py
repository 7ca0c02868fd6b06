"""The table of phases: what each reads, what decides it, which files it ends in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from tgvac import config
from tgvac.code_digests import code_digest
from tgvac.completion.given import given_of
from tgvac.config import Block
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.phase_spec import NO_OPTIONS, Options, Phase

# Of a training, these blocks decide only the sample images.
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
        lists=("rejected.csv", "account.csv"),
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
    # Trainings depend on `framing` and `latents` only through the index of the phase `latents`, which is an input.
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
        # A job's digest has the code and params of its own method, and must not change with those of other methods.
        without=("tgvac.methods.registry", "tgvac.completion.given"),
        loads_method=True,
    ),
    Phase(
        "metrics",
        "tgvac.metrics.metrics_stage",
        (
            *("framing", "metrics.lpips_net", "metrics.lpips_also", "metrics.views", "metrics.box_margin"),
            *("metrics.white_psnr_cap", "metrics.flow", "metrics.batch", "compute"),
        ),
        ("tracks", "masks", "synthesis", "captions", "backbones", "completion"),
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
            *("frame_model.start", "variants", "study.exclude", "sampler.steps"),
            # What a scale whose verdicts count has frozen.
            *("sources.use", "sources.pairs", "sources.world", "synthesis"),
        ),
        (
            *("sources", "tracks", "masks", "select", "synthesis", "captions", "backbones", "frame", "motion"),
            *("completion", "metrics"),
        ),
        ("index.json",),
        reads=("reference/paper.yaml", "reference/claims.yaml", "reference/figures.yaml", "reference/frozen.json"),
        shows=("sources", "tracks"),
    ),
)


def phase(name: str) -> Phase:
    """A phase by name.

    Raises:
        BadInput: for an unknown name, with the nearest one.
    """
    for candidate in PHASES:
        if candidate.name == name:
            return candidate
    raise BadInput(f"Phase '{name}' is unknown; {config.nearest(name, [p.name for p in PHASES])}")


def deciding_params(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> dict[str, Any]:
    """The canonical params that decide a phase's results, by block or leaf.

    Args:
        options: method and variant of a job. Without options, the params of all jobs of the phase.
    """
    found = known(params, options)
    return {name: _plain(_value(params, name, found)) for name in wanted.blocks_of(found)}


def known(params: Params, options: Options) -> Options:
    """A job's options, and what the params say of its method: the training that it loads, and what it is given."""
    found = {k: v for k, v in options.items() if v}
    method = params.methods.get(f"{found.get('method')}/{found.get('variant')}")
    return found if method is None else {**found, "trained": method.trained, "given": " ".join(given_of(method))}


def _value(params: Params, name: str, known: Mapping[str, str]) -> Any:
    """The value at a dotted name. Where an option isn't known, everything below it counts."""
    value: Any = params
    for part in name.split("."):
        if any(field is not None and field not in known for _, field, _, _ in Formatter().parse(part)):
            break
        key = part.format_map(known)
        # A name that isn't in the table decides nothing. The job itself refuses it.
        value = value.get(key) if isinstance(value, dict) else getattr(value, key)
    return value


def _plain(value: Any) -> Any:
    """Blocks as plain JSON values. Keys that are None are left out, so a new key of that default changes no digest."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Block) else value


def params_digest(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> str:
    """Digest of the params that decide a phase, or one of its jobs."""
    return config.digest(deciding_params(params, wanted, options))


def join_module(wanted: Phase) -> str:
    """The module that joins a phase's shards."""
    return wanted.join or "tgvac.shards"


def join_params_digest(params: Params, wanted: Phase) -> str:
    """Digest of the params that decide the joining of a phase's shards."""
    blocks = {name: _plain(_value(params, name, {})) for name in wanted.joined}
    return config.digest([blocks, shard_count(params, wanted)])


def phase_digest(params: Params, wanted: Phase, options: Options = NO_OPTIONS) -> str:
    """Digest of what decides a phase, or one of its jobs, besides its inputs: its params and its code."""
    return config.digest([params_digest(params, wanted, options), wanted.code(known(params, options))])


def join_digest(params: Params, wanted: Phase) -> str:
    """Digest of what decides the joining of a phase's shards, besides the shards."""
    return config.digest([join_params_digest(params, wanted), code_digest(join_module(wanted))])


def shard_count(params: Params, wanted: Phase) -> int:
    """Number of shards of a phase at a scale; 1 if it is not sharded."""
    return getattr(params.shards, wanted.shards) if wanted.shards else 1


def block_names(names: tuple[str, ...]) -> Iterator[str]:
    """The blocks that dotted names are in, each once."""
    yield from dict.fromkeys(name.split(".")[0] for name in names)
