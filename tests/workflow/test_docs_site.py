"""The site is built without a warning, has all pages, and loads nothing from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docsite import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.workflow
SIZES = {"wide": (1400, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, built as ``make docs`` builds it."""
    out = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "docsite", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return out


def pages(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*.html")) if ".work" not in path.parts]


def test_pages_of_all_kinds_are_there(site: Path) -> None:
    for name in ("index", "complete", "phases/masks", "command-line", "licences", "misprints", "api/sampling"):
        assert (site / f"{name}.html").is_file()
    assert 'id="confval-sampler.stride"' in (site / "phases" / "completion.html").read_text(encoding="utf-8")
    assert 'id="tgvac.sampling.windows' in (site / "api" / "sampling.html").read_text(encoding="utf-8")


def test_a_key_in_the_text_leads_to_its_entry(site: Path) -> None:
    assert 'href="phases/completion.html#confval-sampler.stride"' in (site / "ambiguities.html").read_text(
        encoding="utf-8"
    )


def test_nothing_is_loaded_from_the_network(site: Path) -> None:
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"([^\"]+)\"", text)
        assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == [], page


def test_the_search_knows_words_of_pages_and_keys(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "sampler.stride" in index
    assert "phases/masks" in index


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_the_screen_and_asks_for_nothing_but_its_own_files(
    size: str, browser: Browser, site: Path
) -> None:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height})
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    wider = []
    for path in pages(site):
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wider.append(path.name)
    page.close()
    assert (wider, failed) == ([], [])
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.browser
def test_the_search_finds_a_key_from_disk(browser: Browser, site: Path) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.fill("input[name=q]", "max_distance")
    page.press("input[name=q]", "Enter")
    found = page.locator("ul.search li a", has_text="motion_module.max_distance")
    found.first.wait_for(timeout=60_000)
    page.close()
