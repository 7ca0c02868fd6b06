"""What DVC would run again, asked of DVC itself while the other records are read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tgvac.bridge.dvc_stages import file_of

_CODE = ("src/", "workflow/rules/")


class AskDvc:
    """``dvc status`` of a scale's stages, in a process of its own.

    A folder that does not use DVC, or in which nothing of the scale was committed to it, has no status.
    """

    def __init__(self, root: Path, scale: str) -> None:
        self._file = file_of(scale)
        self._process: subprocess.Popen[str] | None = None
        if (root / ".dvc").is_dir() and (root / self._file).with_name("dvc.lock").is_file():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dvc", "status", "--json", self._file],
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
            )

    def answer(self) -> tuple[Mapping[str, list[str]] | None, str]:
        """The changed stages, each with what has changed; None where DVC has no answer, with the reason."""
        if self._process is None:
            return None, "nothing of this scale is committed to it (`dvc commit`)"
        out, errors = self._process.communicate()
        if self._process.returncode:
            said = [line for line in errors.splitlines() if line.startswith("ERROR")]
            return None, (said or ["ERROR: it ended without a message"])[0].removeprefix("ERROR: ")
        found = {stage.rpartition(":")[2]: list(_changes(changes)) for stage, changes in json.loads(out).items()}
        return {stage: changed for stage, changed in found.items() if changed}, ""


def only_code(changes: list[str]) -> bool:
    """Whether a stage has changed in its code alone: DVC watches whole packages, and comments count there."""
    return all(name.startswith(_CODE) for name in changes)


def _changes(changes: object) -> list[str]:
    """The files and keys that a stage's status names, of its dependencies, params and outputs."""
    names: list[str] = []
    for part in changes if isinstance(changes, list) else [changes]:
        if isinstance(part, str):
            names.append(part)
            continue
        if not isinstance(part, dict):
            continue
        for files in part.values():
            for name, what in files.items() if isinstance(files, dict) else [(str(files), "")]:
                names += [f"{name}:{key}" for key in what] if isinstance(what, dict) else [name]
    return names
