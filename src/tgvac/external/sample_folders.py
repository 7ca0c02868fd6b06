"""A folder with a folder for each sample, made one by one: each is whole or absent, and a later run goes on.

    <out>/<sample>/                   whatever the sample's maker writes
    <out>/export.json, left_out.csv   of all samples
    .<out>.work/                      beside it: which samples are done, with which files, and by what they were decided

What is needed to go on is beside the folder, because programs of others take every folder in it for a sample.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tgvac.clips.export_record import EXPORT_FILE
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import write_json

LEFT_OUT = "left_out.csv"


class SampleFolders:
    """The folder and what is done in it.

    Args:
        out: a folder that is new, empty, or of the same kind.
        kind: what it is, such as "tgvac-completions-1".
        made: what all of its samples have in common, such as ``{"--method": "white"}``; a folder with samples that were
            made otherwise is left as it is.

    Raises:
        BadInput: when it is a file, has other files in it, or has samples that were made otherwise.
    """

    def __init__(self, out: Path, kind: str, made: Mapping[str, str] | None = None) -> None:
        self.out, self.work = out, out.with_name(f".{out.name}.work")
        mark = self.work / "kind.json"
        if out.exists() and not out.is_dir():
            raise BadInput(f"{out} is a file; give a folder.")
        said = _read(mark)
        mine = {EXPORT_FILE, LEFT_OUT, *self._names()} if said.get("kind") == kind else set()
        if out.is_dir() and (others := sorted({path.name for path in out.iterdir()} - mine)):
            raise BadInput(
                f"{out} has other files in it, such as {others[0]}; give a folder that is new, empty, or of an earlier"
                " run of this command."
            )
        made, before = dict(made or {}), said.get("made") or {}
        if self.names() and (others := [name for name in made if before.get(name) != made[name]]):
            name = others[0]
            raise BadInput(
                f"{out} has samples that were made with {name} {before.get(name, 'unknown')}, not with {name}"
                f" {made[name]}; give another folder, or remove that one first."
            )
        out.mkdir(parents=True, exist_ok=True)
        write_json(mark, {"kind": kind, "made": made})

    def names(self) -> list[str]:
        """The folders of samples that are there."""
        return [name for name in self._names() if (self.out / name).is_dir()]

    def keep_only(self, names: Collection[str]) -> None:
        """Remove the folders of samples that are not wanted any more."""
        for name in self._names():
            if name not in names:
                self.forget(name)

    def is_done(self, name: str, decided: Any) -> bool:
        """Whether a sample was decided by the same, and has all of its files in their sizes, and no others."""
        if self._aside(name).is_dir() and not (self.out / name).exists():
            self._aside(name).rename(self.out / name)
        said = _read(self._record(name))
        return bool(said.get("key") == digest(decided)) and said.get("files") == _sizes(self.out / name)

    def make(self, name: str, decided: Any, write: Callable[[Path], None]) -> None:
        """Make a sample's folder, in place of an earlier one.

        Args:
            name: of its folder.
            decided: everything that decides its content.
            write: given a new folder beside, which gets its name when everything is in it.
        """
        part = self.work / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        write(part)
        # Recorded under no key first: a folder without a record would be taken for somebody else's.
        shutil.rmtree(self.out / name, ignore_errors=True)
        write_json(self._record(name), {"key": ""})
        part.rename(self.out / name)
        write_json(self._record(name), {"key": digest(decided), "files": _sizes(self.out / name)})
        shutil.rmtree(self._aside(name), ignore_errors=True)

    def set_aside(self, name: str) -> None:
        """Take a sample out of the folder; it comes back when it is asked for and its input is as it was."""
        if (self.out / name).is_dir():
            shutil.rmtree(self._aside(name), ignore_errors=True)
            self._aside(name).parent.mkdir(parents=True, exist_ok=True)
            (self.out / name).rename(self._aside(name))

    def forget(self, name: str) -> None:
        """Remove a sample."""
        shutil.rmtree(self.out / name, ignore_errors=True)
        self._record(name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return sorted(path.stem for path in (self.work / "done").glob("*.json"))

    def _aside(self, name: str) -> Path:
        return self.work / "aside" / name

    def _record(self, name: str) -> Path:
        return self.work / "done" / f"{name}.json"


def _read(path: Path) -> dict[str, Any]:
    """What a record says; nothing where it is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sizes(folder: Path) -> dict[str, int]:
    """The sizes of a sample's files, by their names; what a file browser hides is none of them."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(files)}
