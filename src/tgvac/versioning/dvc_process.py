"""DVC as a process: its progress goes to the terminal, its failure becomes one sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tgvac.bridge.dvc_stages import file_of
from tgvac.errors import BadInput


def check_set_up(root: Path, scale: str) -> str:
    """The scale's ``dvc.yaml``, in a folder in which DVC works.

    Raises:
        BadInput: when the folder is not set up for DVC, or the scale has no stages.
    """
    file = file_of(scale)
    if not (root / ".dvc").is_dir():
        raise BadInput(f"{root} has no .dvc folder; run this at the top of a clone, or run `dvc init` there first.")
    if not (root / file).is_file():
        raise BadInput(f"{file} does not exist; run `tgvac dvc --write`.")
    if not (root / ".git").exists() and _config(root, "core.no_scm") != "true":
        raise BadInput(
            f"{root} is not under git, which DVC needs unless told otherwise; run `git init`, or"
            " `.venv/bin/dvc config --local core.no_scm true`."
        )
    return file


def run_dvc(root: Path, *arguments: str, remedies: Mapping[str, str]) -> None:
    """Run DVC to its end.

    Args:
        remedies: what to do, by a part of the error's text; "" for any other error.

    Raises:
        BadInput: with the first line of DVC's error, and the remedy.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=root, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 0:
        return
    lines = [line.removeprefix("ERROR: ").strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
    said = (lines or [f"it ended with code {done.returncode}"])[0].rstrip(".")
    remedy = next(text for part, text in remedies.items() if part.lower() in said.lower())
    raise BadInput(f"DVC could not {arguments[0]} ({said}); {remedy}")


def _config(root: Path, key: str) -> str:
    command = [sys.executable, "-m", "dvc", "config", key]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()
