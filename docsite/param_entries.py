"""The params as entries of a page: each key with its type, value and reason in params.yaml, and what scales set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import yaml

from docsite import ROOT
from docsite.keys import ENTRY, Key, block_of, keys
from docsite.prose import escaped, from_docstring, sentence
from docsite.reasons import reasons
from tgvac.config import read_yaml
from tgvac.params import Params
from tgvac.scales import load_tree

LONGEST = 70
"""Letters of a value that is printed in full."""


@dataclass(frozen=True)
class Values:
    """What files say of the params.

    Attributes:
        base: the tree of ``params.yaml``.
        why: the reason of a key there, by its path.
        scales: the whole tree of each scale.
    """

    base: Mapping[str, Any]
    why: Mapping[tuple[str, ...], str]
    scales: Mapping[str, Mapping[str, Any]]


@cache
def values() -> Values:
    """What this clone's files say of the params."""
    params, folder = ROOT / "params.yaml", ROOT / "workflow" / "scales"
    scales = {path.stem: load_tree(params, folder, path.stem) for path in sorted(folder.glob("*.yaml"))}
    return Values(read_yaml(params), reasons(params.read_text(encoding="utf-8")), scales)


def block_section(name: str, found: Values) -> str:
    """The section of one block of the params: a heading, and an entry for each of its keys."""
    block, in_table = block_of(Params.model_fields[name].annotation)
    assert block is not None, name
    top, *rest = (Key((name,), "", ""), *keys(block, (name, ENTRY) if in_table else (name,)))
    says = from_docstring(sentence(" ".join((block.__doc__ or "").strip().split("\n\n")[0].split())))
    parts = [f"(params-{name})=\n## Params: `{name}`", says, _why(top, found)]
    parts += [_entry(key, found) for key in rest]
    if in_table:
        parts += [f"### Entries of `{name}` in `params.yaml`", *_entries_of_table(name, found)]
    return "\n\n".join(part for part in parts if part)


def _entry(key: Key, found: Values) -> str:
    if not key.kind:
        return f"### `{key.name}`\n\n{from_docstring(sentence(key.says))}\n\n{_why(key, found)}"
    lines = [f"```{{confval}} {key.name}", f":type: {key.kind}"]
    if not key.required:
        lines.append(f":default: {shown(key.default)}")
    words = [from_docstring(sentence(key.says)), _why(key, found), _at_scales(key, found)]
    return "\n".join([*lines, "", "\n\n".join(word for word in words if word), "```"])


def _why(key: Key, found: Values) -> str:
    """What ``params.yaml`` has: of a key its value, and the reason if it is there."""
    value = _at(found.base, key.path) if key.kind and ENTRY not in key.path else None
    table = value if isinstance(value, Mapping) else {}
    plain = "" if value is None or table else shown(value)
    said = ": ".join(filter(None, [plain, escaped(found.why.get(key.path, ""))]))
    entries = "\n".join(_table_entry((*key.path, name), each, found) for name, each in table.items())
    return "\n\n".join(filter(None, [f"*In `params.yaml`:* {said}." if said else "", entries]))


def _table_entry(path: tuple[str, ...], value: Any, found: Values) -> str:
    why = found.why.get(path, "")
    return f"* `{path[-1]}`: {shown(value)}" + (f": {escaped(why)}" if why else "")


def _at_scales(key: Key, found: Values) -> str:
    """The values of scales that have another one than ``params.yaml``, each value with its scales."""
    if ENTRY in key.path:
        return ""
    here = _at(found.base, key.path)
    other = {name: value for name, tree in found.scales.items() if (value := _at(tree, key.path)) != here}
    if not other:
        return ""

    def order(name: str) -> str:
        return repr(other[name])

    groups = [(shown(other[names[0]]), names) for names in _grouped(sorted(other, key=order), order)]
    return f"*At scales:* {'; '.join(f'{value} at {_scales(names)}' for value, names in groups)}."


def _grouped(names: Iterable[str], by: Any) -> Iterator[list[str]]:
    return (list(group) for _, group in groupby(names, by))


def _scales(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _entries_of_table(name: str, found: Values) -> Iterator[str]:
    for entry, value in found.base[name].items():
        why = found.why.get((name, entry), "")
        sets = f"sets {shown(value)}" if value else "sets nothing"
        yield f"* `{entry}` {sets}. {escaped(sentence(why))}"


def shown(value: Any) -> str:
    """A value as YAML on one line, in backticks; of a long one, only what it is."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).removesuffix("...\n").strip()
    if len(text) > LONGEST and isinstance(value, list):
        return f"a list of {len(value)}"
    return f"`{text}`"


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree
