"""Whether a command would be understood: its options, scales, phases, targets and files exist. Nothing is run."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docsite.command_page import root
from docsite.commands import Command
from tgvac.config import nearest
from tgvac.methods.registry import REGISTRY
from tgvac.phases import PHASES

_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|.*[<>…$*].*|\.\.\.")
"""A word that stands for what the reader gives."""


@dataclass(frozen=True)
class Clone:
    """What commands may name in a clone.

    Attributes:
        folder: the clone.
        names: the known values of an option, or of a variable of the same name.
    """

    folder: Path
    names: Mapping[str, frozenset[str]]

    def complaint(self, command: Command) -> str:
        """What is wrong with a command, in one sentence with the remedy; "" for nothing."""
        match command.program:
            case "tgvac":
                return self._tgvac(command)
            case "make":
                return self._make(command)
            case "snakemake":
                return self._snakemake(command)
            case _:
                return self._python(command)

    def _tgvac(self, command: Command) -> str:
        node, words, path = root(), list(command.words), "tgvac"
        while hasattr(node, "commands"):
            if not words or is_placeholder(words[0]) or words[0].startswith("-"):
                return ""
            if words[0] not in node.commands:
                return f"{path} has no command '{words[0]}'; {nearest(words[0], list(node.commands))}"
            path, node = f"{path} {words[0]}", node.commands[words.pop(0)]
        return self._options(path, node, words, command.complete)

    def _options(self, path: str, command: Any, words: list[str], complete: bool) -> str:
        """A complaint about the words behind the name of a command."""
        options = {n: each for each in command.params for n in (*each.opts, *each.secondary_opts) if n[0] == "-"}
        values: list[tuple[str, str]] = []
        given: list[str] = []
        while words:
            name, equals, value = words.pop(0).partition("=")
            if name in ("-h", "--help"):
                return ""
            if not name.startswith("-") or name == "-":
                given.append(name + equals + value)
            elif name not in options:
                return f"{path} has no option {name}; {nearest(name, sorted(options))}"
            elif options[name].is_flag or equals:
                values.append((options[name].name, value))
            elif words or not complete:
                values.append((options[name].name, words.pop(0) if words else "VALUE"))
            else:
                return f"{path} needs a value behind {name}; give one."
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        if len(given) > len(arguments):
            return (
                f"{path} takes {len(arguments) or 'no'} words without an option, not '{' '.join(given)}'; remove some."
            )
        values += [(argument.name, word) for argument, word in zip(arguments, given, strict=False)]
        there = {name for name, _ in values}
        if complete and (missing := [each for each in command.params if each.required and each.name not in there]):
            return f"{path} needs {missing[0].opts[0]}; add it."
        return self._first_unknown(values)

    def _make(self, command: Command) -> str:
        text = (self.folder / "Makefile").read_text(encoding="utf-8")
        targets = sorted(re.findall(r"^([a-z][\w-]*):(?!=)", text, re.MULTILINE))
        values = []
        for word in command.words:
            name, equals, value = word.partition("=")
            if not equals and not is_placeholder(word.removeprefix("bench-")) and word not in targets:
                return f"the Makefile has no target '{word}'; {nearest(word, targets)}"
            if equals and not re.search(rf"\b{re.escape(name)}\b", text):
                return f"the Makefile reads no variable {name}; remove it."
            values.append((name.lower(), value))
        return self._first_unknown(values)

    def _snakemake(self, command: Command) -> str:
        from snakemake.cli import get_argument_parser

        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                given = get_argument_parser().parse_args(list(command.words))
        except SystemExit:
            return f"snakemake refuses it ({said.getvalue().strip().splitlines()[-1]}); correct the options."
        for profile in given.profile or ():
            if not is_placeholder(profile) and not (self.folder / profile / "profile.yaml").is_file():
                return f"there is no profile {profile}/profile.yaml; use one that is there."
        values = [(name, value) for name, _, value in (setting.partition("=") for setting in given.config or ())]
        return self._first_unknown([*values, *(("target", word) for word in given.targets or ())])

    def _python(self, command: Command) -> str:
        words = list(command.words)
        if words[:1] == ["-m"] and len(words) > 1:
            own = words[1].partition(".")[0] in {path.parent.name for path in self.folder.glob("*/__init__.py")}
            return f"there is no module {words[1]}; correct its name." if own and not self._has_module(words[1]) else ""
        script = next((word for word in words if word.endswith(".py")), "")
        if script and not is_placeholder(script) and not (self.folder / script).is_file():
            return f"there is no file {script}; correct its name."
        return ""

    def _has_module(self, name: str) -> bool:
        path = self.folder.joinpath(*name.split("."))
        return path.with_suffix(".py").is_file() or path.is_dir()

    def _first_unknown(self, values: list[tuple[str, str]]) -> str:
        """A complaint about the first value that names something of the clone that is not there."""
        for name, word in values:
            known = self.names.get(name)
            if known is not None and word and word not in known and not is_placeholder(word):
                return f"there is no {name} '{word}'; {nearest(word, sorted(known))}"
        return ""


def is_placeholder(word: str) -> bool:
    """Whether a word stands for what the reader gives, such as ``VIDEO`` or ``<folder>``."""
    return _PLACEHOLDER.fullmatch(word) is not None


def read_clone(folder: Path, page: str = "") -> Clone:
    """What commands may name in a clone.

    Args:
        page: the text of a page; what its reader writes, scales and methods, counts as there.
    """
    phases = frozenset(phase.name for phase in PHASES)
    rules = (path.read_text(encoding="utf-8") for path in sorted((folder / "workflow").rglob("*")) if _has_rules(path))
    targets = frozenset(name for text in rules for name in re.findall(r"^(?:local)?rule (\w+):", text, re.MULTILINE))
    scales = frozenset(path.stem for path in (folder / "workflow" / "scales").glob("*.yaml"))
    names = {
        "scale": scales.union(re.findall(r"workflow/scales/([a-z][\w-]*)\.yaml", page)),
        "phase": phases,
        "target": phases | targets,
        "method": frozenset(REGISTRY).union(re.findall(r"New file `src/tgvac/methods/(\w+)\.py`", page)),
    }
    return Clone(folder, names)


def _has_rules(path: Path) -> bool:
    return path.suffix == ".smk" or path.name == "Snakefile"
