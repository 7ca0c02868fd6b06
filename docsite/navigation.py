"""The menu of the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tgvac.config import nearest, read_yaml
from tgvac.errors import BadInput

NAVIGATION = Path(__file__).with_name("navigation.yaml")
FRONT = "index"


@dataclass(frozen=True)
class Navigation:
    """Which pages stand below which.

    Attributes:
        sections: the pages of each section of the menu, by its title.
        below: the pages below a page.
    """

    sections: dict[str, list[str]]
    below: dict[str, list[str]]

    def pages(self) -> Iterator[str]:
        """All pages, each as often as it is named."""
        yield FRONT
        for names in (*self.sections.values(), *self.below.values()):
            yield from names

    def check(self, known: set[str]) -> None:
        """Refuse a menu that names a page twice or one that is not there, or that lacks one.

        Raises:
            BadInput: with the page.
        """
        named = list(self.pages())
        for name in named:
            if name not in known:
                hint = nearest(name, sorted(known))
                raise BadInput(f"docsite/navigation.yaml names the page '{name}', which does not exist; {hint}")
            if named.count(name) > 1:
                raise BadInput(f"docsite/navigation.yaml names the page '{name}' twice; keep one.")
        if missing := sorted(known - set(named)):
            raise BadInput(f"docs/{missing[0]}.md is in no menu; enter it in docsite/navigation.yaml.")


def read_navigation(path: Path, made: dict[str, list[str]]) -> Navigation:
    """Read the menu.

    Args:
        path: a YAML file: by section a list of pages, and of mappings from a page to those below it.
        made: the pages below pages that are made from the code.
    """
    sections: dict[str, list[str]] = {}
    below = dict(made)
    for title, entries in read_yaml(path).items():
        sections[title] = []
        for entry in entries:
            for page, under in entry.items() if isinstance(entry, dict) else [(entry, [])]:
                sections[title].append(page)
                below[page] = [*below.get(page, []), *under]
    return Navigation(sections, below)


def menu(navigation: Navigation, page: str) -> str:
    """What a page's text ends in, for Sphinx to build the menu from; "" for a page without pages below it."""
    trees = navigation.sections.items() if page == FRONT else [("", navigation.below.get(page, []))]
    return "".join(_tree(title, names) for title, names in trees if names)


def _tree(title: str, pages: list[str]) -> str:
    caption = f":caption: {title}\n" if title else ""
    return f"\n\n```{{toctree}}\n:hidden:\n{caption}\n" + "".join(f"/{page}\n" for page in pages) + "```\n"
