"""``README.md`` in the layout of a data set hub: YAML front matter, then the card. All of it comes from the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from tgvac.card.agreement import BY_STRETCH, Agreement
from tgvac.card.archives import Used
from tgvac.card.croissant import bibtex
from tgvac.card.facts import SPLITS, Facts
from tgvac.card.fields import PUBLISHED
from tgvac.files import sha256
from tgvac.report.basis import WORLD
from tgvac.report.tables import Table, to_markdown
from tgvac.synthesis.account import tell
from tgvac.synthesis.splits import LEAKS

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)
"""The hub's size categories, each with the number of rows below which it applies."""
LICENCES = {"Apache-2.0": "apache-2.0", "CC-BY-4.0": "cc-by-4.0", "CC-BY-NC-4.0": "cc-by-nc-4.0", "MIT": "mit"}
"""The hub's ids of licences, by the first word of the registry's text."""


def describe(facts: Facts) -> str:
    """What the data set is, in a paragraph."""
    made, objects = len(facts.recipes), len({recipe.target for recipe in facts.recipes})
    pairs = sum(bucket["pairs"] for entry in facts.pairs.values() for bucket in entry["buckets"].values())
    beside = f" Beside them, {pairs:,} pairs of images of {', '.join(sorted(facts.pairs))} train single frames."
    return (
        f"{made:,} synthesized videos for text-guided video amodal completion: {objects:,} whole objects from videos of"
        f" {', '.join(sorted(facts.sources))}, hidden in part by objects of other videos, with the whole object, its"
        " amodal and visible masks, occlusion rates and captions. It has recipes and no pixels: with the footage of its"
        " sources the recipes render to the same bits."
    ) + (beside if pairs else "")


def front_matter(facts: Facts, sources: Sequence[Used]) -> dict[str, Any]:
    """The metadata that a hub reads: licences, task, size, names of the tables' files."""
    size = next((name for below, name in SIZES if len(facts.recipes) < below), "n>1M")
    known = {LICENCES.get(source.licence.split()[0]) if source.licence else None for source in sources}
    one = next(iter(known)) if len(known) == 1 else None
    terms = [
        {"source": s.name, "license": s.licence, **({"license_link": s.terms} if s.terms else {})} for s in sources
    ]
    other = {"license_name": "by-source", "license_link": "#sources-and-licences"}
    return {
        "pretty_name": f"TGVAC, scale {facts.scale}",
        "license": one or "other",
        **({} if one else other),
        "source_licenses": terms,
        "task_categories": ["image-to-image", "image-segmentation"],
        "tags": ["video", "video-amodal-completion", "amodal-segmentation", "occlusion", "text-guided", "croissant"],
        "language": ["en"],
        "size_categories": [size],
        "configs": [
            {
                "config_name": name,
                "data_files": f"data/{name}.parquet",
                **({"default": True} if name == "recipes" else {}),
            }
            for name in PUBLISHED
        ],
    }


def leakage(facts: Facts) -> str:
    """Whether footage is on more than one side of the split, from the account of the synthesis."""
    shared = facts.account["shared_videos"]
    if facts.account["split_by"] != "video":
        return f"**{LEAKS}** {shared:,} videos are on more than one side."
    count = "none is" if shared == 0 else f"**{shared:,} are**"
    return (
        "The split is by source video, for targets and occluders alike, so that no footage is on two sides. Of all"
        f" source videos in the recipes, {count} on more than one. Footage that two sources share is left out if its"
        " frames have the same bytes; footage that was compressed again is not detected."
    )


def limits(facts: Facts, agreement: Mapping[tuple[str, str], Agreement]) -> list[str]:
    """The limits that a user must know, in one or two sentences each."""
    found = [
        "Occlusion is synthetic: occluders are cut out of other videos and pasted over the object, without shadows,"
        " contact or a common depth.",
        "Rules on the visible mask decide whether a source object is whole; without ground truth this cannot be"
        " verified.",
    ]
    for (level, source), count in sorted(agreement.items()):
        if level == BY_STRETCH and count.precision is not None and count.recall is not None:
            found.append(
                f"In {source}, which has ground truth, {100 * count.precision:.1f} % of the kept frames show an object"
                f" that is truly whole, and {100 * count.recall:.1f} % of such frames were kept."
            )
    if any(source.startswith(WORLD) for source in facts.sources):
        found.append("The world is procedural, not real footage: what is measured in it holds only in the world.")
    templates = sum(caption.captioner == "template" for caption in facts.captions.values())
    if templates:
        found.append(f"{templates:,} of {len(facts.captions):,} captions are a template with the category filled in.")
    if facts.wordless:
        found.append(f"{len(facts.wordless):,} objects have no caption.")
    return [*found, *(f"{line[0].upper()}{line[1:].rstrip('.')}." for line in tell({**facts.account, "split_by": ""}))]


def readme(
    facts: Facts,
    sources: Sequence[Used],
    agreement: Mapping[tuple[str, str], Agreement],
    tables: Sequence[Table],
    folder: Path,
) -> str:
    """The card as Markdown.

    Args:
        tables: the tables to show, in order.
        folder: the folder that has ``data/`` with the published tables.
    """
    import yaml
    from jinja2 import Environment, StrictUndefined

    text = (files("tgvac.card") / "templates" / "README.md.j2").read_text(encoding="utf-8")
    # This is Markdown, not HTML. Text from outside the project is in tables, which escape it themselves.
    template = Environment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    return template.from_string(text).render(
        front=yaml.safe_dump(front_matter(facts, sources), sort_keys=False, allow_unicode=True, width=120),
        facts=facts,
        description=describe(facts),
        sources=sources,
        published=PUBLISHED,
        digests={name: sha256(folder / "data" / f"{name}.parquet") for name in PUBLISHED},
        counts={split: sum(recipe.split == split for recipe in facts.recipes) for split in SPLITS},
        leakage=leakage(facts),
        limits=limits(facts, agreement),
        tables=["##" + to_markdown(table) for table in tables],
        bibtex=bibtex(facts.paper),
        cell=_cell,
    )


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
