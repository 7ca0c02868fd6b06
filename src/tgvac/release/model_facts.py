"""What a model's card says: how it was trained, on what, and what was measured of it; read from results alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.bridge.training_scores import scores_by_index
from tgvac.clips.rows import read_frame
from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.fetch.registry import Source, read_registry
from tgvac.files import sha256
from tgvac.methods.registry import REGISTRY
from tgvac.models.whole import check_whole
from tgvac.params import Params
from tgvac.phases import deciding_params, params_digest, phase
from tgvac.provenance import read_record
from tgvac.report.basis import Basis, read_basis
from tgvac.report.paper import load_paper
from tgvac.report.score_tables import ScoreColumns, here_rows
from tgvac.report.scores import CLASSES, Measured
from tgvac.report.table2 import how_measured
from tgvac.report.tables import Table
from tgvac.sources.manifest import read_manifest
from tgvac.stage import Context

METHOD = "ours"
"""The method whose networks are exported; the registry says which phases train them."""


@dataclass(frozen=True)
class Trained:
    """One stage of the training.

    Attributes:
        index: its index below ``results/<scale>/``, with its digest.
        record: its provenance: digests of params, code and inputs.
        params: the blocks that decided it.
        last: the last logged event.
    """

    folder: Path
    index: tuple[str, str]
    record: Mapping[str, Any]
    params: Mapping[str, Any]
    last: Mapping[str, float]


@dataclass(frozen=True)
class ModelFacts:
    """A trained model without its weights.

    Attributes:
        stages: by name, in order.
        backbones: ``backbones/provenance.json``.
        sources: the sources of its footage as the manifest has them, then as the registry has them, if it does.
        scores: means over frames, ``<method>/<variant>/<masks>/<class>/<metric>``; none where nothing was measured.
        results: the table of the same with intervals, if there are any.
    """

    scale: str
    variant: str
    seed: int
    params: Params
    stages: Mapping[str, Trained]
    backbones: Mapping[str, Any]
    basis: Basis
    sources: Mapping[str, tuple[Mapping[str, Any], Source | None]]
    scores: Mapping[str, float]
    results: Table | None

    @property
    def standins(self) -> bool:
        return self.basis.origin != "pretrained"

    @property
    def resumed(self) -> bool:
        """Whether a training was resumed from a run with other code."""
        return any(stage.record.get("resumed_from") for stage in self.stages.values())

    @property
    def digests(self) -> dict[str, str]:
        """Digests of all that it was trained from, by file below ``results/<scale>/``, and of what it is."""
        found: dict[str, str] = {}
        for stage in self.stages.values():
            found |= {**stage.record["inputs"], stage.index[0]: stage.index[1]}
        return dict(sorted(found.items()))


def read_model_facts(ctx: Context, params: Params) -> ModelFacts:
    """The facts of the model that the context's options name.

    Raises:
        BadInput: when a stage is missing, not whole, or made with other params or inputs than the current ones.
    """
    variant = ctx.options["variant"]
    if variant not in params.variants:
        raise BadInput(f"The block 'variants' has no '{variant}'; {nearest(variant, list(params.variants))}")
    stages: dict[str, Trained] = {name: _trained(ctx, params, name) for name in REGISTRY[METHOD].training_phases}
    record = json.loads((ctx.results / "backbones" / "provenance.json").read_text(encoding="utf-8"))
    manifest = read_manifest(ctx)
    pairs = json.loads((ctx.results / "sources" / "manifest.json").read_text(encoding="utf-8")).get("pairs", {})
    registry = read_registry(ctx.root / "reference" / "registry.csv")
    basis = read_basis(ctx, tuple(sorted(manifest)))
    scores, results = _results(ctx, params, stages, basis)
    return ModelFacts(
        scale=ctx.scale,
        variant=variant,
        seed=int(ctx.options["seed"]),
        params=params,
        stages=stages,
        backbones=record,
        basis=basis,
        sources={name: (entry, registry.get(name)) for name, entry in {**manifest, **pairs}.items()},
        scores=scores,
        results=results,
    )


def _trained(ctx: Context, params: Params, name: str) -> Trained:
    options = {"variant": ctx.options["variant"], "seed": ctx.options["seed"]}
    where = f"{name}/{options['variant']}/seed{options['seed']}"
    # The phase is named as the target, since Snakemake does not check it when later files are complete.
    again = f"run `tgvac run --scale {ctx.scale} --target {name}`"
    folder = ctx.results / where
    record = read_record(folder / "index.json")
    if record is None:
        raise BadInput(f"{folder} has no finished training; {again}, or name another --variant or --seed.")
    if record["params"] != params_digest(params, phase(name), options):
        raise BadInput(f"{folder} was trained with other params than scale '{ctx.scale}' has now; {again}.")
    for read, digest in record["inputs"].items():
        path = ctx.results / read
        if not path.is_file() or sha256(path) != digest:
            raise BadInput(f"{folder} was trained from another {read} than there is now; {again}.")
    check_whole(folder)
    events = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return Trained(
        folder=folder,
        index=(f"{where}/index.json", sha256(folder / "index.json")),
        record=record,
        params=deciding_params(params, phase(name), options),
        last=json.loads(events[-1]) if events else {},
    )


def _results(
    ctx: Context, params: Params, stages: Mapping[str, Trained], basis: Basis
) -> tuple[dict[str, float], Table | None]:
    """Scores of exactly these weights, and of methods without weights, on the short clips."""
    found = scores_by_index(ctx.results, params.metrics.hard_from)
    scores = {k: v for stage in reversed(list(stages.values())) for k, v in found.get(stage.index, {}).items()}
    ours = dict.fromkeys("/".join(key.split("/")[:2]) for key in scores)
    if not ours:
        return {}, None
    rows = read_frame(ctx.results / "metrics" / "rows.parquet")
    rows = rows[rows["train_seed"].isin([-1, int(ctx.options["seed"])])]
    numbers = Measured(rows, params.metrics, params.evaluation.mask_source)
    others = [of.name for of in numbers.scored() if of.method != METHOD]
    names = [n for n in dict.fromkeys([*ours, *others]) if n in params.methods and params.methods[n].clips == "short"]
    layout = ScoreColumns("", CLASSES, verdict=False)
    paper = load_paper(ctx.root / "reference" / "paper.yaml")
    measured = here_rows(layout, numbers, names, "", "", {})
    return scores, Table(
        "results",
        "Results",
        layout.columns(paper, "Method"),
        (*measured, layout.counted(numbers, names)),
        basis.sentence,
        (how_measured(params.metrics),),
    )
