"""The reasons that params.yaml gives: its comments, by the key that they stand at."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

Path = tuple[str, ...]


def reasons(text: str) -> dict[Path, str]:
    """The comment of each key of a YAML mapping, by the key's path.

    A key's comment stands behind its value, and goes on below it on lines that hold nothing else and begin under it or
    with "#  "; or it stands on lines of its own just above the key. A key behind whose value "#  " goes on with the
    comment of the key before shares that comment. A comment that is followed by an empty line belongs to no key.

    Args:
        text: a YAML document whose top is a mapping of plain keys.

    Returns:
        Comments in one line each, without "#". Keys without a comment are not in it.
    """
    keys = {line: path for path, line in _keys(yaml.compose(text, yaml.SafeLoader))}
    code_ends = _code_ends(text)
    found: dict[Path, list[str]] = {}
    above: list[str] = []
    last: tuple[Path, int] | None = None
    for number, line in enumerate(text.splitlines()):
        code, comment, column = _split(line, code_ends.get(number, 0))
        if not line.strip():
            above, last = [], None
        elif code.strip():
            path = keys.get(number)
            if path is None:
                # A further line of a value, such as an item of a list.
                above = []
                continue
            if last is not None and _goes_on(comment):
                found[last[0]].append(comment)
                found[path] = found[last[0]]
            else:
                found[path] = [*above, comment] if comment else above
            above, last = [], (path, column) if comment else None
        elif last is not None and (column >= last[1] or _goes_on(comment)):
            found[last[0]].append(comment)
        else:
            above, last = [*above, comment], None
    return {path: " ".join(map(str.strip, lines)) for path, lines in found.items() if lines}


def _keys(node: yaml.Node | None, above: Path = ()) -> Iterator[tuple[Path, int]]:
    """Path and line of each key; of keys that share a line, the first alone."""
    lines: set[int] = set()
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        path, line = (*above, key.value), key.start_mark.line
        if line not in lines:
            yield path, line
        lines.add(line)
        yield from ((p, n) for p, n in _keys(value, path) if n not in lines)


def _code_ends(text: str) -> dict[int, int]:
    """By line, the column behind its last piece of YAML, from which a "#" begins a comment."""
    ends: dict[int, int] = {}
    for token in yaml.scan(text, yaml.SafeLoader):
        if token.end_mark.index > token.start_mark.index:
            ends[token.end_mark.line] = max(ends.get(token.end_mark.line, 0), token.end_mark.column)
    return ends


def _split(line: str, code_end: int) -> tuple[str, str, int]:
    """A line's YAML, its comment, and the column of its "#" (0 without one)."""
    mark = re.search(r"#", line[code_end:])
    if mark is None:
        return line, "", 0
    column = code_end + mark.start()
    return line[:column], line[column + 1 :].rstrip(), column


def _goes_on(comment: str) -> bool:
    return comment.startswith("  ")
