"""The notebooks: committed without outputs, they run on a finished run, write nothing, and say which run they lack."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.conftest import CLONE

NOTEBOOKS = sorted((CLONE / "notebooks").glob("*.ipynb"))
ASKS_FOR = {"1_dataset": "data set", "2_tables_and_claims": "report"}

each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python's own kernel, whatever others a user has installed, and without a user's settings."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(home / name.lower()))


def execute(notebook: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook as it is after all its cells ran in ``folder``, at scale smoke."""
    read = nbformat.read(notebook, as_version=4)
    client = NotebookClient(read, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}})
    return client.execute(env={**os.environ, "TGVAC_SCALE": "smoke"})


def project_with(folder: Path, source: Path, *parts: str) -> Path:
    """A project's folder with some parts of another one; returns its folder of notebooks."""
    for part in parts:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).symlink_to(source / part)
    (folder / "notebooks").mkdir(parents=True)
    return folder / "notebooks"


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file, by path."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} >= ASKS_FOR.keys()


@each_notebook
def test_a_notebook_is_committed_without_what_it_gave(notebook: Path) -> None:
    read = nbformat.read(notebook, as_version=4)
    nbformat.validate(read)
    assert read.metadata.kernelspec.name == "python3"
    code = [cell for cell in read.cells if cell.cell_type == "code"]
    left = [cell.id for cell in code if cell.outputs or cell.execution_count is not None]
    assert not left, f"clear it: jupyter nbconvert --clear-output --inplace {notebook.relative_to(CLONE)}"


@each_notebook
def test_words_stand_before_each_cell_of_code(notebook: Path) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    for before, cell in pairwise(cells):
        assert cell.cell_type == "markdown" or before.cell_type == "markdown", f"no words before {cell.id}"


@pytest.mark.workflow
@each_notebook
def test_a_notebook_runs_on_a_finished_run_and_writes_nothing(notebook: Path, smoke: Path, tmp_path: Path) -> None:
    results = smoke / "results" / "smoke"
    before = files_of(results)
    folder = project_with(tmp_path / "project", smoke, "results", "reference")
    outputs = [out for cell in execute(notebook, folder).cells for out in cell.get("outputs", ())]
    assert [out.text for out in outputs if out.get("name") == "stderr"] == []
    assert sum("image/png" in out.get("data", ()) for out in outputs) >= 5
    assert sum("text/html" in out.get("data", ()) for out in outputs) >= 5
    assert files_of(results) == before
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ASKS_FOR)
def test_without_results_a_notebook_says_which_command_makes_them(name: str, tmp_path: Path) -> None:
    folder = project_with(tmp_path / "project", CLONE, "reference")
    with pytest.raises(CellExecutionError) as stopped:
        execute(CLONE / "notebooks" / f"{name}.ipynb", folder)
    assert stopped.value.ename == "FileNotFoundError"
    assert stopped.value.evalue == (
        f"Scale 'smoke' has no {ASKS_FOR[name]} yet: run `make reproduce SCALE=smoke`"
        f" or `.venv/bin/tgvac run --scale smoke` in {tmp_path / 'project'} first."
    )
