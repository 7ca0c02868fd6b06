"""The ledger of a finished run: numbers that follow from its rows, and chains that lead to this clone's code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.unit.test_ledger_recomputed import check, drawn
from tgvac.params import load_params

pytestmark = pytest.mark.workflow

CHAIN = ["all rows", "rows", "completions", "motion training", "frame training", "frozen networks"]


def test_ten_cells_drawn_at_random_follow_from_the_rows_of_a_run(smoke: Path) -> None:
    results = smoke / "results" / "smoke"
    check(results, drawn(results), load_params(smoke, "smoke").metrics.bootstrap)


def test_a_number_leads_back_to_the_networks_params_and_code_of_the_run(smoke: Path, tgvac: Command) -> None:
    done = tgvac(smoke, "explain", "table2.hard.lpips.ours", "--scale", "smoke", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [link["role"] for link in found["chain"]] == CHAIN
    assert all(link["state"] == "intact" for link in found["chain"])
    assert all(link["present_params"] and link["present_code"] for link in found["chain"])


def test_the_page_says_what_each_method_cost(smoke: Path) -> None:
    lines = (smoke / "results" / "smoke" / "ledger" / "cost.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "Method,Frames,Jobs,Seconds,Frames/s,Core-seconds/frame,Memory (MiB)"
    assert len(lines) > 10


def test_the_command_for_the_rows_of_one_cell_is_one_that_the_workflow_knows(
    smoke: Path, project: Path, snakemake: Command
) -> None:
    cells = json.loads((smoke / "results" / "smoke" / "ledger" / "cells.json").read_text(encoding="utf-8"))["cells"]
    (cell,) = [cell for cell in cells if cell["id"] == "table2.ours.hard.lpips"]
    _, *arguments = cell["rows_command"].split()
    done = snakemake(project, "-n", *arguments)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"metrics_method +1\n", done.stdout), "in a project without results, one method is measured"
    assert "Nothing to be done" in snakemake(smoke, "-n", *arguments).stdout
