"""The page of data access and licences, from the registry of sources."""

from __future__ import annotations

import csv

from docsite import ROOT
from docsite.prose import escaped
from tgvac.fetch.registry import Source, read_registry

PAGE = "licences"


def pages() -> dict[str, str]:
    """The text of the page, by its name without suffix."""
    sources = read_registry(ROOT / "reference" / "registry.csv")
    return {
        PAGE: "\n\n".join(
            [
                "# Data access and licences",
                "TGVAC redistributes no footage. You fetch each source from its publisher, after you have accepted its"
                " licence; [Data](data.md) says how. The code and everything that the procedural world makes is"
                " Apache-2.0. What you make from a source stays under that source's terms.",
                "## Sources of training and evaluation",
                *(_source(each) for each in sources.values() if each.kind in ("videos", "pairs")),
                "## Data sets with the truth, for evaluation alone",
                *_external(),
                "*Made from `reference/registry.csv`, `reference/archives.csv` and `reference/external.csv`. No lawyer"
                " has read the licences: check them before you publish or sell anything.*",
            ]
        )
    }


def _source(source: Source) -> str:
    rows = [f"* **Licence:** {escaped(source.licence)}"]
    if source.terms:
        rows.append(f"* **Terms:** <{source.terms}>")
    rows.append(f"* **Layout:** `{source.layout}`")
    if source.archives:
        places = sorted({place.partition(":")[0] for each in source.archives for place in each.places})
        files = source.archives[0].file if len(source.archives) == 1 else f"{len(source.archives)} archives"
        ways = {"http": "its publisher's host", "https": "its publisher's host", "drive": "Google Drive"}
        ways |= {"drive-folder": "a shared folder on Google Drive", "hub": "the Hugging Face Hub"}
        rows.append(
            f"* **Access:** {files}, from {', '.join(dict.fromkeys(ways[place] for place in places))}; no login"
        )
        rows.append(f"* **Fetch:** `tgvac data fetch {source.name} --accept-licences`")
    elif source.location == "generated":
        rows.append("* **Access:** drawn by the workflow")
    else:
        rows.append("* **Access:** you give the folder: `tgvac run --scale local --at videos=FOLDER`")
    return "\n\n".join([f"### `{source.name}`", "\n".join(rows)])


def _external() -> list[str]:
    with (ROOT / "reference" / "external.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        "\n\n".join(
            [
                f"### `{row['name']}`",
                "\n".join(
                    [
                        f"* **Licence:** {escaped(row['licence'])}",
                        f"* **Page:** <{row['page']}>",
                        "* **Use:** [Score on TABE-51 or MOVi-MC-AC](external-truth.md)",
                    ]
                ),
            ]
        )
        for row in rows
    ]
