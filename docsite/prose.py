"""From the words in docstrings and in params.yaml to Markdown, and to reStructuredText as Sphinx reads it."""

from __future__ import annotations

import re
from textwrap import dedent

_LITERAL = re.compile(r"(``[^`]*``|`[^`]*`)")
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Note|Example)s?:$")
_SEVERAL = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+):", re.MULTILINE)
_ROLE = re.compile(r":(mod|class|func|meth|data|attr):`~?([^`]+)`")


def escaped(text: str) -> str:
    """Plain text, in which Markdown's own characters stand for themselves; what is in backticks is left as it is."""
    pieces = re.split(r"(`+[^`]*`+)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*<>\[\]_|])", r"\\\1", p) for p in pieces)


def from_docstring(text: str) -> str:
    """Inline reStructuredText of a docstring as Markdown: literals and references."""
    roles = [f"{{py:{kind}}}`{name}`" for kind, name in _ROLE.findall(text)]
    plain = escaped(re.sub(r"``([^`]*)``", r"`\1`", _ROLE.sub("\0", text)))
    return re.sub("\0", lambda _: roles.pop(0), plain)


def docstring_as_markdown(text: str) -> str:
    """A module's docstring as Markdown: paragraphs, and its tables of files as lists."""
    return "\n\n".join(
        "\n".join(_files(dedent(part))) if _lists_files(part) else from_docstring(" ".join(part.split()))
        for part in re.split(r"\n\s*\n", dedent(text).strip("\n"))
    )


def _lists_files(paragraph: str) -> bool:
    """Whether its lines are file names, each followed by a wide gap and what the file holds."""
    return re.search(r"^\s*[\w<>]+/\S+ {2,}\S", paragraph, re.MULTILINE) is not None


def _files(table: str) -> list[str]:
    """A table of files as a list. Lines below a file go on with it; those with a gap of their own say more of it."""
    items: list[str] = []
    for line in table.splitlines():
        # A wide gap behind the name; the indent before it is none.
        name, gap, says = re.sub(r"(?<=\S) {2,}", "\0", line, count=1).partition("\0")
        below = "  " if name.startswith(" ") else ""
        if below and not gap:
            items[-1] += f" {from_docstring(name.strip())}"
        else:
            items.append(f"{below}* `{name.strip()}`" + (f": {from_docstring(says)}" if says else ""))
    return items


def sentence(text: str) -> str:
    """Text with a capital at its start and a stop at its end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!', ':')) else '.'}" if text else ""


def docstring_as_rst(lines: list[str]) -> list[str]:
    """A docstring in the project's style as reStructuredText.

    A paragraph of lines with wide gaps is a table of files or a diagram, and stays as it is. Outside of code, "|x|" is
    a size, and no substitution.
    """
    paragraphs = "\n".join(lines).split("\n\n")
    return "\n\n".join(_paragraph(each) for each in paragraphs).split("\n")


def _paragraph(text: str) -> str:
    lines = text.split("\n")
    if any(_SECTION.match(line.strip()) for line in lines):
        return _plain(_SEVERAL.sub(_one_by_one, text))
    if any(re.search(r"\S {3,}\S", line) for line in lines):
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        return "::\n\n" + "\n".join(f"    {line[indent:]}" for line in lines)
    return _plain(text)


def _one_by_one(entry: re.Match[str]) -> str:
    """An entry of several names, "low, high: ends", as one of each: Sphinx takes the first word for a type."""
    *others, last = entry["names"].split(", ")
    return "".join(f"{entry['indent']}{name}: as ``{last}``.\n" for name in others) + f"{entry['indent']}{last}:"


def _plain(text: str) -> str:
    if not text.lstrip().startswith("* "):
        # A list below a line needs an empty one between.
        text = re.sub(r"\n(?= *\* )", "\n\n", text, count=1)
    pieces = _LITERAL.split(text)
    return "".join(piece if piece.startswith("`") else re.sub(r"(?<!\\)\|", r"\\|", piece) for piece in pieces)
