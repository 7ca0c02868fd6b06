"""Fetching resumes partial files, tries places in turn, verifies archives, and loses nothing."""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.archive_server import PAGE, PARAMS, ArchiveServer, serving
from tests.unit.builders import noise
from tests.unit.fetching import DATA, OTHER, SHA, fetch, files, refused, source, zip_of
from tgvac import progress
from tgvac.fetch import disk
from tgvac.fetch.registry import Source


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as it:
        yield it


ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (
    sys.executable,
    "-c",
    # A process started in the background of a shell ignores interrupts, and this one would inherit that.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from tests.unit.fetching import fetch, source; from pathlib import Path; import sys;"
    "fetch(Path(sys.argv[1]), source(sys.argv[2]))",
)


def wait_for(part: Path, size: int) -> None:
    """Wait until another process has written more than ``size`` bytes."""
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > size):
        assert time.monotonic() < deadline, f"{part} does not grow"
        time.sleep(0.01)


def test_an_archive_is_fetched_once_and_its_checksum_recorded(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA))
    for _ in range(2):
        path = fetch(tmp_path, mine)
        assert path == tmp_path / "mine" / "a.zip"
        assert path.read_bytes() == DATA
    assert server.sent["a.zip"] == len(DATA)
    assert files(path.parent) == ["a.zip"]
    lock = json.loads((tmp_path / "registry.lock").read_text())
    assert lock["format"] == "tgvac-registry-lock-1"
    assert lock["archives"]["mine/a.zip"]["sha256"] == SHA
    assert lock["archives"]["mine/a.zip"]["bytes"] == len(DATA)


def test_an_interrupted_download_is_resumed(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[20_000, 15_000]))
    assert fetch(tmp_path, mine).read_bytes() == DATA
    assert server.sent["a.zip"] == len(DATA) + 2 * PARAMS.overlap_bytes
    assert [asked for _, asked in server.asked] == ["", "bytes=19900-", "bytes=34800-"]


def test_bytes_of_an_earlier_run_are_not_fetched_again(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[20_000, 0, 0]))
    message = refused(tmp_path, mine)
    assert "20000 bytes are kept, and the same command resumes from there" in message
    assert files(tmp_path / "mine") == ["a.zip.part", "a.zip.part.json"]
    assert fetch(tmp_path, mine).read_bytes() == DATA
    assert server.sent["a.zip"] == len(DATA) + PARAMS.overlap_bytes
    assert files(tmp_path / "mine") == ["a.zip"]


def test_attempts_that_bring_new_bytes_are_not_counted(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[5_000] * 9))
    assert fetch(tmp_path, mine, attempts=1).read_bytes() == DATA


def test_without_range_support_everything_is_sent_again_and_nothing_is_lost(
    server: ArchiveServer, tmp_path: Path
) -> None:
    mine = source(server.put("a.zip", DATA, ranges=False, cuts=[30_000, 10_000]))
    refused(tmp_path, mine, attempts=1)
    assert (tmp_path / "mine" / "a.zip.part").stat().st_size == 30_000
    assert fetch(tmp_path, mine).read_bytes() == DATA


def test_a_killed_download_is_resumed(server: ArchiveServer, tmp_path: Path) -> None:
    """After kill -9, a second process requests only the missing bytes."""
    data = zip_of(1_000_000)
    url = server.put("a.zip", data, pause=0.01)
    command = [*PROGRAM, str(tmp_path), url]
    part = tmp_path / "mine" / "a.zip.part"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        wait_for(part, 100_000)
        child.send_signal(signal.SIGKILL)
    here = part.stat().st_size
    assert 100_000 < here < len(data)
    assert not (tmp_path / "mine" / "a.zip").exists()
    server.files["a.zip"].pause = 0.0
    time.sleep(0.1)  # let the server notice the closed connection
    before = server.sent["a.zip"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "mine" / "a.zip").read_bytes() == data
    assert server.sent["a.zip"] - before == len(data) - here + PARAMS.overlap_bytes


def test_redirects_are_followed_also_when_resuming(server: ArchiveServer, tmp_path: Path) -> None:
    """The Hugging Face Hub redirects to other servers."""
    target = server.put("there/a.zip", DATA, cuts=[20_000])
    mine = source(server.put("a.zip", b"", leads_to=target))
    assert fetch(tmp_path, mine).read_bytes() == DATA
    assert server.sent["there/a.zip"] == len(DATA) + PARAMS.overlap_bytes


def test_an_interrupt_ends_it_at_once_and_keeps_the_received_bytes(server: ArchiveServer, tmp_path: Path) -> None:
    data = zip_of(1_000_000)
    url = server.put("a.zip", data, pause=0.02)
    part = tmp_path / "mine" / "a.zip.part"
    with subprocess.Popen([*PROGRAM, str(tmp_path), url], cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        wait_for(part, 50_000)
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) != 0
    assert 50_000 < part.stat().st_size < len(data)
    assert part.read_bytes() == data[: part.stat().st_size]


def test_places_are_tried_in_turn(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(f"{server.url}/none.zip", "http://127.0.0.1:9/a.zip", server.put("a.zip", DATA))
    assert fetch(tmp_path, mine).read_bytes() == DATA


def test_a_mirror_resumes_the_part_of_another_place(server: ArchiveServer, tmp_path: Path) -> None:
    first = server.put("one/a.zip", DATA, cuts=[20_000, 0, 0])
    mine = source(first, server.put("two/a.zip", DATA))
    assert fetch(tmp_path, mine).read_bytes() == DATA
    assert server.sent["two/a.zip"] == len(DATA) - 20_000 + PARAMS.overlap_bytes


def test_a_mirror_of_another_file_is_never_joined_to_a_part(server: ArchiveServer, tmp_path: Path) -> None:
    first = server.put("one/a.zip", DATA, cuts=[20_000, 0, 0])
    message = refused(tmp_path, source(first, server.put("two/a.zip", OTHER)))
    assert "two/a.zip has other bytes than" in message
    assert (tmp_path / "mine" / "a.zip.part").read_bytes() == DATA[:20_000]


def test_a_new_version_at_the_same_place_is_fetched_from_the_start(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[20_000, 0, 0]))
    refused(tmp_path, mine)
    server.put("a.zip", OTHER)
    assert fetch(tmp_path, mine).read_bytes() == OTHER


def test_a_shorter_new_version_is_fetched_from_the_start(server: ArchiveServer, tmp_path: Path) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[20_000, 0, 0]))
    refused(tmp_path, mine)
    short = zip_of(500)
    server.put("a.zip", short)
    assert fetch(tmp_path, mine).read_bytes() == short


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/zip"])
def test_a_web_page_instead_of_the_archive_does_not_damage_the_part(
    server: ArchiveServer, tmp_path: Path, kind: str
) -> None:
    mine = source(server.put("a.zip", DATA, cuts=[20_000, 0, 0]))
    refused(tmp_path, mine)
    server.put("a.zip", PAGE, kind=kind, ranges=False)
    message = refused(tmp_path, mine)
    assert "answers with a web page instead of the archive" in message
    assert "get it another way, such as from https://page, and put it at" in message
    assert (tmp_path / "mine" / "a.zip.part").read_bytes() == DATA[:20_000]


def test_the_error_for_a_missing_archive_names_the_answer_and_the_path(server: ArchiveServer, tmp_path: Path) -> None:
    message = refused(tmp_path, source(f"{server.url}/none.zip"))
    assert "none.zip answers 404 Not Found" in message
    assert f"put it at {tmp_path / 'mine' / 'a.zip'}" in message
    assert files(tmp_path / "mine") == []


def test_a_busy_server_is_asked_a_limited_number_of_times(server: ArchiveServer, tmp_path: Path) -> None:
    message = refused(tmp_path, source(server.put("a.zip", DATA, status=503)))
    assert "answers 503" in message
    assert len(server.asked) == PARAMS.attempts


def test_a_wrong_length_is_reported_before_anything_is_written(server: ArchiveServer, tmp_path: Path) -> None:
    message = refused(tmp_path, source(server.put("a.zip", DATA), size=17))
    assert f"has {len(DATA)} bytes, but the registry or the lock says 17" in message
    assert files(tmp_path / "mine") == []


def test_a_server_that_announces_more_than_it_sends_gives_no_archive(server: ArchiveServer, tmp_path: Path) -> None:
    message = refused(tmp_path, source(server.put("a.zip", DATA, lies=500)))
    assert f"was interrupted after {len(DATA)} of {len(DATA) + 500} bytes" in message or "IncompleteRead" in message
    assert "a.zip" not in files(tmp_path / "mine")


def test_a_truncated_zip_without_a_stated_length_is_detected(server: ArchiveServer, tmp_path: Path) -> None:
    message = refused(tmp_path, source(server.put("a.zip", DATA, length=False, cuts=[30_000])))
    assert "truncated or not a zip archive" in message
    assert files(tmp_path / "mine") == ["a.zip.refused"]


def test_a_file_with_another_checksum_is_set_aside_and_the_next_place_is_tried(
    server: ArchiveServer, tmp_path: Path
) -> None:
    wrong, right = server.put("one/a.zip", OTHER), server.put("two/a.zip", DATA)
    message = refused(tmp_path, source(wrong, sha=SHA))
    assert f"the registry says {SHA[:12]}…" in message
    assert "kept as a.zip.refused" in message
    assert files(tmp_path / "mine") == ["a.zip.refused"]
    assert fetch(tmp_path, source(wrong, right, sha=SHA)).read_bytes() == DATA


def test_a_full_disk_is_reported_before_the_first_byte(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 50_000, 50_000))
    message = refused(tmp_path, source(server.put("a.zip", DATA)))
    assert "free some space or make data a link to a larger disk" in message
    assert server.asked == []


def test_known_sizes_are_added_up_before_any_request(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 70_000, 70_000))
    one = source(server.put("a.zip", DATA), size=len(DATA))
    two = Source("other", "davis", "archives", None, None, "free", files=one.files)
    assert "other downloads need 0.00 GB" in refused(tmp_path, one, two)
    assert (server.asked, server.probed) == ([], [])


def test_sizes_are_requested_before_the_first_archive_fills_the_disk(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 70_000, 70_000))
    one = source(server.put("a.zip", DATA))
    two = Source("other", "davis", "archives", None, None, "free", files=one.files)
    assert "other downloads need 0.00 GB" in refused(tmp_path, one, two)
    assert server.asked == []
    fetch(tmp_path, one)


def test_without_a_known_size_the_disk_is_checked_when_the_answer_arrives(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 50_000, 50_000))
    mine = source("http://127.0.0.1:9/a.zip", server.put("a.zip", DATA))
    assert "free some space or make data a link to a larger disk" in refused(tmp_path, mine)
    assert not (tmp_path / "mine" / "a.zip.part").exists()


def test_progress_shows_the_total_and_the_remaining_time(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.0)
    one = source(server.put("a.zip", zip_of(3_200_000)))
    two = Source("other", "davis", "archives", None, None, "free", files=one.files)
    fetch(tmp_path, one, two, workers=1, chunk_bytes=1000, member_max_bytes=10**7)
    lines = capsys.readouterr().err.splitlines()
    assert all("/6, " in line for line in lines)
    assert " left; a.zip" in lines[0]
    assert lines[-1].startswith("fetch (MB): 6/6")


def test_a_disk_that_becomes_full_keeps_the_received_bytes(
    server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tgvac.fetch import partial

    def full(self: partial.Sink, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    mine = source(server.put("a.zip", DATA, cuts=[20_000, 0, 0]))
    refused(tmp_path, mine)
    with monkeypatch.context() as patched:
        patched.setattr(partial.Sink, "write", full)
        assert "is full; free some space, then run the same command again" in refused(tmp_path, mine)
    assert fetch(tmp_path, mine).read_bytes() == DATA


def test_a_tar_declared_as_transfer_compressed_is_kept_as_it_is(server: ArchiveServer, tmp_path: Path) -> None:
    data = gzip.compress(noise(3, 5000).tobytes())
    mine = source(server.put("a.tar.gz", data, encoding="x-gzip", kind="application/x-tar"), file="a.tar.gz")
    assert fetch(tmp_path, mine).read_bytes() == data


def test_one_failure_does_not_stop_other_archives(server: ArchiveServer, tmp_path: Path) -> None:
    bad = source(f"{server.url}/none.zip")
    good = Source("good", "davis", "archives", None, None, "free", files=source(server.put("a.zip", DATA)).files)
    worse = Source("worse", "davis", "archives", None, None, "free", files=bad.files)
    message = refused(tmp_path, bad, worse, good)
    assert "of source 'mine' cannot be fetched" in message
    assert "and 1 more failed" in message
    assert (tmp_path / "good" / "a.zip").read_bytes() == DATA
