"""Pages of the API reference: one for each package, with its modules; Sphinx fills them from the docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from docsite.prose import from_docstring, sentence
from tgvac.code_digests import PACKAGE, TREE

TOP = "top"
"""The page of the modules that are in no package."""


def pages(filled: bool = True) -> dict[str, str]:
    """The text of each page, by its name without suffix.

    Args:
        filled: whether pages have what docstrings say; else they have headings alone, and are built at once.
    """
    found = {f"api/{folder.name}": _page(folder.name, folder) for folder in packages()}
    rows = [f"| [`{folder.name}`]({folder.name}.md) | {_summary(folder / '__init__.py')} |" for folder in packages()]
    index = [
        "# API",
        "Every module, class and function, from the docstrings. Packages import downwards only;"
        " [Architecture](../architecture.md) has the diagram. Shapes stand in names and docstrings: B batch, F frames,"
        " C channels, H height, W width.",
        "Good places to start: {py:class}`tgvac.completion.pipeline.VideoAmodalCompletionPipeline` completes a video"
        " from Python, {py:mod}`tgvac.methods.contract` is what every method implements, {py:mod}`tgvac.clips` has the"
        " data contracts, {py:class}`tgvac.metrics.scorer.Scorer` scores.",
        "\n".join(
            [
                "| package | what it holds |",
                "|---|---|",
                *rows,
                f"| [modules of no package]({TOP}.md) | the command line, the table of phases, the ground level |",
            ]
        ),
    ]
    made = {"api/index": "\n\n".join(index), **found, f"api/{TOP}": _top_page()}
    return made if filled else {name: _DIRECTIVE.sub("", text) for name, text in made.items()}


def packages() -> list[Path]:
    """The folders of the packages, sorted."""
    return sorted(path.parent for path in TREE.folder.glob("*/__init__.py"))


def modules(folder: Path) -> list[str]:
    """The dotted names of a package's modules, sorted, those of its own packages included."""
    paths = sorted(path for path in folder.rglob("*.py") if path.name != "__main__.py")
    names = (path.relative_to(TREE.folder.parent).with_suffix("").parts for path in paths)
    return sorted(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names)


def _page(name: str, folder: Path) -> str:
    own = f"{PACKAGE}.{name}"
    below = [_module(module) for module in modules(folder) if module != own]
    return "\n\n".join([f"# `{own}`", _automodule(own), *below])


def _top_page() -> str:
    names = sorted(path.stem for path in TREE.folder.glob("*.py") if path.stem not in ("__init__", "__main__"))
    return "\n\n".join(["# Modules of no package", *(_module(f"{PACKAGE}.{name}") for name in names)])


def _module(name: str) -> str:
    return f"## `{name.removeprefix(f'{PACKAGE}.')}`\n\n{_automodule(name)}"


_DIRECTIVE = re.compile(r"```{eval-rst}\n.*?```", re.DOTALL)


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n```"


def _summary(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return from_docstring(sentence(" ".join(text.split("\n\n")[0].split()).split(". ")[0]))
