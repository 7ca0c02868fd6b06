"""Docstrings as Sphinx reads them: lists of files become literal blocks, and references lead to exact names alone."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from docsite.prose import docstring_as_rst


def connect(app: Sphinx) -> None:
    """Enter both rules; to be called before napoleon enters its own."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("doctree-read", _exact)


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    # Of an attribute's docstring, napoleon takes what stands before a colon in the first line for its type.
    lines[:] = [*([""] if what in ("attribute", "data", "property") else []), *docstring_as_rst(lines)]


def _exact(app: Sphinx, doctree: nodes.document) -> None:
    """A name leads to what it names in its own module, or by its full name; never to some other module's namesake."""
    for reference in doctree.findall(pending_xref):
        if reference.get("refdomain") == "py":
            reference.attributes.pop("refspecific", None)
