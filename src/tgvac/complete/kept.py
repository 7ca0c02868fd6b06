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
    """Refuse a folder of results where a file of somebody else would be overwritten or removed.

    Raises:
        BadInput: names the file.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file; give a folder.")
    home = Path.home().resolve()
    if out.resolve() in (home, *home.parents):
        raise BadInput(f"--out {out} holds other things than results; give a folder of its own.")
    names = (PREVIEW, BESIDE, RECORD, WORK, SAMPLES, DISAGREEMENT, *PICTURES.values(), *LAYERS.values())
    written = [out / name for name in names]
    for path in inputs:
        mine = path.resolve()
        if mine == out.resolve() or any(mine == w.resolve() or w.resolve() in mine.parents for w in written):
            raise BadInput(f"--out {out} would overwrite the input {path}; give another folder.")
    # What this command wrote has its work folder, or its record, beside it.
    if not (out / WORK).exists() and not (out / RECORD).exists() and (there := [w.name for w in written if w.exists()]):
        raise BadInput(f"--out {out} has a {there[0]} that this command did not write; give another folder.")
    try:
        (out / WORK).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {out} cannot be written ({error.strerror}); give another folder.") from None


def forget_results(out: Path) -> None:
    """Remove what an earlier run wrote, so that no file of it is taken for one of this run."""
    (out / RECORD).unlink(missing_ok=True)
    for name in (DISAGREEMENT, BESIDE, *LAYERS.values()):
        (out / name).unlink(missing_ok=True)
    for folder, suffix in ((SAMPLES, ".mp4"), *((folder, ".png") for folder in PICTURES.values())):
        for path in (out / folder).glob(f"*{suffix}"):
            if path.stem.lstrip("-").isdecimal():
                path.unlink()
