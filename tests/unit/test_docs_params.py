"""The pages of phases and params say what the typed params, params.yaml and the table of phases say."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from docsite import phase_pages
from docsite.keys import ENTRY, keys
from docsite.param_entries import block_section, values
from docsite.prose import docstring_as_markdown, from_docstring
from docsite.reasons import reasons
from tgvac.config import Block
from tgvac.params import Params
from tgvac.phases import PHASES
from tgvac.scales import leaves


class Inner(Block):
    """What is inside.

    Attributes:
        depth: how deep it is, in pixels,
            measured from the top.
    """

    depth: float = Field(gt=0, le=4)


class Outer(Block):
    """A block."""

    kind: Literal["round", "flat"]
    sizes: list[int] = Field(min_length=1)
    range: tuple[float, float]
    name: str | None = None
    inner: Inner
    table: dict[str, Inner]


def test_keys_have_their_type_range_and_what_the_docstring_says() -> None:
    found = {key.name: key for key in keys(Outer)}
    assert found["kind"].kind == "`round` or `flat`"
    assert found["sizes"].kind == "list of integer, not empty"
    assert found["range"].kind == "[number, number]"
    assert (found["name"].kind, found["name"].required, found["name"].default) == ("text or null", False, None)
    assert (found["inner"].kind, found["inner"].says) == ("", "What is inside.")
    assert found["inner.depth"].kind == "number, above 0, at most 4"
    assert found["inner.depth"].says == "how deep it is, in pixels, measured from the top."
    assert found[f"table.{ENTRY}.depth"].kind == "number, above 0, at most 4"


REASONS = """\
# of the whole file

a:                          # of a
  b: 1                      # of b
  c: "#fff"                 # of c, which
                            # goes on here; and
    #   here
  d: 2
  # above e
  e: [1, 2]
  f: 3                      # of f and
  g: 4                      #   of g
  list:
    - x                     # of an item
# of h
h: 5
"""


def test_a_comment_belongs_to_the_key_that_it_stands_at() -> None:
    assert {".".join(path): why for path, why in reasons(REASONS).items()} == {
        "a": "of a",
        "a.b": "of b",
        "a.c": "of c, which goes on here; and here",
        "a.e": "above e",
        "a.f": "of f and of g",
        "a.g": "of f and of g",
        "h": "of h",
    }


def test_comments_of_params_yaml_are_found_at_their_keys() -> None:
    why = values().why
    assert why["frame", "lr"] == "paper, 4.1"
    assert why["metrics", "hard_from"] == "paper, 4.2: hard above 50 % occlusion; exactly half counts as hard"
    assert why["masks", "sam", "choice"].startswith("of SAM's three masks, the one whose own box is nearest")
    assert why["masks", "sam", "choice"].endswith("single: SAM's one mask for prompts that leave no doubt")


def test_every_key_of_params_yaml_is_described_on_one_page() -> None:
    text = "\n".join(phase_pages.pages(values()).values())
    tables = {key.path for key in keys(Params) if key.kind.startswith("table of ")}
    for path in leaves(values().base):
        if path[0] not in ("methods", "variants"):
            name = ".".join(path[:-1] if path[:-1] in tables else path)
            assert text.count(f"```{{confval}} {name}\n") == 1, path


def test_an_entry_has_the_value_the_reason_and_other_values_of_scales() -> None:
    section = block_section("sampler", values())
    entry = section.partition("{confval} sampler.guidance\n")[2].partition("```")[0]
    assert ":type: number, at least 0" in entry
    assert '*In `params.yaml`:* `7.5`: paper, 4.1 ("classifier guidance").' in entry
    assert "`2.0` at " in entry
    assert "`smoke`" in entry


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_the_page_of_a_phase_names_its_files_its_inputs_and_its_params(phase: object) -> None:
    [found] = [each for each in PHASES if each is phase]
    page = phase_pages.pages(values())[f"phases/{found.name}"]
    for name in found.after:
        assert f"[`{name}`]({name}.md)" in page
    for block in {name.partition(".")[0] for name in found.blocks}:
        assert f"`{block}" in page.partition("## What decides it")[2]
    for file in (*found.reads, *found.lists, *found.here):
        assert f"`{file}`" in page


def test_every_block_of_params_is_at_home_on_one_page() -> None:
    assert set(phase_pages.HOME) <= set(Params.model_fields)
    pages = {phase_pages.home(block) for block in Params.model_fields}
    assert pages <= set(phase_pages.pages(values()))


def test_the_graph_leaves_out_what_follows_from_others() -> None:
    edges = phase_pages.direct_edges()
    assert ("latents", "frame") in edges
    assert ("sources", "tracks") in edges
    assert ("tracks", "frame") not in edges
    assert {name for edge in edges for name in edge} == {phase.name for phase in PHASES}


def test_words_of_docstrings_become_markdown() -> None:
    assert (
        from_docstring("See :mod:`tgvac.clips`, ``a|b`` and <name>.")
        == r"See {py:mod}`tgvac.clips`, `a|b` and \<name\>."
    )
    table = "x/<id>.zip     what it\n               holds\nx/y.json       an index\n\nMore\nwords."
    assert docstring_as_markdown(table) == "* `x/<id>.zip`: what it holds\n* `x/y.json`: an index\n\nMore words."
