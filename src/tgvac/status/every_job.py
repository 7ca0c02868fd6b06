"""All jobs of a scale, in the order in which they depend on each other."""

from __future__ import annotations

from collections.abc import Iterator

from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.phase_spec import NO_OPTIONS, Options
from tgvac.phases import PHASES


def every_job(graph: Graph) -> Iterator[Job]:
    """Each shard, joining, training and method of the scale, as Snakemake's rules have them."""
    for phase in PHASES:
        if not phase.wildcards:
            yield from graph.jobs(phase.name, NO_OPTIONS)
            continue
        for options in _runs(graph, phase.name, phase.trains):
            yield from graph.jobs(phase.name, options)
        if phase.final and not phase.trains:
            yield from graph.jobs(phase.name, NO_OPTIONS, merge=True)


def _runs(graph: Graph, name: str, trains: bool) -> Iterator[Options]:
    if trains:
        for variant, seed in graph.trained(name):
            yield {"variant": variant, "seed": str(seed)}
        return
    for method, seed in graph.evaluated():
        head, _, tail = method.partition("/")
        yield {"method": head, "variant": tail, "seed": str(seed)}
