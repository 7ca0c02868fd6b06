"""The tiny project of the report's tests as a scale of its own, with records from its rows back to its networks."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.params_project import ROOT, copy_params, overlay
from tests.unit.report_project import EVALUATED, METHODS, METRICS, report_project
from tgvac.bridge.graph import Graph
from tgvac.files import write_json
from tgvac.provenance import write_provenance
from tgvac.shards import write_index
from tgvac.stage import Context

SCALE = f"""
extends: smoke
evaluation: {{frames: {EVALUATED}, long: {{frames: {EVALUATED}}}, methods: [{", ".join(METHODS)}]}}
metrics: {{bootstrap: {METRICS.bootstrap}}}
"""
OURS = {"method": "ours", "variant": "full", "seed": "0"}
FILES = {
    "backbones": ("backbones", "backbones/index.json", (), None),
    "frame": ("frame", "frame/full/seed0/index.json", ("backbones",), None),
    "motion": ("motion", "motion/full/seed0/index.json", ("frame", "backbones"), None),
    "completion": ("completion", "completion/ours/full/seed0/shard-000.json", ("motion", "backbones"), 0),
    "rows": ("metrics", "metrics/ours/full/seed0/shard-000.parquet", ("completion", "backbones"), 0),
    "all rows": ("metrics", "metrics/rows.parquet", ("rows",), None),
}
"""The files behind the rows of ours: phase, name, what it was made from, and the shard."""


def ledger_project(root: Path) -> Context:
    """A scale ``fake`` that the ledger can be written of."""
    ctx = report_project(root)
    copy_params(root)
    overlay(root, SCALE, "fake")
    shutil.copy(ROOT / "reference" / "registry.csv", root / "reference")
    shutil.copy(ROOT / "reference" / "archives.csv", root / "reference")
    for name in ("backbones", "frame", "motion"):
        write_index(ctx.results / FILES[name][1], [])
    part = ctx.results / FILES["rows"][1]
    part.parent.mkdir(parents=True)
    shutil.copy(ctx.results / FILES["all rows"][1], part)
    index = ctx.results / "completion" / "ours" / "full" / "seed0" / "shard-000.json"
    assert index.is_file()
    for name in FILES:
        record(ctx, name)
    return ctx


def record(ctx: Context, name: str, params: str = "", code: str = "") -> None:
    """Write the record beside one of the files, with digests that are the present ones unless others are given."""
    phase, file, before, shard = FILES[name]
    graph = Graph.of("fake", {}, ctx.root)
    job = graph.job(phase, {} if name in ("backbones", "all rows") else OURS, shard)
    inputs = {FILES[each][1]: ctx.results / FILES[each][1] for each in before}
    write_provenance(ctx.results / file, phase, params or job.params_digest, code or job.code_digest, inputs)


def trained_again(ctx: Context, name: str) -> None:
    """Make a network again with other bytes, and its record, but nothing of what was made from it."""
    write_json(ctx.results / FILES[name][1], {"format": "tgvac-index-1", "entries": [], "another": True})
    record(ctx, name)
