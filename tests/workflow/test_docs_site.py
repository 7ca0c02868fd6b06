"""The site is built without a warning, has all pages, and loads nothing from the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docsite import ROOT

pytestmark = pytest.mark.workflow


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
