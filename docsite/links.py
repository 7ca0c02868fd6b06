"""Links of Markdown pages: what they lead to, and the anchors that a page has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(?P<fence>```+|~~~+|:::+)[^\n]*\n.*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1(?!`)", re.DOTALL)
_LINK = re.compile(r"(?<!\\)\]\(\s*(?P<target><[^>]*>|[^)\s]*)[^)]*\)")
_HEADING = re.compile(r"^#{1,6} +(?P<words>.*?)(?: +#+)? *$", re.MULTILINE)
_LABEL = re.compile(r"^\((?P<label>[^()\s]+)\)=[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """A link or picture of a page.

    Attributes:
        path: the file, relative to the page; "" for the page itself.
        anchor: what stands behind "#", or "".
        line: the line of the page, from 1.
        start: where the target begins in the page's text.
        end: where it ends.
    """

    path: str
    anchor: str
    line: int
    start: int
    end: int

    @property
    def outside(self) -> bool:
        """Whether it leads to another host, or writes a mail."""
        return re.match(r"[a-z][a-z0-9+.-]*:", self.path) is not None


def links(text: str) -> Iterator[Link]:
    """The links and pictures of a Markdown page, without those in code."""
    prose = _without_code(text)
    for found in _LINK.finditer(prose):
        start, end = found.span("target")
        path, _, anchor = found["target"].strip("<>").partition("#")
        yield Link(path, anchor, prose.count("\n", 0, start) + 1, start, end)


def anchors(text: str) -> set[str]:
    """The anchors of a page: of its headings as GitHub makes them, and its labels ``(name)=``."""
    prose = _FENCE.sub(_blank, text)
    taken: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.finditer(prose):
        name = slug(heading["words"])
        found.add(name if not taken[name] else f"{name}-{taken[name]}")
        taken[name] += 1
    return found | {label["label"] for label in _LABEL.finditer(prose)}


def slug(heading: str) -> str:
    """The anchor that GitHub, and MyST, make from a heading's words."""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def _without_code(text: str) -> str:
    """A page whose code is blanks, so that places stay."""
    return _CODE.sub(_blank, _FENCE.sub(_blank, text))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
