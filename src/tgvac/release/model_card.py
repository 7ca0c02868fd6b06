"""``README.md`` of a model as a hub shows it: YAML front matter, then the card. Everything comes from the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from tgvac.card.croissant import bibtex
from tgvac.config import canonical
from tgvac.release.model_facts import ModelFacts
from tgvac.report.paper import Paper
from tgvac.report.scores import SCORES
from tgvac.report.tables import to_markdown

LICENCES = {"stable-diffusion-v1-5/stable-diffusion-v1-5": "creativeml-openrail-m"}
"""Licences of published weights by their name on the hub, with the ids that the hub has for them."""


def front_matter(facts: ModelFacts) -> dict[str, Any]:
    """What a hub reads: library, licence, what it was made from, and the means over all frames."""
    params = facts.params
    starts = (params.backbones.stable_diffusion, params.frame_model.start, params.motion_module.start)
    bases = [name for name in starts if name]
    licence = "apache-2.0" if facts.standins else LICENCES.get(bases[0], "other")
    means = {
        score.label: facts.scores.get(f"ours/{facts.variant}/{facts.params.evaluation.mask_source}/all/{score.metric}")
        for score in SCORES
    }
    metrics = [
        {"type": score.metric, "name": score.label, "value": round(value, 4)}
        for score in SCORES
        if (value := means[score.label]) is not None
    ]
    results = [
        {
            "task": {"type": "video-to-video", "name": "text-guided video amodal completion"},
            "dataset": {
                "type": "tgvac",
                "name": f"TGVAC, scale {facts.scale}, split {facts.params.evaluation.split}"
                + (" (stand-in backbones: not comparable with the paper)" if facts.standins else ""),
            },
            "metrics": metrics,
        }
    ]
    return {
        "library_name": "diffusers",
        "pipeline_tag": "video-to-video",
        "license": licence,
        **({"license_name": "by-origin", "license_link": "#licences"} if licence == "other" else {}),
        **({} if facts.standins else {"base_model": bases}),
        "language": ["en"],
        "tags": [
            "video-amodal-completion",
            "text-guided",
            "animatediff" if _published_class(facts) else "motion-module",
        ],
        **({"model-index": [{"name": name_of(facts), "results": results}]} if metrics else {}),
    }


def name_of(facts: ModelFacts) -> str:
    """The model's name."""
    return f"TGVAC, scale {facts.scale}, variant {facts.variant}, seed {facts.seed}"


def model_card(facts: ModelFacts, paper: Paper, parts: Mapping[str, tuple[str, str]], half: bool = False) -> str:
    """The card as Markdown.

    Args:
        parts: the class and the digest of the weights ("" if none) of each folder.
        half: whether the weights are diffusers' variant ``fp16``.
    """
    import yaml
    from jinja2 import Environment, StrictUndefined

    text = (files("tgvac.release") / "templates" / "MODEL.md.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    blocks = {name: json.loads(canonical(stage.params)) for name, stage in facts.stages.items()}
    sampling = {
        name: json.loads(canonical(getattr(facts.params, name)))
        for name in ("framing", "diffusion", "sampler", "completion")
    }

    def dump(value: Any) -> str:
        return yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=120)

    return template.from_string(text).render(
        front=yaml.safe_dump(front_matter(facts), sort_keys=False, allow_unicode=True, width=120),
        name=name_of(facts),
        facts=facts,
        paper=paper,
        parts=parts,
        half=half,
        published_class=_published_class(facts),
        blocks={name: dump(block) for name, block in blocks.items()},
        sampling=dump(sampling),
        results="#" + to_markdown(facts.results) if facts.results else "",
        bibtex=bibtex(paper),
        cell=_cell,
        licence=LICENCES.get(facts.params.backbones.stable_diffusion, "that of its publisher"),
    )


def _published_class(facts: ModelFacts) -> bool:
    """Whether the motion modules have a class in diffusers."""
    return facts.params.motion_module.block == "animatediff"


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
