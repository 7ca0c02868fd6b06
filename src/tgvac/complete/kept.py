"""What a run keeps to go on from, and what it must not take up or overwrite."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tgvac.complete.outputs import LAYERS, PICTURES
from tgvac.errors import BadInput
from tgvac.files import sha256

WORK = ".work"
PREVIEW, BESIDE, RECORD = "tracked.mp4", "beside.mp4", "complete.json"
SAMPLES, DISAGREEMENT = "samples", "disagreement.mp4"


def contents(path: Path) -> list[list[str]]:
    """The names and digests of a file, or of the files in a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    return [[file.name, sha256(file)] for file in files]


def check_out(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse a folder of results whose files are the input's own.

    Raises:
        BadInput: names the input.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; give a folder.")
    written = [
        out / name
        for name in (PREVIEW, BESIDE, RECORD, WORK, SAMPLES, DISAGREEMENT, *PICTURES.values(), *LAYERS.values())
    ]
    for path in inputs:
        mine = path.resolve()
        if mine == out.resolve() or any(mine == w.resolve() or w.resolve() in mine.parents for w in written):
            raise BadInput(f"--out {out} would overwrite the input {path}; give another folder.")


def forget_results(out: Path, formats: Iterable[str], samples: int) -> None:
    """Remove the record of an earlier run, and what this one does not write."""
    (out / RECORD).unlink(missing_ok=True)
    for path in (out / SAMPLES).glob("*.mp4"):
        path.unlink()
    if samples == 1:
        (out / DISAGREEMENT).unlink(missing_ok=True)
    for name, file in LAYERS.items():
        if name not in formats:
            (out / file).unlink(missing_ok=True)
    for name, folder in PICTURES.items():
        if name not in formats:
            for path in (out / folder).glob("[0-9][0-9][0-9][0-9][0-9].png"):
                path.unlink()
