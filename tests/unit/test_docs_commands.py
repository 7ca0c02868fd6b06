"""The links of README and docs lead somewhere, their commands would be understood, and keys of params exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from docsite import ROOT
from docsite.checking import page_files, wrong_commands, wrong_keys, wrong_links
from docsite.commands import commands
from docsite.links import anchors, links

PAGES = page_files()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(wrong_links(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_would_be_understood(page: Path) -> None:
    assert list(wrong_commands(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_key_of_the_params_that_a_page_names_exists(page: Path) -> None:
    assert list(wrong_keys(page)) == []


def test_a_key_that_does_not_exist_is_named_with_its_line_and_the_nearest_one(clone: Path) -> None:
    page = clone / "docs" / "page.md"
    page.write_text("`sampler.stride`, `metrics/views.py`, `report.html`\n\n`sampler.strid` and `sampler.tackle`\n")
    first, second = wrong_keys(page, clone)
    assert first == "docs/page.md, line 3: there is no key `sampler.strid`; did you mean 'sampler.stride'?"
    assert second.startswith("docs/page.md, line 3: there is no key `sampler.tackle`; ")


def test_the_check_sees_the_commands_of_the_readme() -> None:
    found = [str(command) for command in commands((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert "make reproduce" in found
    assert any(each.startswith("snakemake --profile slurm ") for each in found)
    assert len([each for each in found if each.startswith("tgvac ")]) >= 15


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a page to be written, and links to what commands may name."""
    for name in ("workflow", "Makefile", "slurm", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("tgvac complet VIDEO --out DIR", "tgvac has no command 'complet'; did you mean 'complete'?"),
        ("tgvac data fetsh davis", "tgvac data has no command 'fetsh'; did you mean 'fetch'?"),
        ("tgvac plan --scale paper --jason", "tgvac plan has no option --jason; did you mean '--json'?"),
        ("tgvac run --scale papers", "there is no scale 'papers'; did you mean 'paper'?"),
        ("tgvac run --scale tiny --target metric", "there is no target 'metric'; did you mean 'metrics'?"),
        ("tgvac run --target metrics", "tgvac run needs --scale; add it."),
        ("tgvac run --scale", "tgvac run needs a value behind --scale; give one."),
        ("tgvac stage mask --scale tiny", "there is no phase 'mask'; did you mean 'masks'?"),
        ("tgvac phases all of them", "tgvac phases takes no words without an option, not 'all of them'; remove some."),
        ("make reprodce", "the Makefile has no target 'reprodce'; did you mean 'reproduce'?"),
        ("make reproduce SCALE=tinny", "there is no scale 'tinny'; did you mean 'tiny'?"),
        ("make reproduce SIZE=2", "the Makefile reads no variable SIZE; remove it."),
        ("snakemake --profil slum all", "there is no profile slum/profile.yaml; use one that is there."),
        ("snakemake -c2 al --config scale=tiny", "there is no target 'al'; did you mean 'all'?"),
        ("snakemake -c2 all --config scale=tin", "there is no scale 'tin'; did you mean 'tiny'?"),
        ("snakemake --dry-runn all", "snakemake refuses it"),
        ("python -m benchmarks.nothing", "there is no module benchmarks.nothing; correct its name."),
        ("python examples/nothing.py", "there is no file examples/nothing.py; correct its name."),
    ],
)
def test_a_command_that_does_not_exist_is_named_with_its_line_and_the_remedy(
    line: str, complaint: str, clone: Path
) -> None:
    page = clone / "docs" / "page.md"
    page.write_text(f"# Page\n\n```bash\n.venv/bin/tgvac phases\n{line}   # what it does\n```\n")
    [said] = wrong_commands(page, clone)
    assert said.startswith("docs/page.md, line 5: `")
    assert complaint in said


@pytest.mark.parametrize(
    "text",
    [
        "Run `tgvac stage <phase> --scale S [--shard k]`, or `make bench-<name>`.",
        "Run `tgvac export --scale S [--format davis|mp4]`, then `tgvac complete --help`.",
        "Run `tgvac evaluate --truth`.",
        "```bash\nTGVAC_SCALE=tiny .venv/bin/tgvac phases && make test   # `tgvac nothing` is a comment\n```",
        "```bash\ntgvac run \\\n  --scale tiny\n```",
        "Write `workflow/scales/mine.yaml`:\n\n```bash\ntgvac run --scale mine\n```",
        "```python\nmake = 'tgvac nothing'\n```",
    ],
)
def test_placeholders_usage_and_other_languages_are_no_faults(text: str, clone: Path) -> None:
    page = clone / "docs" / "page.md"
    page.write_text(text)
    assert list(wrong_commands(page, clone)) == []


def test_a_quote_that_nothing_closes_is_named_with_its_line(clone: Path) -> None:
    page = clone / "docs" / "page.md"
    page.write_text("\n```bash\ntgvac complete VIDEO --text 'a dog\n```\n")
    [said] = wrong_commands(page, clone)
    assert "docs/page.md, line 3: the shell cannot read" in said


def test_links_to_missing_files_and_headings_are_named_with_their_line(clone: Path) -> None:
    page = clone / "docs" / "page.md"
    page.write_text("# A page\n\n[a](other.md) [b](#a-pag)\n![c](no.png) `[d](no.md)` [e](https://example.org/no.md)\n")
    assert list(wrong_links(page, clone)) == [
        "docs/page.md, line 3: there is no other.md; correct the link or add the file.",
        "docs/page.md, line 3: docs/page.md has no heading for #a-pag; did you mean 'a-page'?",
        "docs/page.md, line 4: there is no no.png; correct the link or add the file.",
    ]


def test_anchors_are_those_that_github_makes() -> None:
    text = "# What `tgvac export` writes\n## I want to change …\n## Same\n## Same\n```bash\n# not one\n```\n(label)=\n"
    assert anchors(text) == {"what-tgvac-export-writes", "i-want-to-change-", "same", "same-1", "label"}


def test_links_have_the_place_of_their_target() -> None:
    text = "See [the page](<a b.md#c> 'title') and ![picture](x.png)."
    assert [(each.path, each.anchor, text[each.start : each.end]) for each in links(text)] == [
        ("a b.md", "c", "<a b.md#c>"),
        ("x.png", "", "x.png"),
    ]
