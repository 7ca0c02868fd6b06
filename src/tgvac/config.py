"""Parameters: one strict tree, layered by scale, with canonical digests.

``params.yaml`` holds every key at the paper's value (or at the documented choice where the paper is
silent). A scale is an overlay file that holds nothing but the keys it changes; it may name another
scale under ``extends``, and under ``preset`` a set of keys that several scales share. The typed blocks
live in the rooms that read them; ``tgvac.params`` joins them into one tree.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tgvac.errors import BadInput

OPEN_TABLES = ("methods", "variants")
"""Blocks to which a scale may add entries of its own, by new names."""
PAPER = "paper"
"""The preset that ``params.yaml`` itself is."""


class Block(BaseModel):
    """A typed block of parameters: immutable, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


B = TypeVar("B", bound=Block)


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, so that order and comments don't count."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical text of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML that refuses a key written twice, which plain PyYAML resolves silently to the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # PyYAML says so itself, with the line
            if key in seen:
                raise BadInput(
                    f"{self.name}, line {key_node.start_mark.line + 1}: the key '{key}' stands twice;"
                    " keep one of the two."
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping; an empty file is an empty mapping."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; restore it from the repository or give another file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text ({error}); give a YAML file in UTF-8.") from None
    try:
        loader = _UniqueKeyLoader(text)
        loader.name = str(path)
        try:
            tree = loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        where = " ".join(str(error).split())
        raise BadInput(f"{path} is not valid YAML ({where}); mend the line it names.") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadInput(f"{path} holds a {type(tree).__name__}, not a mapping of keys; write 'key: value' lines.")
    return tree


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge: mappings are joined key by key, everything else in ``over`` replaces ``base``."""
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        out[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return out


def nearest(word: str, known: list[str], listed: list[str] | None = None) -> str:
    """A hint naming the known word nearest to a mistyped one; else the list of known words, or a shorter one."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(sorted(listed or known))}."


def scale_files(scales: Path, scale: str) -> list[Path]:
    """The overlay files of a scale, from the one it extends furthest down to its own."""
    chain: list[Path] = []
    name: str | None = scale
    while name is not None:
        path = scales / f"{name}.yaml"
        if not path.is_file():
            known = sorted(p.stem for p in scales.glob("*.yaml"))
            raise BadInput(f"Scale '{name}' is unknown (no file {path}); {nearest(name, known)}")
        if path in chain:
            raise BadInput(f"{path}: 'extends' runs in a circle; let one of the scales stand on its own.")
        chain.insert(0, path)
        above = read_yaml(path).get("extends")
        if above is not None and not isinstance(above, str):
            raise BadInput(f"{path}: 'extends' is {above!r}; write the name of one scale.")
        name = above
    return chain


def layers(params: Path, scales: Path, scale: str) -> list[tuple[Path, dict[str, Any]]]:
    """What a scale's params are laid from, lowest first: each a file, and the keys that it sets.

    ``params.yaml``, then for each overlay of the chain the preset that it names, if any, and its own keys.
    """
    base = read_yaml(params)
    out = [(params, base)]
    for path in scale_files(scales, scale):
        over = read_yaml(path)
        over.pop("extends", None)
        name = over.pop("preset", None)
        if name is not None:
            out.append(_preset(params, base, scales.with_name("presets"), name, path))
        out.append((path, over))
    return out


def _preset(
    params: Path, base: dict[str, Any], presets: Path, name: object, asked: Path
) -> tuple[Path, dict[str, Any]]:
    """A preset's file and keys. ``paper`` has no file: it is what ``params.yaml`` has where any preset differs."""
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
    """The raw merged tree of one scale: its layers, each over those below it."""
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
    """The keys of the deepest block of the tree that a path enters."""
    node = tree
    for key in path:
        if not isinstance(node.get(key), Mapping):
            break
        node = node[key]
    return [str(key) for key in node]


def has_path(tree: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Whether a path leads to something; below an empty mapping (an open table) anything goes."""
    node: Any = tree
    for key in path:
        if isinstance(node, Mapping) and not node:
            return True
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True


def parse(kind: type[B], tree: Mapping[str, Any], origin: str) -> B:
    """Validate a raw tree as a typed block.

    Args:
        kind: the block's class.
        tree: the raw mapping, as YAML gives it.
        origin: the name of the files it came from, for messages.

    Raises:
        BadInput: one sentence naming the first offending key, its value and the remedy.
    """
    _refuse_unknown(kind, tree, origin, ())
    try:
        # By way of JSON, so that a list is a tuple in strict mode, as it is nowhere else.
        return kind.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        value = first.get("input")
        hint = "."
        if isinstance(value, str) and _is_number(value):
            remedy = "with a point and a sign, such as 5.0e-4" if "e" in value.lower() else "without quotes"
            hint = f": YAML reads {value} as text, so write it {remedy}."
        if first["type"] == "missing":
            raise BadInput(f"{origin}: the key '{key}' is missing; add it (params.yaml documents each key).") from None
        # A rule over several keys of a block names them itself; the block's whole content would hide them.
        given = "" if first["type"] == "value_error" and isinstance(value, dict) else f" is {value!r}"
        message = first["msg"].removeprefix("Value error, ")
        # What a rule over several blocks says has no key of its own.
        where = f" '{key}'{given}:" if key else ""
        raise BadInput(f"{origin}:{where} {message}; correct that value{hint}") from None


def _refuse_unknown(kind: type[Block], tree: Mapping[str, Any], origin: str, above: tuple[str, ...]) -> None:
    for key, value in tree.items():
        if key not in kind.model_fields:
            path = ".".join((*above, str(key)))
            raise BadInput(f"{origin}: unknown key '{path}'; {nearest(str(key), list(kind.model_fields))}")
        annotation = kind.model_fields[key].annotation
        if not isinstance(value, Mapping):
            continue
        if (child := _block_of(annotation)) is not None:
            _refuse_unknown(child, value, origin, (*above, str(key)))
        elif (child := _block_of(typing.get_args(annotation)[-1:] and typing.get_args(annotation)[-1])) is not None:
            # A table of blocks, by names of the user's own.
            for name, each in value.items():
                if isinstance(each, Mapping):
                    _refuse_unknown(child, each, origin, (*above, str(key), str(name)))


def _block_of(annotation: Any) -> type[Block] | None:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        found = [b for b in map(_block_of, typing.get_args(annotation)) if b is not None]
        return found[0] if found else None
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
