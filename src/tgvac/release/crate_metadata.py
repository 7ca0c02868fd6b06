"""The metadata of a release: ``ro-crate-metadata.json``, by rocrate."""

from __future__ import annotations

import json
import mimetypes
from datetime import date
from pathlib import Path
from typing import Any

from tgvac import __version__
from tgvac.files import sha256

METADATA = "ro-crate-metadata.json"
PAPER = "https://uark-aicv.github.io/TextGuidedVAC"
PROFILES = ("https://w3id.org/ro/wfrun/process/0.5", "https://w3id.org/ro/wfrun/workflow/0.5")
_TYPES = {".parquet": "application/vnd.apache.parquet", ".yaml": "application/yaml", ".md": "text/markdown"}
_ABOUT = {
    "results/report/index.html": "The report: tables, claims and pictures",
    "results/dataset/README.md": "The data set's card",
    "results/dataset/croissant.json": "The data set's metadata (Croissant)",
    "results/synthesis/recipes.parquet": "The data set: a recipe for each synthesized video",
    "results/metrics/rows.parquet": "All measured values, one a row",
    "params.yaml": "All params of the run",
    "environment.json": "Versions of Python and of the packages",
}


def describe(folder: Path, scale: str, published: date) -> str:
    """The metadata of the files that are in a folder, as JSON text.

    Each file has its size and SHA-256. The workflow is the main entity, and one action made the report from it.
    """
    from rocrate.rocrate import ROCrate

    crate = ROCrate()
    crate.name = f"TGVAC, a run of scale {scale}"
    crate.description = (
        f"A finished run of TGVAC {__version__} at scale {scale}: reports, tables, provenance, params and environment."
        " Footage, networks and completions are not in it; indices name them by digest."
    )
    crate.license = "https://www.apache.org/licenses/LICENSE-2.0"
    day = published.isoformat()
    crate.root_dataset["datePublished"] = day
    crate.root_dataset["version"] = __version__
    crate.root_dataset["citation"] = PAPER
    crate.root_dataset["conformsTo"] = [{"@id": profile} for profile in PROFILES]
    files = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        properties = _properties(path, name)
        if name == "Snakefile":
            files[name] = crate.add_workflow(
                path, name, main=True, lang="snakemake", properties=properties, record_size=False
            )
        else:
            files[name] = crate.add_file(path, name, properties=properties)
    action = {"@type": "CreateAction", "name": f"tgvac run --scale {scale}", "endTime": day}
    crate.add_action(
        files.get("Snakefile", crate.root_dataset),
        identifier="#run",
        object=[files["params.yaml"]],
        result=[files[name] for name in ("results/report/index.html", "results/metrics/rows.parquet") if name in files],
        properties=action,
    )
    entities: dict[str, Any] = crate.metadata.generate()
    return json.dumps(entities, indent=1, sort_keys=True) + "\n"


def digests_in(text: str) -> dict[str, str]:
    """The SHA-256 of each file that metadata describe, by name.

    Raises:
        ValueError: when it is no such metadata.
    """
    try:
        entities = json.loads(text)["@graph"]
        return {each["@id"]: each["sha256"] for each in entities if "sha256" in each}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is no metadata of a crate ({type(error).__name__})") from None


def _properties(path: Path, name: str) -> dict[str, Any]:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    size = str(path.stat().st_size)
    about = {"name": _ABOUT[name]} if name in _ABOUT else {}
    return {"encodingFormat": kind, "contentSize": size, "sha256": sha256(path), **about}
