"""The registry: where a source lies, whether it is whole, and how it gets here."""

from __future__ import annotations

import gc
import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tgvac.errors import BadInput
from tgvac.sources.registry import Source, find_source, locate, read_registry, verify

# Of pooch, whose connections are closed by the collector alone.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

ROOT = Path(__file__).resolve().parents[2]
DATA = b"an archive" * 100
SHA = hashlib.sha256(DATA).hexdigest()
HEADER = "name,layout,location,bytes,sha256,licence\n"


def source(location: str, size: int | None = len(DATA), sha: str | None = SHA) -> Source:
    return Source("mine", "davis", location, size, sha, "none")


def test_the_projects_registry_names_the_procedural_world_and_the_papers_sources() -> None:
    found = read_registry(ROOT / "reference" / "registry.csv")
    layouts = {name: s.layout for name, s in found.items() if s.location == "generated"}
    assert layouts == {
        "world": "davis",
        "world_youtube_vos": "youtube_vos",
        "world_lasot": "lasot",
        "world_pix2gestalt": "pix2gestalt",
    }
    assert found["davis"].location.startswith("https://")
    assert found["pix2gestalt"].location.endswith("/pix2gestalt_occlusions_release.tar.gz")
    for name in ("davis", "youtube_vos", "lasot", "pix2gestalt"):
        assert found[name].layout == name
    assert all(s.licence for s in found.values())


def test_a_row_is_read_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"{HEADER}a,davis,given,,,free\nb,davis,b.zip,12,{SHA},'x'\n")
    assert read_registry(tmp_path / "r.csv") == {
        "a": Source("a", "davis", "given", None, None, "free"),
        "b": Source("b", "davis", "b.zip", 12, SHA, "'x'"),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"r\.csv does not exist; restore it"),
        ("name,layout\n", r"r\.csv has the columns .*; it must have name, layout, location"),
        ("", r"r\.csv has the columns None"),
        (f"{HEADER}a,davis,given,many,,free\n", r"r\.csv: bytes of 'a' is 'many'; write a whole number"),
    ],
)
def test_a_registry_that_is_none_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "r.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_registry(tmp_path / "r.csv")


def test_an_unknown_source_names_the_nearest() -> None:
    known = {"davis": source("given"), "world": source("given")}
    assert find_source(known, "davis", Path("r.csv")) is known["davis"]
    with pytest.raises(BadInput, match=r"r\.csv has no source 'daviss'; did you mean 'davis'\?"):
        find_source(known, "daviss", Path("r.csv"))
    with pytest.raises(BadInput, match="known are davis, world"):
        find_source(known, "qqq", Path("r.csv"))


def test_an_archive_in_the_project_is_found_and_verified(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA)
    assert locate(source("a.zip"), tmp_path, None) == tmp_path / "a.zip"


def test_a_missing_archive_is_refused_naming_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.zip, the archive of source 'mine', does not exist; put it there"):
        locate(source("a.zip"), tmp_path, None)


def test_an_archive_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA[:-1])
    with pytest.raises(BadInput, match=r"a\.zip has 999 bytes, the registry says 1000; it is not whole: delete it"):
        locate(source("a.zip"), tmp_path, None)


def test_an_archive_of_the_wrong_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(DATA[::-1])
    with pytest.raises(BadInput, match=rf"a\.zip has the checksum .*, the registry says {SHA[:12]}…; delete it"):
        locate(source("a.zip"), tmp_path, None)


def test_where_the_publisher_states_neither_nothing_is_compared(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"anything")
    verify(source("a.zip", None, None), tmp_path / "a.zip")


def test_what_the_user_gives_takes_the_place_of_the_registrys_location(tmp_path: Path) -> None:
    assert locate(source("https://nowhere.invalid/a.zip"), tmp_path, str(tmp_path)) == tmp_path
    with pytest.raises(BadInput, match=r"none, given as source 'mine', does not exist; give its right path"):
        locate(source("given"), tmp_path, str(tmp_path / "none"))


def test_a_source_that_must_be_given_says_how(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'mine' has no location of its own; name its folder, .*mine=PATH"):
        locate(source("given"), tmp_path, None)


# ---------------------------------------------------------------- from a server


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; ``/cut/…`` promises more than it sends."""

    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.path)

    def do_GET(self) -> None:
        if not self.path.startswith("/cut/"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA[:100])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """The address of a server of one archive, and what it was asked for."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.zip").write_bytes(DATA)
    asked: list[str] = []
    handler = partial(type("Handler", (Quiet,), {"asked": asked}), directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as it:
        thread = threading.Thread(target=it.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{it.server_address[1]}", asked
        it.shutdown()
        thread.join()
    gc.collect()  # pooch leaves the connection of a refused download to the collector; let it go here


def test_an_archive_behind_a_url_is_fetched_once_and_verified(server: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = server
    for _ in range(2):
        path = locate(source(f"{url}/a.zip"), tmp_path, None)
        assert path == tmp_path / "data" / "mine" / "a.zip"
        assert path.read_bytes() == DATA
    assert asked == ["/a.zip"]


def test_an_archive_without_a_known_checksum_is_fetched(server: tuple[str, list[str]], tmp_path: Path) -> None:
    assert locate(source(f"{server[0]}/a.zip", sha=None), tmp_path, None).read_bytes() == DATA


@pytest.mark.parametrize("where", ["/none.zip", "/cut/a.zip"])
def test_a_failing_url_is_told_in_one_sentence_and_leaves_nothing(
    server: tuple[str, list[str]], tmp_path: Path, where: str
) -> None:
    with pytest.raises(BadInput, match=rf"{where} cannot be fetched .*; get it another way and put it at .*mine") as it:
        locate(source(f"{server[0]}{where}"), tmp_path, None)
    assert "\n" not in str(it.value)
    assert [p for p in (tmp_path / "data").rglob("*") if p.is_file()] == []


def test_a_server_that_does_not_answer_is_told_in_one_sentence(server: tuple[str, list[str]], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be fetched"):
        locate(source("http://127.0.0.1:9/a.zip"), tmp_path, None)


def test_a_download_with_another_checksum_is_thrown_away(server: tuple[str, list[str]], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be fetched .*hash"):
        locate(source(f"{server[0]}/a.zip", sha="0" * 64), tmp_path, None)
    assert not (tmp_path / "data" / "mine" / "a.zip").exists()
