"""``tgvac data`` on the command line: a table, an error of one sentence, a fetch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.archive_server import ArchiveServer, serving
from tests.unit.fetching import DATA
from tests.unit.params_project import copy_params, overlay
from tgvac import cli


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as it:
        yield it


@pytest.fixture
def project(server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_params(tmp_path)
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "registry.csv").write_text(
        "name,layout,location,bytes,sha256,licence\n"
        f"davis,davis,{server.put('DAVIS.zip', DATA)},,,research only\nworld,davis,generated,,,ours\n"
        "pix2gestalt,pix2gestalt,given,,,research only\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(["data", *arguments])
    return int(caught.value.code or 0)


def test_fetch_refuses_in_one_sentence_without_the_licence_and_fetches_with_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert called("fetch", "davis") == 2
    said = capsys.readouterr()
    assert said.out == "davis: research only\n"
    assert said.err.startswith("tgvac: The licence of source 'davis' is not accepted")
    assert said.err.count("\n") == 1
    assert called("fetch", "davis", "--accept-licences", "--workers", "2") == 0
    assert (project / "data" / "davis" / "DAVIS.zip").read_bytes() == DATA
    assert f"davis/DAVIS.zip is complete: {project / 'data' / 'davis' / 'DAVIS.zip'}" in capsys.readouterr().out


def test_status_lists_all_sources_or_those_of_a_scale(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["source", "davis", "world", "pix2gestalt"]
    overlay(project, "sources: {use: [davis]}\n")
    assert called("status", "--scale", "mine") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["source", "davis", "pix2gestalt"]
    assert lines[1].endswith("tgvac data fetch davis --accept-licences")


def test_parts_of_a_source_that_is_one_archive_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("fetch", "davis", "--only", "bear", "--accept-licences") == 2
    assert "has no parts that can be fetched or used alone" in capsys.readouterr().err
