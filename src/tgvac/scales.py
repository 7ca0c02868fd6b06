"""Scales: the values of all params, layered from files.

``params.yaml`` holds every key at the paper's value, or at the documented choice where the paper is silent. A scale is
an overlay file that holds only the keys it changes. It may name another scale under ``extends``, and under ``preset`` a
set of keys that several scales share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, cast

from tgvac.config import merge, nearest, read_yaml
from tgvac.errors import BadInput

OPEN_TABLES = ("methods", "variants")
"""Blocks to which a scale may add entries under new names."""
PAPER = "paper"
"""The preset that ``params.yaml`` itself is."""


def scale_files(scales: Path, scale: str) -> list[Path]:
    """The overlay files of a scale: first the scale that extends no other, last its own."""
    chain: list[Path] = []
    name: str | None = scale
    while name is not None:
        path = scales / f"{name}.yaml"
        # A path would name results outside of `results/`.
        if Path(name).name != name or not path.is_file():
            known = sorted(p.stem for p in scales.glob("*.yaml"))
            raise BadInput(f"Scale '{name}' is unknown (no file {path}); {nearest(name, known)}")
        if path in chain:
            raise BadInput(f"{path}: 'extends' runs in a circle; remove it from one of the scales.")
        chain.insert(0, path)
        above = read_yaml(path).get("extends")
        if above is not None and not isinstance(above, str):
            raise BadInput(f"{path}: 'extends' is {above!r}; write the name of one scale.")
        name = above
    return chain


def layers(params: Path, scales: Path, scale: str) -> list[tuple[Path, dict[str, Any]]]:
    """The layers of a scale's params, lowest first: each a file and the keys that it sets.

    First ``params.yaml``, then for each overlay of the chain its preset, if it names one, and its own keys.
    """
    base = read_yaml(params)
    found = [(params, base)]
    for path in scale_files(scales, scale):
        over = read_yaml(path)
        over.pop("extends", None)
        name = over.pop("preset", None)
        if name is not None:
            found.append(_preset(params, base, scales.with_name("presets"), name, path))
        found.append((path, over))
    return found


def _preset(
    params: Path, base: dict[str, Any], presets: Path, name: object, asked: Path
) -> tuple[Path, dict[str, Any]]:
    """A preset's file and keys. ``paper`` has no file: it resets the keys of all other presets to ``params.yaml``."""
    files = {path.stem: path for path in sorted(presets.glob("*.yaml"))}
    if name == PAPER:
        changed = [leaf for path in files.values() for leaf in leaves(read_yaml(path))]
        tree: dict[str, Any] = {}
        for leaf in changed:
            if has_path(base, leaf):
                tree = merge(tree, _nested(leaf, reduce(getitem, leaf, base)))
        return params, tree
    if not isinstance(name, str) or name not in files:
        raise BadInput(f"{asked}: preset {name!r} is unknown; {nearest(str(name), [PAPER, *files])}")
    return files[name], read_yaml(files[name])


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return cast("dict[str, Any]", value)


def load_tree(params: Path, scales: Path, scale: str) -> dict[str, Any]:
    """The raw tree of a scale: its layers, each merged over those below.

    Raises:
        BadInput: when a layer sets a key that those below don't have, outside of the open tables.
    """
    (_, tree), *above = layers(params, scales, scale)
    for path, over in above:
        for leaf in leaves(over):
            if not has_path(tree, leaf) and leaf[0] not in OPEN_TABLES:
                hint = nearest(".".join(leaf), [".".join(p) for p in leaves(tree)], _siblings(tree, leaf))
                raise BadInput(f"{path} sets '{'.'.join(leaf)}', which {params} does not have; {hint}")
        tree = merge(tree, over)
    return tree


def leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all leaves of a tree; an empty mapping and a list are leaves."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key))


def _siblings(tree: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """The keys of the deepest block of the tree that is on a path."""
    node = tree
    for key in path:
        if not isinstance(node.get(key), Mapping):
            break
        node = node[key]
    return [str(key) for key in node]


def has_path(tree: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a tree has a path; an empty mapping (an open table) has any path below it."""
    node: Any = tree
    for key in path:
        if isinstance(node, Mapping) and not node:
            return True
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True
