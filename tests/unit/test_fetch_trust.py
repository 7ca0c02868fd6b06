"""Licences and checksums of fetched archives, and where a phase finds the archives."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.archive_server import PAGE, PARAMS, ArchiveServer, serving
from tests.unit.builders import noise
from tests.unit.fetching import DATA, OTHER, SHA, fetch, files, refused, source, zip_of
from tgvac.errors import BadInput
from tgvac.fetch.archives import Fetch
from tgvac.fetch.locate import locate
from tgvac.fetch.partial import Part
from tgvac.fetch.registry import Archive, Source
from tgvac.fetch.trust import Trust
from tgvac.fetch.verify import verify


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as it:
        yield it


def test_nothing_is_fetched_before_the_licence_is_accepted(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA))
    with pytest.raises(
        BadInput,
        match=r"'mine' cannot be fetched before its licence is accepted .*--accept-licences`; or .*--at mine=PATH`.$",
    ):
        Fetch(tmp_path, PARAMS).run([(mine, mine.archives[0])])
    assert server.asked == []


def test_the_first_complete_copy_is_trusted_and_another_one_is_refused(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA))
    path = fetch(tmp_path, mine)
    path.write_bytes(OTHER)
    os.utime(path, ns=(0, 0))
    assert f"registry.lock says {SHA[:12]}…; delete it and fetch it again" in refused(tmp_path, mine)
    path.write_bytes(DATA[:-7])
    with pytest.raises(BadInput, match=r"truncated|says"):
        fetch(tmp_path, mine)
    path.write_bytes(DATA)
    assert fetch(tmp_path, mine) == path


def test_the_error_for_a_changed_archive_says_what_to_do(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA))
    fetch(tmp_path, mine).unlink()
    server.put("a.zip", OTHER)
    assert "registry.lock says" in (message := refused(tmp_path, mine))
    assert "or remove its entry from the lock if the publisher has changed the archive" in message
    server.put("a.zip", zip_of(70_000))
    assert f"the registry or the lock says {len(DATA)}" in refused(tmp_path, mine)
    (tmp_path / "registry.lock").unlink()
    assert fetch(tmp_path, mine).read_bytes() == zip_of(70_000)


def test_verified_archives_may_be_in_a_read_only_folder(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tgvac.fetch import archives as module

    mine = source(server.put("a.zip", DATA))
    fetch(tmp_path, mine)
    monkeypatch.setattr(module, "locked", lambda _: pytest.fail("a lock would be written"))
    Fetch(tmp_path, PARAMS).run([(mine, mine.archives[0])])


def test_a_truncated_tar_is_never_trusted_even_without_a_stated_length(server: ArchiveServer, tmp_path: Path) -> None:
    data = gzip.compress(noise(3, 50_000).tobytes())
    mine = source(server.put("a.tar.gz", data, length=False, cuts=[30_000]), file="a.tar.gz")
    assert "is truncated or damaged" in refused(tmp_path, mine)
    assert fetch(tmp_path, mine).read_bytes() == data


def test_a_zip_with_a_damaged_member_is_never_trusted(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    damaged = bytearray(DATA)
    damaged[30_000] ^= 1
    (tmp_path / "mine" / "a.zip").write_bytes(damaged)
    assert "a.zip is truncated or damaged (Bad CRC-32 for file 'frame')" in refused(tmp_path, source("drive:abc"))
    assert Trust(tmp_path).archive("mine/a.zip") is None


def test_a_verified_archive_is_not_read_again(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tgvac.fetch import verify as module

    mine = source(server.put("a.zip", DATA))
    path = fetch(tmp_path, mine)
    monkeypatch.setattr(module, "sha256", lambda _: pytest.fail("read again"))
    verify(mine, mine.archives[0], path, PARAMS, Trust(tmp_path))
    path.touch()
    with pytest.raises(pytest.fail.Exception, match="read again"):
        verify(mine, mine.archives[0], path, PARAMS, Trust(tmp_path))


def test_a_manually_placed_archive_is_verified_and_needs_no_licence(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.zip").write_bytes(DATA)
    mine = source("drive:abc")
    Fetch(tmp_path, PARAMS).run([(mine, mine.archives[0])])
    known = Trust(tmp_path).archive("mine/a.zip")
    assert known is not None
    assert known["sha256"] == SHA


def test_a_quota_page_saved_as_the_archive_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.zip").write_bytes(PAGE)
    assert "is a web page, not an archive (Google Drive sends one when the quota" in refused(
        tmp_path, source("drive:abc")
    )


def test_the_phase_fetches_an_archive_once_the_licence_is_accepted(server: ArchiveServer, tmp_path: Path) -> None:
    mine = Source("mine", "davis", server.put("a.zip", DATA), None, SHA, "free")
    with pytest.raises(BadInput, match="licence"):
        locate(mine, tmp_path, None, PARAMS)
    Trust(tmp_path / "data").accept(mine)
    for _ in range(2):
        assert locate(mine, tmp_path, None, PARAMS) == tmp_path / "data" / "mine" / "a.zip"
    assert server.sent["a.zip"] == len(DATA)


def test_the_phase_gets_the_folder_of_a_source_with_several_archives(server: ArchiveServer, tmp_path: Path) -> None:
    one = Archive("cat.zip", (server.put("cat.zip", DATA),), "cat")
    two = Archive("dog.zip", (server.put("dog.zip", OTHER),), "dog")
    mine = Source("mine", "lasot", "archives", None, None, "free", files=(one, two))
    Trust(tmp_path / "data").accept(mine)
    assert locate(mine, tmp_path, None, PARAMS, ("dog",)) == tmp_path / "data" / "mine"
    assert files(tmp_path / "data" / "mine") == ["dog.zip"]
    locate(mine, tmp_path, None, PARAMS)
    assert files(tmp_path / "data" / "mine") == ["cat.zip", "dog.zip"]


def test_a_part_without_a_known_origin_is_compared(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA))
    part = Part(tmp_path / "mine" / "a.zip")
    part.path.parent.mkdir()
    part.path.write_bytes(DATA[:30_000])
    assert fetch(tmp_path, mine).read_bytes() == DATA
    assert server.sent["a.zip"] == len(DATA) - 30_000 + PARAMS.overlap_bytes
