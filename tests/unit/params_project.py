"""A copy of the project's params, in which a test writes scales of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tgvac.errors import BadInput
from tgvac.params import load_params

ROOT = Path(__file__).resolve().parents[2]


def copy_params(folder: Path) -> Path:
    """The folder, with the project's params and scales in it."""
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("scales", "presets"):
        shutil.copytree(ROOT / "workflow" / name, folder / "workflow" / name)
    return folder


def overlay(project: Path, text: str, name: str = "mine") -> None:
    (project / "workflow" / "scales" / f"{name}.yaml").write_text(text, encoding="utf-8")


def refusal(project: Path, scale: str = "mine") -> str:
    with pytest.raises(BadInput) as caught:
        load_params(project, scale)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    return message
