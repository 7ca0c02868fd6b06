"""The pages of the site are put together, and what does not fit is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docsite import ROOT, command_page, licence_page, misprints_page, references
from docsite.layered import svg
from docsite.navigation import NAVIGATION, Navigation, menu, read_navigation
from docsite.prose import docstring_as_rst
from docsite.staging import stage
from tgvac.config import read_yaml
from tgvac.errors import BadInput

MENU = Navigation({"Start": ["one"], "More": ["made"]}, {"one": ["below/two"]})
KNOWN = {"sampler.stride": "{confval}sampler.stride", "tgvac plan": "command-line.md#tgvac-plan"}


@pytest.fixture
def docs() -> Path:
    return ROOT / "docs"


def staged(folder: Path, pages: dict[str, str], navigation: Navigation = MENU) -> Path:
    """Pages below the clone's docs/, as far as links are concerned, staged."""
    docs = folder / "docs"
    for name, text in pages.items():
        path = docs / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    stage(docs, {"made": "# Made"}, navigation, KNOWN, folder / "out")
    return folder / "out"


PAGES = {"index": "# Front", "one": "# One", "below/two": "# Two"}


def test_the_menu_is_on_the_front_page_and_below_its_pages(tmp_path: Path) -> None:
    out = staged(tmp_path, PAGES)
    assert (out / "index.md").read_text().count("```{toctree}") == 2
    assert ":caption: Start\n\n/one\n" in (out / "index.md").read_text()
    assert "/below/two\n" in (out / "one.md").read_text()
    assert (out / "made.md").read_text() == "# Made"


def test_names_in_the_text_become_links_but_not_in_headings_code_and_links(tmp_path: Path) -> None:
    text = (
        "# `sampler.stride`\n\nSet `sampler.stride`, see `tgvac plan` and [`tgvac plan`](../one.md), not `other`.\n\n"
        "```bash\n`tgvac plan`\n```\n"
    )
    out = staged(tmp_path, {**PAGES, "below/two": text})
    assert (out / "below" / "two.md").read_text() == (
        "# `sampler.stride`\n\nSet {confval}`sampler.stride`, see [`tgvac plan`](../command-line.md#tgvac-plan) and"
        " [`tgvac plan`](../one.md), not `other`.\n\n```bash\n`tgvac plan`\n```\n"
    )


def test_a_flowchart_becomes_a_picture(tmp_path: Path) -> None:
    out = staged(tmp_path, {**PAGES, "one": "# One\n\n```mermaid\nflowchart TD\n  a --> b\n```\n"})
    assert "<svg" in (out / "one.md").read_text()
    assert "mermaid" not in (out / "one.md").read_text()


def test_pages_that_are_gone_are_removed_and_pages_that_stay_are_left_alone(tmp_path: Path) -> None:
    out = staged(tmp_path, PAGES)
    before = (out / "index.md").stat().st_mtime_ns
    (tmp_path / "docs" / "below" / "two.md").unlink()
    staged(tmp_path, {}, Navigation({"Start": ["one"], "More": ["made"]}, {}))
    assert not (out / "below").exists()
    assert (out / "index.md").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ({**PAGES, "new": "# New"}, "docs/new.md is in no menu; enter it in docsite/navigation.yaml."),
        ({"index": "# Front", "one": "# One"}, "names the page 'below/two', which does not exist"),
        ({**PAGES, "made": "# Mine"}, "would replace a page that is made from the code"),
        (
            {**PAGES, "one": "# One\n\n```mermaid\nflowchart TD\n  a --> b --> c\n```\n"},
            "a flowchart has more than arrows",
        ),
    ],
)
def test_pages_that_do_not_fit_together_are_refused(pages: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        staged(tmp_path, pages)


def test_a_page_that_is_named_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="names the page 'one' twice; keep one"):
        Navigation({"A": ["one"], "B": ["one"]}, {}).check({"index", "one"})


def test_the_navigation_of_the_site_names_every_page_of_docs_once(docs: Path) -> None:
    made = {"phases/index", "api/index", command_page.PAGE, licence_page.PAGE, misprints_page.PAGE}
    written = {path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md")}
    read_navigation(NAVIGATION, {}).check(written | made)


def test_a_page_without_pages_below_it_has_no_menu() -> None:
    assert menu(MENU, "below/two") == ""


def test_a_diagram_has_a_link_for_each_node_and_an_arrow_for_each_edge() -> None:
    drawn = ElementTree.fromstring(svg([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], "Four", "{}.html".format))
    space = {"s": "http://www.w3.org/2000/svg"}
    assert [node.get("href") for node in drawn.findall("s:a", space)] == ["a.html", "b.html", "c.html", "d.html"]
    assert len(drawn.findall("s:polyline", space)) == 4
    heights = {
        node.get("href"): float(node.findall("s:rect", space)[0].get("y", "")) for node in drawn.findall("s:a", space)
    }
    assert heights["a.html"] < heights["b.html"] == heights["c.html"] < heights["d.html"]


def test_a_diagram_of_several_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 parts, with a; c; draw each by itself"):
        svg([("a", "b"), ("c", "d")], "Parts", str)


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    page = command_page.pages()[command_page.PAGE]
    assert "## `tgvac data fetch`" in page
    section = page.partition("## `tgvac complete`")[2].partition("\n## ")[0]
    for option in ("`--box BOX`", "`--text TEXT`", "`--fast`", "`--paste`, `--no-paste`"):
        assert option in section


def test_the_page_of_licences_has_every_source_of_the_registry_with_its_licence() -> None:
    page = licence_page.pages()[licence_page.PAGE]
    for name in ("davis", "youtube_vos", "lasot", "pix2gestalt", "world", "videos", "tabe51", "movi_mc_ac"):
        assert f"### `{name}`" in page
    assert "non-commercial" in page.partition("### `davis`")[2].partition("###")[0]


def test_the_page_of_misprints_has_every_flaw_that_is_recorded() -> None:
    page = misprints_page.pages()[misprints_page.PAGE]
    flaws = read_yaml(ROOT / "reference" / "paper.yaml")["flaws"]
    assert page.count("*Here:*") == len(flaws) >= 15


def test_known_names_are_keys_commands_and_files() -> None:
    known = references.names(with_api=True)
    assert known["sampler.stride"] == "{confval}sampler.stride"
    assert known["tgvac data fetch"] == "command-line.md#tgvac-data-fetch"
    assert known["report/table2.py"] == "{py:mod}tgvac.report.table2"
    assert "report/table2.py" not in references.names(with_api=False)


def test_tables_of_files_in_docstrings_stay_as_they_are_and_bars_are_no_substitutions() -> None:
    lines = [
        "First.",
        "",
        "a/b.zip     one",
        "a/c.json    two",
        "",
        "The rate is |x| of ``|y|``.",
        "",
        "Args:",
        "    a: one.",
    ]
    assert docstring_as_rst(lines) == [
        "First.",
        "",
        "::",
        "",
        "    a/b.zip     one",
        "    a/c.json    two",
        "",
        r"The rate is \|x\| of ``|y|``.",
        "",
        "Args:",
        "    a: one.",
    ]


def test_a_list_in_a_docstring_stands_apart_from_the_line_above_it() -> None:
    assert docstring_as_rst(["Two changes:", "* one,", "  longer", "* two"]) == [
        *("Two changes:", "", "* one,", "  longer", "* two")
    ]


def test_several_names_of_one_entry_are_an_entry_each() -> None:
    assert docstring_as_rst(["Args:", "    low, high: the ends,", "        in pixels.", "    text: a: b"]) == [
        *("Args:", "    low: as ``high``.", "    high: the ends,", "        in pixels.", "    text: a: b")
    ]


def test_a_diagram_is_the_same_in_every_process() -> None:
    imports = "from docsite.layered import svg; from docsite.phase_pages import direct_edges"
    command = [sys.executable, "-c", f"{imports}; print(svg(direct_edges(), '', str))"]
    drawn = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert drawn[0] == drawn[1]
