"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from docsite.prose import escaped
from tgvac.cli import app

PAGE = "command-line"


def pages() -> dict[str, str]:
    """The text of the page, by its name without suffix."""
    return {
        PAGE: "\n\n".join(
            [
                "# Command line",
                "All commands of `tgvac`. `tgvac COMMAND --help` prints the same. Commands are run in the clone:"
                " scales, results and weights are found from there.",
                *(_section(" ".join(("tgvac", *path)), command) for path, command in commands(root())),
            ]
        )
    }


def root() -> Any:
    """The command line as a tree of commands."""
    return typer.main.get_command(app)


def commands(group: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands of a group that do something, with their names."""
    for name, command in group.commands.items():
        path = (*above, name)
        if hasattr(command, "commands"):
            yield from commands(command, path)
        else:
            yield path, command


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    words = [each.name.upper() if each.required else f"[{each.name.upper()}]" for each in arguments]
    words += [f"{each.opts[0]} {_value(each)}".strip() for each in options if each.required]
    line = " ".join([name, *words, *(["[options]"] if any(not each.required for each in options) else [])])
    rows = [f"* `{each.name.upper()}`: {escaped(each.help or '')}" for each in arguments]
    rows += [f"* {_names(each)}{_default(each)}: {escaped(each.help or '')}" for each in options]
    return "\n\n".join(
        [f"## `{name}`", escaped(inspect.cleandoc(command.help or "")), f"```text\n{line}\n```", "\n".join(rows)]
    )


def _names(option: Any) -> str:
    return ", ".join(f"`{f'{name} {_value(option)}'.strip()}`" for name in (*option.opts, *option.secondary_opts))


def _value(option: Any) -> str:
    return "" if option.is_flag else (option.metavar or option.name).upper()


def _default(option: Any) -> str:
    if option.required:
        return " (required)"
    if option.multiple:
        return " (repeatable)"
    return "" if option.is_flag or option.default in (None, "") else f" ({option.default})"
