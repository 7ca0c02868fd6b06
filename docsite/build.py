"""Builds the site: stages its pages and lets Sphinx make HTML of them; any warning is an error."""

from __future__ import annotations

from pathlib import Path

from sphinx.cmd.build import build_main

from docsite import ROOT, api_pages, command_page, licence_page, misprints_page, phase_pages, references
from docsite.navigation import NAVIGATION, read_navigation
from docsite.param_entries import values
from docsite.staging import stage


def build(out: Path, with_api: bool = True) -> int:
    """Build the site into a folder.

    Args:
        out: the folder; its `.work` keeps what the next build goes on from.
        with_api: whether the API reference is filled, which takes most of the time.

    Returns:
        Sphinx's exit status: 0, or another number when it warned, which it prints.

    Raises:
        BadInput: for pages that do not fit together (:func:`docsite.staging.stage`).
    """
    pages, below = made_pages(with_api)
    source = out / ".work" / "pages"
    stage(ROOT / "docs", pages, read_navigation(NAVIGATION, below), references.names(with_api), source)
    settings = Path(__file__).parent
    status: int = build_main(
        [
            *("--builder", "html", "--conf-dir", str(settings), "--doctree-dir", str(out / ".work" / "doctrees")),
            # All pages are written again, since each has the menu; only those that changed are read again.
            *("--write-all", "--fail-on-warning", "--quiet", str(source), str(out)),
        ]
    )
    return status


def made_pages(with_api: bool) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The pages that are made from the code, by name; and which of them stand below which."""
    phases, api = phase_pages.pages(values()), api_pages.pages(with_api)
    below = {
        "phases/index": [name for name in phases if name != "phases/index"],
        "api/index": [name for name in api if name != "api/index"],
    }
    others = {**command_page.pages(), **licence_page.pages(), **misprints_page.pages()}
    return {**phases, **api, **others}, below
