"""What each method costs, from the figures that Snakemake leaves of its jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ledger_project import ledger_project
from tgvac.errors import BadInput
from tgvac.ledger.costs import cost_table, scale_costs
from tgvac.ledger.findings import read_findings
from tgvac.report.tables import DASH, Table, to_csv
from tgvac.shards import Entry, write_index
from tgvac.stage import Context

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return ledger_project(tmp_path_factory.mktemp("project"))


def job(ctx: Context, name: str, frames: int, line: str, shard: str = "") -> Path:
    """A method's only shard: how many frames it completed, and what its job took.

    Args:
        shard: of a method whose shards are jobs of their own.
    """
    index = ctx.results / "completion" / name / "seed0" / "shard-000.json"
    write_index(index, [Entry("shard-000", f"{name}/seed0/shard-000.zip", "0" * 64, 1, {"samples": {"a": frames}})])
    path = ctx.root / "benchmarks" / "fake" / "completion" / f"{name.replace('/', '-')}-seed0{shard}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + line + "\n", encoding="utf-8")
    return path


def table(ctx: Context) -> Table | None:
    return scale_costs(ctx.root, read_findings(ctx.root, "fake"))


def test_a_method_has_frames_per_second_processor_time_and_the_largest_memory(project: Context) -> None:
    job(project, "ours/full", 50, "20.0\t0:00:20\t1400.5\t0\t0\t0\t0\t0\t90\t15.0", "-000")
    job(project, "copy_visible/plain", 50, "0.5\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA")
    found = table(project)
    assert found is not None
    lines = to_csv(found).splitlines()
    assert lines[1] == 'Ours,50,1,20.0,2.50,0.300,"1,400"'
    assert lines[2].startswith(
        f"Copy the visible part (trivial baseline),50,1,0.5,100.00,{DASH} (The job was too short"
    )
    assert len(lines) == 3, "methods without figures are left out"


def test_damaged_figures_are_refused_with_the_file(project: Context) -> None:
    path = job(project, "ours/no_motion", 5, "quick", "-000")
    with pytest.raises(BadInput, match=f"^{path} is not a table of one row with the columns 's'"):
        table(project)
    path.unlink()


def test_a_run_without_figures_has_no_table(tmp_path: Path) -> None:
    assert table(ledger_project(tmp_path)) is None
    assert cost_table([]).rows == ()
