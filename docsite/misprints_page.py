"""The page of the paper's misprints and contradictions, from reference/paper.yaml."""

from __future__ import annotations

from docsite import ROOT
from docsite.prose import escaped, sentence
from tgvac.config import read_yaml

PAGE = "misprints"
KINDS = {
    "misprint": "Misprints",
    "contradiction": "Two statements that cannot both be true",
    "open": "Not stated",
}


def pages() -> dict[str, str]:
    """The text of the page, by its name without suffix."""
    flaws = read_yaml(ROOT / "reference" / "paper.yaml")["flaws"].values()
    parts = [
        "# Misprints and contradictions of the paper",
        "As `reference/paper.yaml` has them, which also has every published cell and the sentences that state numbers."
        " The report prints these as notes at the cells that they touch. [The paper's ambiguities](ambiguities.md) has"
        " what is open in method, data and evaluation.",
    ]
    for kind, title in KINDS.items():
        parts.append(f"## {title}")
        parts += [_flaw(flaw) for flaw in flaws if flaw["kind"] == kind]
    return {PAGE: "\n\n".join(parts)}


def _flaw(flaw: dict[str, str]) -> str:
    return f"**{escaped(sentence(flaw['where']))}** {escaped(flaw['what'])}\n\n*Here:* {escaped(flaw['choice'])}"
