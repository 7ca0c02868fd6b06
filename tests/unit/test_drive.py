"""Google Drive with gdown: it resumes its own parts, reports an exceeded quota, and never joins two files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gdown
import pytest
from gdown.exceptions import FileURLRetrievalError

from tests.unit.archive_server import PARAMS, ArchiveServer, serving
from tests.unit.fetching import DATA, OTHER, fetch, files, refused, source
from tgvac.fetch import drive, transfer
from tgvac.fetch.partial import Part

DOWNLOAD = gdown.download


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    """A server in place of Drive: the real gdown requests the file with an id from it."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as it:

        def download(id: str, **more: Any) -> Any:
            return DOWNLOAD(url=f"{it.url}/{id}", **more)

        monkeypatch.setattr(gdown, "download", download)
        # A broken connection loses an incomplete chunk, and these archives are smaller than the default chunk.
        monkeypatch.setattr(sys.modules["gdown.download"], "CHUNK_SIZE", 1000)
        yield it


def test_a_file_is_fetched_by_its_id(server: ArchiveServer, tmp_path: Path) -> None:
    server.put("abc", DATA)
    assert fetch(tmp_path, source("drive:abc")).read_bytes() == DATA
    assert files(tmp_path / "mine") == ["a.zip"]


def test_a_partial_file_is_resumed(server: ArchiveServer, tmp_path: Path) -> None:
    server.put("abc", DATA, cuts=[20_000, 0, 0, 0, 0, 0])
    assert "; 20000 bytes are kept" in refused(tmp_path, source("drive:abc"))
    here = (tmp_path / "mine" / "a.zip.part").stat().st_size
    assert files(tmp_path / "mine") == ["a.zip.part", "a.zip.part.json"]
    server.files["abc"].cuts.clear()
    before = len(server.asked)
    assert fetch(tmp_path, source("drive:abc")).read_bytes() == DATA
    assert f"bytes={here - PARAMS.overlap_bytes}-" in [asked for _, asked in server.asked[before:]]
    assert files(tmp_path / "mine") == ["a.zip"]


def test_a_changed_file_is_fetched_from_the_start(server: ArchiveServer, tmp_path: Path) -> None:
    part = Part(tmp_path / "mine" / "a.zip")
    part.path.parent.mkdir()
    part.path.write_bytes(OTHER[:20_000])
    part.record("drive:abc", len(OTHER))
    server.put("abc", DATA)
    assert fetch(tmp_path, source("drive:abc")).read_bytes() == DATA


def test_a_part_from_another_place_is_not_touched(server: ArchiveServer, tmp_path: Path) -> None:
    server.put("abc", DATA)
    part = Part(tmp_path / "mine" / "a.zip")
    part.path.parent.mkdir()
    part.path.write_bytes(DATA[:20_000])
    part.record("https://elsewhere/a.zip", len(DATA))
    assert "drive:abc can only resume its own parts: delete" in refused(tmp_path, source("drive:abc"))
    assert part.size == 20_000


def test_an_exceeded_quota_is_reported_with_the_path_for_a_manual_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quota(**_: object) -> None:
        raise FileURLRetrievalError("Too many users have viewed or downloaded this file recently.\nTry again later.")

    monkeypatch.setattr(gdown, "download", quota)
    message = refused(tmp_path, source("drive:abc"))
    assert "drive:abc refuses it, usually because the quota is exceeded: Too many users" in message
    assert f"such as from https://page, and put it at {tmp_path / 'mine' / 'a.zip'}" in message


def test_a_part_given_to_gdown_by_a_killed_process_is_taken_back(server: ArchiveServer, tmp_path: Path) -> None:
    server.put("abc", DATA)
    part = Part(tmp_path / "mine" / "a.zip")
    part.path.parent.mkdir()
    part.path.with_name("a.zip.part-resumed.part").write_bytes(DATA[:20_000])
    part.path.with_name("a.zip.part12345678.part").write_bytes(DATA[:10])
    part.record("drive:abc", len(DATA))
    drive.reclaim(part)
    assert part.path.read_bytes() == DATA[:20_000]
    assert fetch(tmp_path, source("drive:abc")).read_bytes() == DATA
    assert files(tmp_path / "mine") == ["a.zip"]


def test_a_file_is_found_by_name_in_a_shared_folder(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [SimpleNamespace(id="x1", path="2019/valid.zip"), SimpleNamespace(id="abc", path="2019/a.zip")]
    monkeypatch.setattr(gdown, "download_folder", lambda **_: listed)
    server.put("abc", DATA)
    assert fetch(tmp_path, source("drive-folder:f1/a.zip")).read_bytes() == DATA
    assert "has 0 files with the name b.zip" in refused(tmp_path, source("drive-folder:f1/b.zip", file="b.zip"))


def test_a_file_on_the_hub_has_a_url() -> None:
    assert (
        transfer._url("hub:l-lt/LaSOT/lion.zip") == "https://huggingface.co/datasets/l-lt/LaSOT/resolve/main/lion.zip"
    )
