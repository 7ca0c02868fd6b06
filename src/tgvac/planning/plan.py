"""The plan of a scale, phase by phase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tgvac.bridge.graph import Graph
from tgvac.methods.registry import trained_phases
from tgvac.models.cost.networks import Networks
from tgvac.models.layouts import LAYOUTS
from tgvac.params import Params, load_params
from tgvac.phases import PHASES, phase
from tgvac.planning import evaluating, labelling, training
from tgvac.planning.counts import Counts, Given, count_data
from tgvac.planning.measured import cpu_time
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.reference import load_costs
from tgvac.planning.work import PhaseCost, Work

OTHER_RULES = ("ledger", "mlflow")
"""Rules of the target ``all`` that are not phases: the page of published cells, and the import into MLflow."""


@dataclass(frozen=True)
class Plan:
    """What a scale costs.

    Attributes:
        before: another scale that is run first for its stand-ins and is not counted; "" if there is none.
    """

    scale: str
    counts: Counts
    networks: str
    phases: tuple[PhaseCost, ...]
    before: str = ""

    @property
    def jobs(self) -> int:
        """Jobs of the target ``all``, including the target itself."""
        return sum(each.jobs for each in self.phases) + len(OTHER_RULES) + 1

    @property
    def cpu_hours(self) -> float:
        """CPU-hours of the phases that have any."""
        return sum(each.cpu.hours for each in self.phases if each.cpu is not None)

    def in_precision(self, precision: str) -> Plan:
        """The same work, all in one precision."""
        return self._converted({line.precision: precision for each in self.phases for line in each.lines})

    def with_products(self, precision: str) -> Plan:
        """The same work, with the products of float32 in another precision."""
        return self._converted({"float32": precision})

    def _converted(self, precisions: Mapping[str, str]) -> Plan:
        def converted(line: Work) -> Work:
            return replace(line, precision=precisions.get(line.precision, line.precision))

        phases = (replace(each, lines=tuple(converted(line) for line in each.lines)) for each in self.phases)
        return replace(self, phases=tuple(phases))


def make_plan(root: Path, scale: str, given: Given | None = None) -> Plan:
    """Make the plan of a scale. Takes seconds and needs no weights.

    Args:
        root: the project's folder.
        given: the user's own footage, instead of that of a run or the paper.

    Raises:
        BadInput: when the scale or the shapes of its networks are unknown.
    """
    params, costs = load_params(root, scale), load_costs(root)
    counts = count_data(root, scale, params, costs, given)
    models = ModelCosts(networks_of(root, scale, params))
    lines: dict[str, Iterable[Work]] = {
        "sources": labelling.sources(params, counts, costs),
        "tracks": labelling.tracks(params, counts, costs),
        "masks": labelling.masks(params, counts, costs),
        "select": labelling.select(counts),
        "synthesis": labelling.synthesis(counts),
        "captions": labelling.captions(params, counts),
        "backbones": training.backbones(params, models),
        "latents": training.latents(params, counts, models),
        **{name: training.stage(name, params, counts, models, costs) for name in trained_phases()},
        "completion": evaluating.completion(params, counts, models, costs),
        "metrics": evaluating.metrics(params, counts, models),
        "dataset": (),
        "report": (),
    }
    graph = Graph(scale, params, {})

    def cost(name: str) -> PhaseCost:
        jobs, on_disk = graph.benchmarks(name), _on_disk(root, graph, name)
        ran = jobs if given is None and on_disk is not None else []
        cpu = cpu_time(root, name, ran, params, counts)
        return PhaseCost(name, tuple(lines[name]), len(jobs), on_disk, cpu)

    phases = tuple(cost(p.name) for p in PHASES)
    plan = Plan(scale, counts, models.networks.origin, phases, before=graph.taken)
    return plan.with_products("tf32") if params.compute.tf32 else plan


def networks_of(root: Path, scale: str, params: Params) -> Networks:
    """The scale's networks: those of its finished backbones, of the stand-ins it takes, or of its params."""
    finished, shipped = root / "results" / scale / "backbones", root / params.backbones.shipped
    takes_shipped = params.backbones.origin in ("shipped", "fit")
    folder = next(
        (f for f, mine in ((finished, True), (shipped, takes_shipped)) if mine and (f / "index.json").is_file()), None
    )
    return Networks(
        params.backbones, params.motion_module, params.framing.size, folder, LAYOUTS[params.conditions.layout]
    )


def _on_disk(root: Path, graph: Graph, name: str) -> int | None:
    """Bytes of a finished phase on disk."""
    finals = graph.runs(name) if phase(name).trains else graph.final(name) or graph.parts(name)
    if not finals or not all((root / file).is_file() for file in finals):
        return None
    folder = root / "results" / graph.scale / name
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
