"""The keys of the params as their classes declare them: type, range, and what the docstring says."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

from tgvac.config import Block

Path = tuple[str, ...]

ENTRY = "NAME"
"""Stands in a path for the names that the user gives to the entries of a table of blocks."""

_PLAIN = {int: "integer", float: "number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Key:
    """One key of the params, or one block of keys.

    Attributes:
        path: the keys from the top, with :data:`ENTRY` for names of entries.
        kind: type and range in words; "" for a block.
        says: what the class says of it, in its docstring.
        required: whether it has no default in the code, as nearly all keys: their values are in ``params.yaml``.
        default: the code's default, if it is not required.
    """

    path: Path
    kind: str
    says: str
    required: bool = True
    default: Any = None

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.path)


def keys(block: type[Block], above: Path = ()) -> Iterator[Key]:
    """All keys of a block, depth first, in the order of the class; a block within comes before its own keys."""
    says = attributes(block)
    for name, field in block.model_fields.items():
        path = (*above, name)
        below, in_table = block_of(field.annotation)
        if below is None:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            yield Key(path, kind_of(field), says.get(name, ""), field.is_required(), default)
            continue
        yield Key(path, "", says.get(name, "") or summary(below))
        yield from keys(below, (*path, ENTRY) if in_table else path)


def block_of(annotation: Any) -> tuple[type[Block] | None, bool]:
    """The class of the block that an annotation names, and whether it is a table of them by name."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation, False
    if typing.get_origin(annotation) is dict:
        inner, _ = block_of(typing.get_args(annotation)[1])
        return inner, inner is not None
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        blocks = [each for each in map(block_of, typing.get_args(annotation)) if each[0] is not None]
        return blocks[0] if blocks else (None, False)
    return None, False


def summary(kind: type) -> str:
    """The first paragraph of a class's docstring, in one line."""
    return " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())


def attributes(kind: type) -> dict[str, str]:
    """What the docstring of a class, and those it derives from, say below "Attributes:", by name, in one line each."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        section = re.search(r"^ *Attributes:\n((?:(?: {8}.*)?\n)*)", (each.__doc__ or "") + "\n", re.MULTILINE)
        for entry in re.finditer(r"^ {8}(\w+): (.*(?:\n {9,}.*)*)", section[1] if section else "", re.MULTILINE):
            found[entry[1]] = " ".join(entry[2].split())
    return found


def kind_of(field: FieldInfo) -> str:
    """Type and range of a field in words, such as "integer, at least 1"."""
    return ", ".join([_type(field.annotation), *filter(None, map(_range, field.metadata))])


def _type(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return ", ".join([_type(inner[0]), *filter(None, (_range(m) for each in inner[1:] for m in _metadata(each)))])
    if annotation is type(None):
        return "null"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is typing.Literal:
        return _either([f"`{value}`" for value in inner])
    if origin in (typing.Union, types.UnionType):
        return _either([_type(each) for each in inner])
    if origin is list or (origin is tuple and inner[-1] is Ellipsis):
        return f"list of {_type(inner[0])}"
    if origin is tuple:
        return f"[{', '.join(_type(each) for each in inner)}]"
    if origin is dict:
        return f"table of {_type(inner[1])} by name"
    raise ValueError(f"docsite/keys.py has no words for the type {annotation}; add them to _type")


def _metadata(value: Any) -> list[Any]:
    return value.metadata if isinstance(value, FieldInfo) else [value]


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _range(rule: Any) -> str:
    match rule:
        case annotated_types.Ge(ge=low):
            return f"at least {low}"
        case annotated_types.Gt(gt=low):
            return f"above {low}"
        case annotated_types.Le(le=high):
            return f"at most {high}"
        case annotated_types.Lt(lt=high):
            return f"below {high}"
        case annotated_types.MinLen(min_length=low):
            return "not empty" if low == 1 else f"{low} or more"
        case annotated_types.MaxLen(max_length=high):
            return f"{high} or fewer"
        case _ if getattr(rule, "pattern", None):
            return f"matching `{rule.pattern}`"
        case _:
            return ""
