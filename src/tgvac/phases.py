"""The roof: the one table of phases, and what decides each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType
from typing import Any, Literal

from tgvac import config, provenance
from tgvac.config import Block
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.shards import merge_indices
from tgvac.stage import Context


@dataclass(frozen=True)
class Phase:
    """One phase: a rule file, a folder below ``results/<scale>/``, a command ``tgvac stage <name>``.

    Attributes:
        module: its entry; ``run(ctx, **blocks)`` is called there.
        blocks: the params it reads, which decide its digest. A dotted name is a leaf of a block: the
            phase is given the block, but only that leaf decides. ``{…}`` stands for an option of the job.
        after: the phases whose output it reads.
        final: the files it ends in, below its folder, which decide what follows. Small files all: they
            name larger ones by digest.
        reads: files of the project itself that it reads.
        here: files it makes that are true of this machine alone and decide nothing.
        lists: accounts it makes, of which nothing but what is shown to people is made.
        shows: the phases whose lists it reads.
        aside: blocks it is given that decide none of those files: what is only looked at along the way.
        shards: which number of shards it has, or None.
        part: the file of one shard, where there are shards.
        join: a module whose ``join(ctx, **joined)`` joins the shards; "" joins their indices.
        joined: the blocks that the joining is given, or leaves of them.
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

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Which of method, variant and seed its files name."""
        names = " ".join((*self.final, self.part))
        return tuple(w for w in ("method", "variant", "seed") if f"{{{w}}}" in names)


# Of the block `diffusion` what decides training; the rest decides how noise is taken away again.
_NOISE = (
    "diffusion.train_steps",
    "diffusion.beta_schedule",
    "diffusion.beta_start",
    "diffusion.beta_end",
    "diffusion.zero_terminal_snr",
    "diffusion.prediction",
)
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
        "tgvac.training.backbones_stage",
        ("backbones", "framing", *_NOISE, "diffusion.timestep_spacing", "checkpoints.log_every", "compute"),
        ("sources", "tracks", "masks", "synthesis", "captions"),
        ("index.json",),
        aside=("samples",),
    ),
    Phase(
        "latents",
        "tgvac.training.latents_stage",
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
        (*_NOISE, "conditions", "variants.{variant}", "frame", "frame_model", "checkpoints.log_every", "compute"),
        ("sources", "tracks", "masks", "synthesis", "captions", "backbones", "latents"),
        (_RUN,),
        aside=("samples", "framing", "latents"),
    ),
    Phase(
        "motion",
        "tgvac.training.motion_stage",
        (
            *_NOISE,
            "conditions",
            "variants.{variant}",
            "motion",
            "motion_module",
            "checkpoints.log_every",
            "compute",
        ),
        ("sources", "tracks", "masks", "synthesis", "captions", "backbones", "latents", "frame"),
        (_RUN,),
        aside=("samples", "framing", "latents"),
    ),
    Phase(
        "completion",
        "tgvac.baselines.completion_stage",
        (
            "framing",
            "diffusion",
            "conditions",
            "variants.{trained}",
            "motion_module",
            "sampler",
            "completion",
            "methods.{method}/{variant}",
            "floors",
            "evaluation.split",
            "evaluation.frames",
            "evaluation.per_video",
            "evaluation.long",
            "evaluation.mask_source",
            "evaluation.sample_seed",
            "compute",
        ),
        ("tracks", "masks", "synthesis", "captions", "backbones", "frame", "motion"),
        (),
        "evaluation",
        _METHOD + ".json",
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


def deciding_params(params: Params, wanted: Phase, options: Mapping[str, str]) -> dict[str, Any]:
    """The canonical params that decide a phase's results, by block or leaf.

    Args:
        options: method and variant of a job; of a phase whose jobs differ in them, no options mean all of its jobs.
    """
    known = {k: v for k, v in options.items() if v}
    method = params.methods.get(f"{known.get('method')}/{known.get('variant')}")
    if method is not None:
        known["trained"] = method.trained
    return {name: _plain(_value(params, name, known)) for name in wanted.blocks}


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
    """Blocks as plain JSON values."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.model_dump(mode="json") if isinstance(value, Block) else value


def params_digest(params: Params, wanted: Phase, options: Mapping[str, str] = MappingProxyType({})) -> str:
    """Of the params that decide a phase, or one of its jobs."""
    return config.digest(deciding_params(params, wanted, options))


def phase_digest(params: Params, wanted: Phase, options: Mapping[str, str] = MappingProxyType({})) -> str:
    """What decides a phase, or one of its jobs, besides its inputs: its params and its code."""
    return config.digest([params_digest(params, wanted, options), provenance.code_digest(wanted.module)])


def shard_count(params: Params, wanted: Phase) -> int:
    return getattr(params.shards, wanted.shards) if wanted.shards else 1


def join_module(wanted: Phase) -> str:
    """The module that joins a phase's shards."""
    return wanted.join or "tgvac.shards"


def join_params_digest(params: Params, wanted: Phase) -> str:
    """Of the params that decide the joining of a phase's shards."""
    blocks = {name: _plain(_value(params, name, {})) for name in wanted.joined}
    return config.digest([blocks, shard_count(params, wanted)])


def join_digest(params: Params, wanted: Phase) -> str:
    """What decides the joining of a phase's shards, besides the shards."""
    return config.digest([join_params_digest(params, wanted), provenance.code_digest(join_module(wanted))])


def run_step(ctx: Context, params: Params, wanted: Phase) -> None:
    """Run a phase, one shard of it, or the joining of its shards; imports its code, which may take seconds."""
    if wanted.shards and ctx.shard is None:
        if not wanted.join:
            merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
            return
        blocks = {name: getattr(params, name) for name in dict.fromkeys(b.split(".")[0] for b in wanted.joined)}
        importlib.import_module(wanted.join).join(ctx, **blocks)
        return
    names = dict.fromkeys(b.split(".")[0] for b in (*wanted.blocks, *wanted.aside))
    importlib.import_module(wanted.module).run(ctx, **{name: getattr(params, name) for name in names})
