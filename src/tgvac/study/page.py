"""The page's files: one template, a style and a script, for the server and for the static folder alike."""

from __future__ import annotations

import math
from importlib.resources import files

from tgvac.study.plan import Plan, Study

SCRIPT, STYLE = "study.js", "study.css"
_LOOKS = 4
"""How often a participant is thought to watch a video, for the minutes that the first page promises."""


def web_file(name: str) -> str:
    """The text of a file of the page."""
    return (files("tgvac.study") / "web" / name).read_text(encoding="utf-8")


def minutes(plan: Plan) -> int:
    """How long a participant needs, about: four looks at each video, and three seconds to decide."""
    seconds = sum(_LOOKS * item.frames / plan.fps + 3 for item in plan.items)
    return max(2, math.ceil(seconds / 60))


def index(study: Study, static: bool) -> str:
    """The page as HTML; what the staff gave is escaped.

    Args:
        static: whether it is opened without a server.
    """
    from jinja2 import Environment, StrictUndefined

    plan = study.plan
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(web_file("index.html.j2")).render(
        static=static,
        methods=len(plan.methods),
        count=len(plan.items),
        truth=plan.truth,
        outline=plan.outline,
        minutes=minutes(plan),
        contact=plan.contact,
    )
