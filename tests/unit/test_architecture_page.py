"""docs/architecture.md names files that exist, and its diagram is the one that the imports give."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TOP = ("benchmarks", "docs", "docsite", "params.yaml", "reference", "tests", "workflow")


def changes() -> list[tuple[str, list[str]]]:
    """What the page's first table answers, with the files that it names."""
    section = PAGE.partition("## I want to change")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if line.startswith("| ")]
    return [(what, re.findall(r"`([\w./-]+(?:\.(?:py|yaml|csv|j2)|/))`", where)) for what, where in rows if what != "…"]


def test_the_page_answers_at_least_twenty_changes() -> None:
    assert len(changes()) >= 20
    assert all(files for _, files in changes())


@pytest.mark.parametrize("file", sorted({file for _, files in changes() for file in files}))
def test_a_file_that_the_page_names_exists(file: str) -> None:
    known = ROOT if file.startswith(TOP) else ROOT / "src" / "tgvac"
    assert (known / file).exists()


def test_the_diagram_of_packages_is_the_one_that_the_imports_give() -> None:
    command = [sys.executable, str(ROOT / "docs" / "package_diagram.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
