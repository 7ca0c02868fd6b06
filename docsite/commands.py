"""The commands that a Markdown page shows: in blocks of bash, and in the running text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

PROGRAMS = ("tgvac", "make", "snakemake", "python")
"""Programs whose commands can be checked: those of this project, and those that its files are given to."""

_BLOCK = re.compile(r"^(?P<fence>```+)(?P<language>[\w{}-]*)[^\n]*\n(?P<code>.*?)^(?P=fence)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(rf"(?<!`)`(?P<code>(?:\.venv/bin/)?(?:{'|'.join(PROGRAMS)}) [^`]+)`(?!`)")
_LANGUAGES = ("bash", "sh", "shell", "console", "")
_ENDS = frozenset({"&&", "||", ";", "|", ">", ">>", "<", "&"})


@dataclass(frozen=True)
class Command:
    """A command as a page shows it.

    Attributes:
        program: its name without folder.
        words: the words behind the program, without redirections.
        line: the line of the page, from 1.
        complete: whether it stands in a block, to be typed as it is; in running text words may be left out.
    """

    program: str
    words: tuple[str, ...]
    line: int
    complete: bool

    def __str__(self) -> str:
        return shlex.join([self.program, *self.words])


def commands(text: str) -> Iterator[Command]:
    """The commands of a page, in order, those of :data:`PROGRAMS` alone.

    Raises:
        ValueError: for a block of bash with a quote that nothing closes.
    """
    found: list[Command] = []
    for block in _BLOCK.finditer(text):
        if block["language"] in _LANGUAGES:
            first = text.count("\n", 0, block.start("code")) + 1
            found += _of_block(block["code"] if block["language"] else _only_commands(block["code"]), first)
    prose = _BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    for inline in _INLINE.finditer(prose):
        found += _of_line(_usage(inline["code"]), text.count("\n", 0, inline.start()) + 1, complete=False)
    return iter(sorted(found, key=lambda command: command.line))


def _only_commands(code: str) -> str:
    """A block of no language: its lines that begin with a program, without what stands behind a wide gap."""
    begins = re.compile(rf"(?:\.venv/bin/)?(?:{'|'.join(PROGRAMS)}) ")
    return "\n".join(re.sub(r" {3,}.*", "", line) if begins.match(line) else "" for line in code.splitlines())


def _of_block(code: str, first: int) -> Iterator[Command]:
    begun, at = "", first
    for number, line in enumerate(code.splitlines(), first):
        at = at if begun else number
        begun += line.removeprefix("$ ")
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        yield from _of_line(begun, at, complete=True)
        begun = ""


def _usage(code: str) -> str:
    """A command in running text, in which brackets say what may be left out and bars what is chosen from."""
    return re.sub(r"(?<=\w)\|[\w|]+", "", " ".join(code.split()).replace("[", " ").replace("]", " "))


def _of_line(line: str, number: int, complete: bool) -> Iterator[Command]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>" if complete else "")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        raise ValueError(f"line {number}: the shell cannot read {line!r} ({error}); close the quote") from None
    while words:
        end = next((i for i, word in enumerate(words) if complete and word in _ENDS), len(words))
        yield from _named(words[:end], number, complete)
        words = words[end + 1 :]


def _named(words: list[str], number: int, complete: bool) -> Iterator[Command]:
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if words and (program := words[0].rpartition("/")[2]) in PROGRAMS:
        yield Command(program, tuple(words[1:]), number, complete)
