"""Typed blocks of parameters: YAML read strictly, validated with one-sentence errors, digested canonically.

The blocks are in the packages that read them. :mod:`tgvac.params` joins them into one tree, and
:mod:`tgvac.scales` layers the values of a scale.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import types
import typing
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tgvac.errors import BadInput


class Block(BaseModel):
    """A typed block of parameters: immutable, without unknown keys, without silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Record(Block):
    """A typed part of a file that is no params file, such as what the paper states; its fields count as code."""


B = TypeVar("B", bound=Block)


def canonical(value: Any) -> str:
    """The canonical JSON text of a value: sorted keys, no spaces. Order and comments of the YAML don't count."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical text of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is written twice; plain PyYAML silently takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # PyYAML says so itself, with the line
            if key in seen:
                raise BadInput(
                    f"{self.name}, line {key_node.start_mark.line + 1}: the key '{key}' is written twice;"
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
        raise BadInput(f"{path} is not valid YAML ({where}); fix that line.") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise BadInput(f"{path} holds a {type(tree).__name__}, not a mapping of keys; write 'key: value' lines.")
    return tree


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge: mappings are merged key by key, everything else in ``over`` replaces ``base``."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def nearest(word: str, known: list[str], listed: list[str] | None = None) -> str:
    """A hint for a mistyped word: the nearest known one, else all known words (or those ``listed``)."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(sorted(listed or known))}."


def parse(kind: type[B], tree: Mapping[str, Any], origin: str) -> B:
    """Validate a raw tree as a typed block.

    Args:
        kind: the block's class.
        tree: the raw mapping, as YAML gives it.
        origin: the name of the files it came from, for messages.

    Raises:
        BadInput: one sentence that names the first offending key, its value and the remedy.
    """
    _refuse_unknown(kind, tree, origin, ())
    try:
        # Through JSON, since strict mode takes a list for a tuple only there.
        return kind.model_validate_json(json.dumps(tree, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        value = first.get("input")
        hint = "."
        if isinstance(value, str) and _is_number(value):
            form = "with a point and a sign, such as 5.0e-4" if "e" in value.lower() else "without quotes"
            hint = f": YAML reads {value} as text, so write it {form}."
        if first["type"] == "missing":
            raise BadInput(f"{origin}: the key '{key}' is missing; add it (params.yaml documents each key).") from None
        # A rule over several keys of a block names them itself; printing the whole block would hide them.
        given = "" if first["type"] == "value_error" and isinstance(value, dict) else f" is {value!r}"
        message = first["msg"].removeprefix("Value error, ")
        # A rule over several blocks has no key of its own.
        where = f" '{key}'{given}:" if key else ""
        # A message that ends with a question, "did you mean …?", is a remedy already.
        remedy = "" if message.endswith("?") else f"; correct that value{hint}"
        raise BadInput(f"{origin}:{where} {message}{remedy}") from None


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
            # A table of blocks by name; the user chooses the names.
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
