"""Sphinx's settings. `python -m docsite` calls it with this file, on pages that docsite/staging.py has put together."""

from sphinx.application import Sphinx

from docsite import docstrings
from tgvac import __version__

project = "TGVAC"
author = "The TGVAC authors"
release = __version__
copyright = "the TGVAC authors, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "colon_fence"]
suppress_warnings: list[str] = []

toc_object_entries = False  # hundreds a page, beside the text

smartquotes_action = "qe"  # quotes and ellipses; "--method" is an option

html_theme = "furo"
html_title = "TGVAC"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False
python_use_unqualified_type_names = True


def setup(app: Sphinx) -> None:
    """Sphinx calls this once it has read the settings."""
    docstrings.connect(app)
