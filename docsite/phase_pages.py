"""A page for each phase: what it makes, reads and is decided by, from the table of phases and the typed params."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from docsite.layered import svg
from docsite.param_entries import Values, block_section
from docsite.prose import docstring_as_markdown
from tgvac.methods.registry import trained_phases
from tgvac.params import Params
from tgvac.phase_spec import NO_OPTIONS, Phase
from tgvac.phases import PHASES

HOME = {
    "frame_model": "frame",
    "motion_module": "motion",
    "sampler": "completion",
    "methods": "completion",
    "trivial": "completion",
    "progressive": "completion",
    "evaluation": "completion",
}
"""On which phase's page a block of another name is described. What several phases read, or none, has its own page."""

SHARED = "phases/shared-params"


def pages(found: Values) -> dict[str, str]:
    """The text of each page, by its name without suffix."""
    return {
        "phases/index": _index(),
        **{f"phases/{phase.name}": _page(phase, found) for phase in PHASES},
        SHARED: _shared(found),
    }


def home(block: str) -> str:
    """The page on which a block of the params is described."""
    name = HOME.get(block, block)
    return f"phases/{name}" if name in {phase.name for phase in PHASES} else SHARED


def earlier(phase: Phase) -> tuple[str, ...]:
    """The phases that it reads, those that its methods ask for among them."""
    return (*phase.after, "backbones", *trained_phases()) if phase.loads_method else phase.after


def direct_edges() -> list[tuple[str, str]]:
    """The graph of phases from each to those that read it, without what follows from others."""
    reads = {phase.name: set(earlier(phase)) for phase in PHASES}

    def reached(name: str) -> set[str]:
        return reads[name].union(*(reached(near) for near in reads[name]))

    return [
        (near, phase.name)
        for phase in PHASES
        for near in sorted(reads[phase.name])
        if not any(near in reached(other) for other in reads[phase.name])
    ]


def _index() -> str:
    rows = [f"| [`{phase.name}`]({phase.name}.md) | {_title(phase)} |" for phase in PHASES]
    return "\n\n".join(
        [
            "# Phases and params",
            "The workflow is a graph of phases. One word names a phase everywhere: its rule file in `workflow/rules/`,"
            " its block in `params.yaml`, its folder `results/<scale>/<phase>/` and the command `tgvac stage`.",
            svg(
                direct_edges(), "The graph of phases: an arrow leads to a phase that reads", lambda name: f"{name}.html"
            ),
            "*An arrow leads to a phase that reads; reads that follow from others are left out. Made from"
            " `src/tgvac/phases.py`.*",
            "\n".join(["| phase | what it does |", "|---|---|", *rows]),
            "Each page has the phase's files, what decides it, and its params: type and range from the code, the value"
            " and its reason from `params.yaml`, and the scales that set another value. Params that several phases"
            " read, or none, are on [one page](shared-params.md).",
        ]
    )


def _title(phase: Phase) -> str:
    first = (importlib.import_module(phase.module).__doc__ or "").strip().split("\n\n")[0]
    says = " ".join(first.split()).removeprefix(f"Phase `{phase.name}`: ")
    return says.replace("``", "`")


def _page(phase: Phase, found: Values) -> str:
    _, _, rest = (importlib.import_module(phase.module).__doc__ or "").strip().partition("\n\n")
    own = [block for block in Params.model_fields if home(block) == f"phases/{phase.name}"]
    says = _title(phase)
    return "\n\n".join(
        [
            f"# Phase `{phase.name}`",
            f"{says[:1].upper()}{says[1:]}",
            f"```bash\n{_command(phase)}\n```",
            "## Files",
            "Paths are below `results/<scale>/`; [Files](../formats.md) describes formats.",
            docstring_as_markdown(rest),
            "## Where it stands",
            "\n".join(_facts(phase)),
            "## What decides it",
            f"The digest of its code, from {{py:mod}}`{phase.module}` on, its inputs, and these params:"
            f" {_deciding(phase)}.",
            *(block_section(block, found) for block in own),
        ]
    )


def _command(phase: Phase) -> str:
    options = "".join(
        f" --{name} {value}"
        for name, value in (("method", "ours"), ("variant", "full"), ("seed", "0"))
        if name in phase.wildcards
    )
    return (
        f".venv/bin/tgvac run --scale tiny --target {phase.name}      # this phase and all that it needs\n"
        f".venv/bin/tgvac stage {phase.name} --scale tiny{options}"
    )


def _facts(phase: Phase) -> Iterator[str]:
    """A line for each thing that the table of phases says."""
    later = [each.name for each in PHASES if phase.name in earlier(each)]
    yield f"* **Reads** {_linked(earlier(phase)) or 'no other phase'}" + _files(", and ", phase.reads) + "."
    yield f"* **Is read by** {_linked(later)}." if later else "* **Is read by** no other phase."
    ends = phase.final or (phase.part,)
    yield f"* **Ends in** {_files('', tuple(f'{phase.name}/{name}' for name in ends))}, on which later phases depend."
    if phase.shards:
        part = _files("", (f"{phase.name}/{phase.part}",))
        yield f"* **Shards**: {{confval}}`shards.{phase.shards}` of them, each ending in {part}."
    if phase.wildcards:
        yield f"* **One job** for each {' and '.join(phase.wildcards)}."
    if phase.lists:
        lists = _files("", phase.lists)
        yield f"* **Lists for people**, which nothing else reads but the report and the card: {lists}."
    if phase.here:
        yield f"* **Of this machine alone**, in no digest: {_files('', phase.here)}."
    if phase.aside:
        yield f"* **Gets, but is not decided by**: {', '.join(_param(name) for name in phase.aside)}."


def _linked(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"[`{name}`]({name}.md)" for name in dict.fromkeys(names))


def _files(lead: str, names: tuple[str, ...]) -> str:
    """Files whose names have options in them, in backticks."""
    plain = (name.format_map(_Options()) for name in names)
    return lead + ", ".join(f"`{name}`" for name in plain) if names else ""


class _Options(dict[str, object]):
    """Fills in file names: of shards the first, of the rest their own word."""

    def __missing__(self, key: str) -> object:
        return 0 if key == "shard" else f"<{key}>"


def _deciding(phase: Phase) -> str:
    return ", ".join(_param(name) for name in phase.blocks_of(NO_OPTIONS))


def _param(name: str) -> str:
    """A link to a key's entry, or to the section of its block."""
    block, _, below = name.partition(".")
    if below and "{" not in below and not _is_block(name):
        return f"{{confval}}`{name}`"
    return f"[`{name}`](#params-{block})"


def _is_block(name: str) -> bool:
    """Whether a dotted name is a block of keys."""
    node: object = Params
    for part in name.split("."):
        fields = getattr(node, "model_fields", None)
        if fields is None or part not in fields:
            return False
        node = fields[part].annotation
    return hasattr(node, "model_fields")


def _shared(found: Values) -> str:
    blocks = [block for block in Params.model_fields if home(block) == SHARED]
    return "\n\n".join(
        [
            "# Params that phases share",
            "Blocks of `params.yaml` that several phases read, or none. A phase's page says which of them decide it.",
            *(block_section(block, found) for block in blocks),
        ]
    )
