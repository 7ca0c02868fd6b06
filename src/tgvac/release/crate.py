"""A finished run as an RO-Crate: what people read, what it was made from, and checksums of all of it.

ro-crate-metadata.json      what each file is, with its size and SHA-256 (RO-Crate, Workflow Run profile)
manifest-sha256.txt         the checksum of every other file, as `sha256sum -c` reads it
results/report/             the report: index.html, tables, figures
results/dataset/            the data set's card, its tables, croissant.json
results/<phase>/            indices and tables of all phases, each with its provenance
params.yaml                 all params of the scale, as it was run
environment.json            versions of Python and of the packages
Snakefile  workflow/  reference/  requirements.lock  environment.yml  LICENSE  CITATION.cff
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

import yaml

from tgvac import __version__
from tgvac.clips.archive import zip_writing
from tgvac.config import canonical
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.params import load_params
from tgvac.release.checksums import MANIFEST, manifest_text
from tgvac.release.crate_metadata import METADATA, describe
from tgvac.release.finished import finished_files

PROJECT = ("Snakefile", "workflow", "reference", "requirements.lock", "environment.yml", "LICENSE", "CITATION.cff")
"""What the clone adds, where it has it: the workflow, what the paper states, the environment, how to cite."""


@dataclass(frozen=True)
class Released:
    """What was written.

    Attributes:
        path: the folder or zip.
        files: how many files it has, checksums and metadata included.
        digest: the SHA-256 of its manifest, which stands for the whole.
    """

    path: Path
    files: int
    digest: str


def release(root: Path, scale: str, to: Path, published: date) -> Released:
    """Write the crate of a finished run.

    Args:
        root: the project's folder.
        to: a folder that is new or empty, or an earlier crate; or a file that ends in .zip.
        published: the date that the crate names.

    Raises:
        BadInput: when the run is not finished, or ``to`` has other files.
    """
    results, params = root / "results" / scale, load_params(root, scale)
    found = finished_files(results, scale, params)
    files = {f"results/{path.relative_to(results).as_posix()}": path for path in found}
    files |= _of_the_project(root)
    _refuse_others(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}.") as beside:
        folder = Path(beside) / "crate"
        for name, source in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
        tree = json.loads(canonical(params))
        write_text(folder / "params.yaml", yaml.safe_dump(tree, sort_keys=False))
        write_json(folder / "environment.json", environment(root / "requirements.lock"))
        write_text(folder / METADATA, describe(folder, scale, published))
        digests = {name: sha256(folder / name) for name in names_of(folder)}
        write_text(folder / MANIFEST, manifest_text(digests))
        digest = sha256(folder / MANIFEST)
        if to.suffix == ".zip":
            with zip_writing(to) as sink:
                for name in names_of(folder):
                    sink.add(name, (folder / name).read_bytes())
        else:
            shutil.rmtree(to, ignore_errors=True)
            folder.rename(to)
    return Released(to, len(digests) + 1, digest)


def names_of(folder: Path) -> list[str]:
    """The files of a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def environment(lock: Path) -> dict[str, object]:
    """Versions of what the run depends on: Python, and each package of the lock that is installed."""
    asked = (
        [line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line] if lock.is_file() else []
    )
    packages: dict[str, str | None] = {}
    for name in asked:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = None
    machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return {"format": "tgvac-environment-1", "tgvac": __version__, **machine, "packages": packages}


def _of_the_project(root: Path) -> dict[str, Path]:
    paths = (
        path for name in PROJECT for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
    )
    return {path.relative_to(root).as_posix(): path for path in paths if path.is_file()}


def _refuse_others(to: Path) -> None:
    if to.suffix == ".zip":
        if to.is_dir():
            raise BadInput(f"{to} is a folder; give a file name that ends in .zip and is no folder.")
    elif to.exists() and (not to.is_dir() or (any(to.iterdir()) and not (to / METADATA).is_file())):
        raise BadInput(f"{to} has other files; give a folder that is new, empty, or an earlier release.")
