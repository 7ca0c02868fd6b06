"""Names in the running text become links: keys of the params, commands, and modules."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docsite.command_page import PAGE as COMMANDS
from docsite.command_page import commands, root
from docsite.keys import ENTRY, keys
from docsite.links import slug
from tgvac.code_digests import PACKAGE, TREE
from tgvac.params import Params

_CODE = re.compile(
    r"^(?P<fence>```+).*?^(?P=fence)[ \t]*$|(?P<link>!?\[[^]]*\]\([^)]*\))|(?<!`)`(?P<code>[^`\n]+)`(?!`)",
    re.MULTILINE | re.DOTALL,
)


def linked(text: str, page: str, known: dict[str, str]) -> str:
    """A page in which names in backticks are links, where they are known; headings, code and links stay.

    Args:
        page: the page's name, from which links to pages lead.
        known: by name, MyST's role and target, ``py:mod`tgvac.clips```, or a page with an anchor.
    """
    above = "../" * page.count("/")

    def link(found: re.Match[str]) -> str:
        code = found["code"]
        line = text.rfind("\n", 0, found.start()) + 1
        if code is None or code not in known or text.startswith("#", line):
            return found[0]
        target = known[code]
        if target.startswith("{"):
            role, _, name = target.partition("}")
            return f"{role}}}`{code} <{name}>`" if name != code else f"{role}}}`{code}`"
        return f"[`{code}`]({above}{target})"

    return _CODE.sub(link, text)


def names(with_api: bool) -> dict[str, str]:
    """What is known by name: ``sampler.stride``, ``tgvac plan``, and with the API ``report/table2.py``."""
    return {**_params(), **_commands(), **(_modules() if with_api else {})}


def _params() -> dict[str, str]:
    """Keys, but not blocks, whose names are ordinary words."""
    return {key.name: f"{{confval}}{key.name}" for key in keys(Params) if key.kind and ENTRY not in key.path}


def _commands() -> dict[str, str]:
    found = (" ".join((PACKAGE, *path)) for path, _ in commands(root()))
    return {name: f"{COMMANDS}.md#{slug(name)}" for name in found}


def _modules() -> dict[str, str]:
    """Files of packages as the architecture's page writes them, ``report/table2.py``."""
    return {
        path.relative_to(
            TREE.folder
        ).as_posix(): f"{{py:mod}}{'.'.join(_dotted(path.relative_to(TREE.folder.parent).with_suffix('').parts))}"
        for path in TREE.folder.rglob("*.py")
    }


def _dotted(parts: Iterable[str]) -> list[str]:
    return [part for part in parts if part != "__init__"]
