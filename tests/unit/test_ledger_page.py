"""The ledger's page: every published cell, in one file, by keyboard, on a wide screen and on a phone."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.unit.ledger_project import ledger_project
from tests.unit.report_project import EVALUATED, PROJECT
from tgvac.ledger.picture import SIDE, tiled
from tgvac.ledger.statements import KEYS, statements
from tgvac.ledger.write import write_ledger
from tgvac.params import load_params
from tgvac.report.paper import load_paper
from tgvac.report.strips import HAIRLINE
from tgvac.stage import Context

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAPER = load_paper(PROJECT / "reference" / "paper.yaml")
WIDE, PHONE = (1440, 900), (390, 844)
PICTURES = os.environ.get("TGVAC_SCREENSHOTS", "")
"""A folder for pictures of the page, for people who look at them."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    ctx = ledger_project(tmp_path_factory.mktemp("project"))
    write_ledger(ctx.root, "fake")
    return ctx


@pytest.fixture(scope="module")
def path(project: Context) -> Path:
    return project.results / "ledger" / "index.html"


@pytest.fixture(scope="module")
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def entry(text: str, cell: str) -> str:
    """The part of the page on one cell, without tags."""
    part = text.split(f'<article id="{cell}"')[1].split("</article>", maxsplit=1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_every_published_cell_has_an_entry_with_its_number_a_quote_and_a_verdict(text: str) -> None:
    for cell in PAPER.cells.values():
        found = entry(text, cell.id)
        assert f"Paper {cell.text}" in found
        for name in cell.prose:
            words = PAPER.quotes[name].text.translate(str.maketrans("“”", "‘’", "$")).split()
            assert f"“{' '.join(words)}”" in found
        if not cell.prose:
            assert PAPER.tables[cell.table].title in found
        assert re.search(r"Verdict \w", found)


def test_cells_that_the_paper_contradicts_are_marked_and_say_how(text: str) -> None:
    found = entry(text, "table2.pix2gestalt.easy.user_preference")
    assert "0.12 †" in found
    assert "which gives 0.1 for this cell" in found
    for cell, said in {
        "table2.ours.hard.user_preference": "sum to 1.01",
        "table1.synthesized_videos.youtube_vos": "332 x 5 is 1,660, but 1,600 is printed",
        "table1.synthesized_videos.lasot": "20 % of them are 1,388, not 1,400",
        "table4.no_overlap.tc": "a stride without overlap",
    }.items():
        assert said in entry(text, cell)
        assert "†" in entry(text, cell)
    assert "†" not in entry(text, "table2.ours.easy.clip")


def test_every_flaw_of_the_paper_is_listed_with_links_to_the_cells_it_affects(text: str) -> None:
    for name, flaw in PAPER.flaws.items():
        part = text.split(f'<li id="flaw-{name}">')[1].split("</li>", maxsplit=1)[0]
        assert set(re.findall(r'href="#(table[^"]+)"', part)) >= set(flaw.cells)


def test_the_page_needs_nothing_from_elsewhere_and_all_its_links_lead_somewhere(text: str, project: Context) -> None:
    assert not re.search(r"https?://", text)
    assert "<script" not in text
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert {address[1:] for address in addresses if address.startswith("#")} <= set(re.findall(r'id="([^"]*)"', text))
    assert str(project.root) not in text
    assert "&lt;script&gt;" in text, "captions of the data are escaped"


def test_a_measured_cell_has_the_picture_of_the_sample_that_moved_it(text: str, project: Context) -> None:
    cells = json.loads((project.results / "ledger" / "cells.json").read_text(encoding="utf-8"))["cells"]
    moved = [cell for cell in cells if cell["moved"]]
    assert len(moved) > 20
    for cell in moved:
        part = text.split(f'<article id="{cell["id"]}"')[1].split("</article>", maxsplit=1)[0]
        assert cell["moved"]["sample"] in part
        completed = cell["answered_by"] in ("ours/full",)
        assert ('src="data:image/png' in part) or not completed, "completions of ours are in the project"
    assert len(text) < 4_000_000


def test_a_picture_has_input_completion_and_truth_below_each_other() -> None:
    colours = [(10, 20, 30), (200, 100, 50), (5, 250, 5)]
    frames = [np.full((24, 32, 3), colour, np.uint8) for colour in colours for _ in range(4)]
    image = tiled(frames, 4)
    zoom = SIDE // 32
    assert image.shape == (3 * (24 * zoom + 2) + 2, 4 * (32 * zoom + 2) + 2, 3)
    for row, colour in enumerate(colours):
        assert (image[2 + row * (24 * zoom + 2) + 3, 5] == colour).all()
    assert (image[0] == HAIRLINE).all()


def test_the_same_results_give_the_same_bytes(project: Context, path: Path, text: str) -> None:
    cells = (path.parent / "cells.json").read_bytes()
    write_ledger(project.root, "fake")
    assert path.read_text(encoding="utf-8") == text
    assert (path.parent / "cells.json").read_bytes() == cells


def test_numbers_in_sentences_stand_beside_the_params_that_they_set() -> None:
    of_paper = [number for each in statements(PAPER, load_params(PROJECT, "paper")) for number in each.numbers]
    assert all(number.same for number in of_paper), "scale paper has the paper's own settings"
    (guidance,) = [number for number in of_paper if number.what == "guidance"]
    assert (guidance.value, guidance.here) == ("7.5", [("sampler.guidance", "7.5")])
    of_smoke = [number for each in statements(PAPER, load_params(PROJECT, "smoke")) for number in each.numbers]
    (rate,) = [number for number in of_smoke if number.what == "learning rate"]
    assert (rate.same, rate.here) == (False, [("frame.lr", "0.002"), ("motion.lr", "0.001")])
    assert sum(bool(number.here) for number in of_smoke) == len(KEYS)


def opened(browser: Browser, path: Path, size: tuple[int, int]) -> Page:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(path.as_uri())
    return page


@pytest.mark.browser
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_page_itself_never_scrolls_sideways(browser: Browser, path: Path, size: tuple[int, int]) -> None:
    page = opened(browser, path, size)
    page.goto(f"{path.as_uri()}#table2.ours.hard.lpips")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"ledger-{size[0]}.png")
    page.close()


@pytest.mark.browser
def test_a_cell_is_reached_and_left_by_keyboard_alone(browser: Browser, path: Path) -> None:
    page = opened(browser, path, WIDE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the tables"
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('href')") == "#table1.instances.davis":
            break
    page.keyboard.press("Enter")
    assert page.url.endswith("#table1.instances.davis")
    top = page.locator("[id='table1.instances.davis']").bounding_box()
    assert top is not None
    assert 0 <= top["y"] < WIDE[1] / 2
    page.keyboard.press("Tab")
    href = page.evaluate("document.activeElement.closest('article') && document.activeElement.closest('article').id")
    assert href == "table1.instances.davis", "the focus goes on from where the link led"
    page.close()


def test_frames_below_a_picture_are_of_the_cells_class(project: Context) -> None:
    cells = json.loads((project.results / "ledger" / "cells.json").read_text(encoding="utf-8"))["cells"]
    for cell in (each for each in cells if each["moved"]):
        rates = cell["moved"]["rates"].values()
        assert len(rates) <= EVALUATED
        if ".hard." in cell["id"]:
            assert min(rates) >= 0.5
        if ".easy." in cell["id"]:
            assert max(rates) < 0.5
