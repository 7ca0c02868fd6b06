"""Results from one clone to another by a remote of DVC: nothing is computed again, and what is stale is not used."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.test_dvc import FILE, dvc, give_dvc, without_ledger
from tests.workflow.test_interruption import digests

pytestmark = pytest.mark.workflow

SCALE = "workflow/scales/smoke.yaml"
_GIT = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *_GIT, *arguments], cwd=folder, check=True, capture_output=True)


def tgvac(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``tgvac`` with the folder's own code."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "tgvac", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=1200
    )


def worked(folder: Path) -> set[str]:
    """The phases whose jobs ran here. Snakemake makes empty logs where it only enters results into its records."""
    logs = (folder / "logs" / "smoke").rglob("*.log")
    return {path.parent.name for path in logs if path.stat().st_size}


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def origin(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a finished run, committed by ``tgvac commit`` and pushed to a folder."""
    folder = tmp_path_factory.mktemp("round-trip") / "origin"
    shutil.copytree(smoke, folder, symlinks=True, copy_function=shutil.copy2)
    give_dvc(folder)
    dvc(folder, "remote", "add", "--default", "store", str(folder.parent / "store"))
    done = tgvac(folder, "push", "--scale", "smoke")
    assert done.returncode != 0
    assert "There is nothing to push" in done.stderr
    done = tgvac(folder, "commit", "--scale", "smoke")
    assert done.returncode == 0, said(done)
    assert "left out" not in done.stdout
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a run")
    done = tgvac(folder, "push", "--scale", "smoke")
    assert done.returncode == 0, said(done)
    return folder


def clone(origin: Path, folder: Path) -> Path:
    """A second clone, with the command that DVC's stages call."""
    git(origin, "clone", "--quiet", str(origin), str(folder))
    shutil.copytree(origin / ".venv", folder / ".venv")
    return folder


def test_a_second_clone_rebuilds_the_tables_from_a_remote_without_computing_anything(
    origin: Path, tmp_path: Path
) -> None:
    folder = clone(origin, tmp_path / "second")
    assert not (folder / "results").exists()
    done = tgvac(folder, "pull", "--scale", "smoke")
    assert done.returncode == 0, said(done)
    assert digests(folder / "results") == without_ledger(digests(origin / "results"))
    status = tgvac(folder, "status", "--scale", "smoke")
    assert "everything is fresh" in status.stdout, said(status)
    assert "would run" not in status.stdout
    shutil.rmtree(folder / "results" / "smoke" / "report")
    done = tgvac(folder, "run", "--scale", "smoke", "--target", "report")
    assert done.returncode == 0, said(done)
    assert worked(folder) == {"report"}
    assert digests(folder / "results") == without_ledger(digests(origin / "results"))


def test_results_of_other_params_are_said_and_made_again(origin: Path, tmp_path: Path) -> None:
    folder = clone(origin, tmp_path / "second")
    path = folder / SCALE
    path.write_text(path.read_text().replace("bootstrap: 200", "bootstrap: 201"))
    done = tgvac(folder, "pull", "--scale", "smoke")
    assert done.returncode == 0, said(done)
    assert "`tgvac run` will make it again: report: other params" in done.stdout
    done = tgvac(folder, "run", "--scale", "smoke", "--target", "report")
    assert done.returncode == 0, said(done)
    assert worked(folder) == {"report"}


def test_a_run_takes_results_that_were_copied_without_snakemake_s_records(origin: Path, tmp_path: Path) -> None:
    folder = clone(origin, tmp_path / "second")
    shutil.copytree(origin / "results", folder / "results")
    shutil.rmtree(folder / "results" / "smoke" / "ledger", ignore_errors=True)
    done = tgvac(folder, "run", "--scale", "smoke")
    assert done.returncode == 0, said(done)
    # What each method cost and what MLflow shows are of one machine, and so no results.
    assert worked(folder) == {"ledger", "mlflow"}


def test_an_experiment_in_a_copy_finds_the_environment_and_makes_only_what_its_key_decides(
    origin: Path, tmp_path: Path
) -> None:
    folder = clone(origin, tmp_path / "second")
    assert tgvac(folder, "pull", "--scale", "smoke").returncode == 0
    done = dvc(folder, "exp", "run", "--temp", "--set-param", f"{SCALE}:metrics.bootstrap=201", FILE)
    assert "Running stage" in done
    assert "report" in done
    assert "Job" not in done.split("report:")[0].split("sources")[-1], done[-2000:]


def test_dvc_shows_the_headline_metrics_and_a_changed_param(origin: Path, tmp_path: Path) -> None:
    folder = clone(origin, tmp_path / "second")
    assert tgvac(folder, "pull", "--scale", "smoke").returncode == 0
    name = "results/smoke/report/metrics.json"
    file = json.loads(dvc(folder, "metrics", "show", "--json", name))[""]["data"][name]
    with (folder / "results" / "smoke" / "report" / "tables" / "estimates.csv").open(newline="") as stream:
        lines = {(r["method"], r["variant"], r["class"], r["metric"]): r["mean"] for r in csv.DictReader(stream)}
    mean = file["data"]["ours.full"]["hard"]["lpips"]
    assert mean == float(lines["ours", "full", "hard", "lpips"])
    path = folder / SCALE
    path.write_text(path.read_text().replace("bootstrap: 200", "bootstrap: 201"))
    changed = json.loads(dvc(folder, "params", "diff", "--json"))
    assert changed[SCALE]["metrics.bootstrap"] == {"old": 200, "new": 201, "diff": 1}


def test_what_stops_dvc_is_one_sentence_with_the_remedy(origin: Path, tmp_path: Path) -> None:
    folder = clone(origin, tmp_path / "second")
    dvc(folder, "remote", "modify", "--local", "store", "url", str(tmp_path / "nowhere"))
    done = tgvac(folder, "pull", "--scale", "smoke")
    assert done.returncode != 0
    assert "tgvac: DVC could not pull" in done.stderr
    assert "the same command goes on from there" in done.stderr
    shutil.rmtree(folder / ".git")
    done = tgvac(folder, "pull", "--scale", "smoke")
    assert "is not under git, which DVC needs unless told otherwise; run `git init`, or" in done.stderr
    shutil.rmtree(folder / ".dvc")
    assert "has no .dvc folder" in tgvac(folder, "pull", "--scale", "smoke").stderr
