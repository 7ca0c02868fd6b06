"""``--model`` of the commands that complete: a folder is found from where the command is run, by every method."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import CLONE
from tgvac import cli
from tgvac.complete.given_model import given_model
from tgvac.complete.model import Asked, load_model, load_progressive
from tgvac.complete.rivals import load_rival
from tgvac.errors import BadInput


def test_a_folder_gets_its_full_path_and_a_hub_s_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "mine").mkdir(parents=True)
    (tmp_path / "some" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert given_model("some/model") == str(tmp_path / "some" / "model")
    assert given_model("~/mine") == str(tmp_path / "home" / "mine")
    assert given_model("./nowhere") == str(tmp_path / "nowhere")
    assert given_model("other/model") == "other/model"
    assert given_model("") == ""


@pytest.mark.parametrize("method", ["ours", "pix2gestalt", "progressive"])
def test_a_relative_folder_is_the_working_folder_s_and_not_the_project_s(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    load = {"ours": load_model, "pix2gestalt": load_rival, "progressive": load_progressive}[method]
    with pytest.raises(BadInput) as refused:
        load(CLONE, given_model("mine"), Asked(), "cpu")
    assert str(tmp_path / "mine") in str(refused.value)
    assert "fetched" not in str(refused.value), "an empty folder is not asked for on the hub"
    # The project has a folder of that name, and the working folder has none.
    said = "is no folder of converted weights" if method == "pix2gestalt" else "is not a folder and cannot be fetched"
    with pytest.raises(BadInput, match=f"^(--model )?standins {said}"):
        load(CLONE, given_model("standins"), Asked(), "cpu")


def test_complete_export_passes_the_full_path_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(root: Path, inputs: Path, out: Path, options: object, device: str) -> object:
        seen.append(options)
        raise KeyboardInterrupt

    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tgvac.complete.export.complete_export", run)
    ended = CliRunner().invoke(cli.app, ["complete-export", "in", "--out", "out", "--model", "mine"])
    assert (ended.exit_code, seen[0].model) == (130, str(tmp_path / "mine"))
    assert "the same command goes on" in ended.output
