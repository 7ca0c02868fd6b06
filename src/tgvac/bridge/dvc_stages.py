"""DVC's view of the graph: one file per scale with one stage per phase, generated from the table of phases.

DVC keeps hashes, remotes and this coarse view. Snakemake keeps the graph, so each stage's command calls it with the
phase as its target. A stage depends on everything that makes Snakemake run the phase again:

* the small files that earlier phases end in, and the project's own files that it reads;
* the leaves of params that decide it, each in the file that sets it, so that ``dvc exp run -S
  workflow/scales/smoke.yaml:motion.lr=…`` has an effect;
* the packages that its code is in, and its rule file. After an edited comment DVC calls Snakemake, which does nothing.

Outputs have ``persist: true``, since DVC would otherwise delete a phase's folder before it calls Snakemake, which could
then resume nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tgvac import scales
from tgvac.bridge.graph import DEFAULT_SCALE, Graph
from tgvac.code_digests import TREE
from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.phase_spec import NO_OPTIONS, Options, Phase
from tgvac.phases import PHASES, join_module, known
from tgvac.phases import phase as phase_of

HEADER = """\
# Generated from src/tgvac/phases.py, params.yaml and workflow/scales/ by `tgvac dvc --write`; edit those instead.
# Scale '{scale}': `dvc repro {file}` runs what changed.
"""
TGVAC = "workflow/dvc/tgvac"
"""Finds the command that ``make install`` made, relative to the top of the clone."""

SOURCE = "src/tgvac"


def dvc_files(root: Path) -> dict[str, str]:
    """The text of each scale's ``dvc.yaml``, by path below the project's folder."""
    scales = sorted(path.stem for path in (root / "workflow" / "scales").glob("*.yaml"))
    return {file_of(scale): _text(root, scale) for scale in scales}


def file_of(scale: str) -> str:
    """The path of a scale's ``dvc.yaml``; that of the default scale is at the top."""
    return "dvc.yaml" if scale == DEFAULT_SCALE else f"workflow/dvc/{scale}/dvc.yaml"


def write_dvc(root: Path) -> list[str]:
    """Bring all files up to date, and delete those of removed scales. Returns the files that changed."""
    wanted = dvc_files(root)
    changed = _stale(root, wanted)
    for name in changed:
        if name in wanted:
            write_text(root / name, wanted[name])
        else:
            (root / name).unlink()
    return changed


def check_dvc(root: Path, scale: str | None = None) -> None:
    """Refuse files of a scale, or of all scales, that do not match the table of phases and the params.

    Raises:
        BadInput: with the files, and the command that fixes them.
    """
    wanted = dvc_files(root) if scale is None else {file_of(scale): _text(root, scale)}
    stale = _stale(root, wanted) if scale is None else [n for n in wanted if _read(root / n) != wanted[n]]
    if stale:
        raise BadInput(
            f"{', '.join(stale)} no longer matches the phases and params; run `tgvac dvc --write`, then this again."
        )


def _stale(root: Path, wanted: Mapping[str, str]) -> list[str]:
    there = {path.relative_to(root).as_posix() for path in (root / "workflow" / "dvc").glob("*/dvc.yaml")}
    return sorted(name for name in {*wanted, *there} if _read(root / name) != wanted.get(name))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _text(root: Path, scale: str) -> str:
    graph = Graph.load({"scale": scale}, root)
    settings = _Settings(root, scale)
    wdir = {} if scale == DEFAULT_SCALE else {"wdir": "../../.."}
    stages = {p.name: {**wdir, **_stage(graph, settings, p)} for p in PHASES if _ends(graph, p)}
    # Paths of metrics begin at the file, not at the stages' folder.
    top = "" if scale == DEFAULT_SCALE else "../../../"
    metrics = {"metrics": [f"{top}results/{scale}/report/metrics.json"]} if "report" in stages else {}
    body = yaml.safe_dump({"stages": stages, **metrics}, sort_keys=False, width=120)
    return HEADER.format(scale=scale, file=file_of(scale)) + body


def _stage(graph: Graph, settings: _Settings, phase: Phase) -> dict[str, Any]:
    run = f"{TGVAC} run --scale {graph.scale} --cores 2 --target {phase.name}"
    first = not phase.after
    deps = [name for before in phase.after for name in _ends(graph, phase_of(before))]
    # No stage watches a key that a scale sets for the first time; the first stage checks for that.
    guarded = [f"{TGVAC} dvc --check --scale {graph.scale}", run] if first else run
    return {
        "cmd": guarded,
        "deps": [
            *deps,
            *(name for before in phase.shows for name in graph.lists(before)),
            *phase.reads,
            *(_shipped(graph) if phase.name == "backbones" else ()),
            *(graph.votes if phase.name == "report" else ()),
            *(_networks(graph) if phase.loads_method else ()),
            *(sorted(set(graph.outputs().values())) if phase.loads_method else ()),
            *(settings.files if first else ()),
            f"workflow/rules/{phase.name}.smk",
            *_packages(graph, phase),
        ],
        "params": settings.watched(graph, phase),
        "outs": [{f"results/{graph.scale}/{phase.name}": {"persist": True}}],
    }


def _shipped(graph: Graph) -> list[str]:
    """The project's stand-ins, or the scale file of the scale that makes them, which the stage itself then runs."""
    return [f"workflow/scales/{graph.taken}.yaml"] if graph.taken else graph.shipped()


def _ends(graph: Graph, phase: Phase) -> list[str]:
    """The files that a phase ends in, over all runs and methods that the evaluation uses."""
    if phase.trains:
        return graph.runs(phase.name)
    return graph.final(phase.name) or graph.parts(phase.name)


def _networks(graph: Graph) -> list[str]:
    """The indices of the networks that the evaluated methods load."""
    found = [graph.networks(method, str(seed)) for method, seed in graph.evaluated()]
    return list(dict.fromkeys(index for each in found for index in each))


def _packages(graph: Graph, phase: Phase) -> list[str]:
    """The packages and top-level modules that the code of a phase, and of joining its shards, is in."""
    modules = {module for options in _jobs(graph, phase) for module in phase.modules(options)}
    closure = {*TREE.closure(*modules), *(TREE.closure(join_module(phase)) if phase.shards else ())}
    found = set()
    for module in closure:
        _, *parts = module.split(".")
        file = TREE.file(".".join(["tgvac", *parts[:1]]))
        if file is not None:
            found.add(f"{SOURCE}/{parts[0]}" if parts and file.name == "__init__.py" else f"{SOURCE}/{file.name}")
    return sorted(found)


def _jobs(graph: Graph, phase: Phase) -> list[Options]:
    """The options of a phase's jobs, as far as its code and params depend on them."""
    if not phase.loads_method:
        return [NO_OPTIONS]
    names = (method.split("/") for method, _ in graph.evaluated())
    return [known(graph.params, {"method": method, "variant": variant}) for method, variant in names]


class _Settings:
    """The leaves of a scale's params, and the file that sets each."""

    def __init__(self, root: Path, scale: str) -> None:
        layers = scales.layers(root / "params.yaml", root / "workflow" / "scales", scale)
        self._set_in: dict[tuple[str, ...], str] = {}
        for path, tree in layers:
            self._set_in.update(dict.fromkeys(scales.leaves(tree), path.relative_to(root).as_posix()))
        self.files = list(dict.fromkeys(path.relative_to(root).as_posix() for path, _ in layers))

    def watched(self, graph: Graph, phase: Phase) -> list[str | dict[str, list[str]]]:
        """The leaves that decide a phase, its joining and its runs, as DVC lists them (plain ones: params.yaml)."""
        # If a job's options choose an entry of a block, all of its entries are watched.
        named = dict.fromkeys(block for options in _jobs(graph, phase) for block in phase.blocks_of(options))
        blocks = [*(block.split(".{")[0] for block in named), *phase.joined]
        blocks += [f"shards.{phase.shards}"] if phase.shards else []
        if "seed" in phase.wildcards:
            blocks += ["evaluation.methods", "evaluation.train_seeds"]
        by_file: dict[str, list[str]] = {name: [] for name in self.files}
        for leaf, name in sorted(self._set_in.items()):
            dotted = ".".join(leaf)
            if any(f"{dotted}.".startswith(f"{block}.") for block in blocks):
                by_file[name].append(dotted)
        base, *overlays = by_file.items()
        return [*base[1], *({name: leaves} for name, leaves in overlays if leaves)]
