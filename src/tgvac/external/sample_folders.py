"""A folder with a folder for each sample, made one by one: each is whole or absent, and a later run goes on.

    <out>/<sample>/                   whatever the sample's maker writes
    <out>/export.json, left_out.csv   of all samples
    .<out>.work/                      beside it: which samples are done, and by what they were decided

What is needed to go on is beside the folder, because programs of others take every folder in it for a sample.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
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

    Raises:
        BadInput: when it is a file, or has other files in it.
    """

    def __init__(self, out: Path, kind: str) -> None:
        self.out, self.work = out, out.with_name(f".{out.name}.work")
        mark = self.work / "kind.json"
        if out.exists() and not out.is_dir():
            raise BadInput(f"{out} is a file; give a folder.")
        mine = {EXPORT_FILE, LEFT_OUT, *self._names()} if _kind_of(mark) == kind else set()
        if out.is_dir() and (others := sorted({path.name for path in out.iterdir()} - mine)):
            raise BadInput(
                f"{out} has other files in it, such as {others[0]}; give a folder that is new, empty, or of an earlier"
                " run of this command."
            )
        out.mkdir(parents=True, exist_ok=True)
        write_json(mark, {"kind": kind})

    def keep_only(self, names: Collection[str]) -> None:
        """Remove the folders of samples that are not wanted any more."""
        for name in self._names():
            if name not in names:
                self.forget(name)

    def is_done(self, name: str, decided: Any) -> bool:
        """Whether a sample is whole, and was decided by the same."""
        try:
            key = json.loads(self._record(name).read_text(encoding="utf-8"))["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return bool(key == digest(decided)) and (self.out / name).is_dir()

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
        write_json(self._record(name), {"key": digest(decided)})

    def forget(self, name: str) -> None:
        """Remove a sample."""
        shutil.rmtree(self.out / name, ignore_errors=True)
        self._record(name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return sorted(path.stem for path in (self.work / "done").glob("*.json"))

    def _record(self, name: str) -> Path:
        return self.work / "done" / f"{name}.json"


def _kind_of(mark: Path) -> str:
    try:
        return str(json.loads(mark.read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
