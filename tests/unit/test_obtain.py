"""``tgvac data``: licences are accepted once, parts can be chosen, and a table shows the next step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.archive_server import PARAMS, ArchiveServer, serving
from tests.unit.fetching import DATA, OTHER, files
from tests.unit.test_tracks_stage import SOURCES
from tgvac.errors import BadInput
from tgvac.fetch.obtain import obtain
from tgvac.fetch.registry import read_registry
from tgvac.fetch.status import print_status, status_of
from tgvac.fetch.trust import Trust


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with serving() as it:
        yield it


@pytest.fixture
def root(server: ArchiveServer, tmp_path: Path) -> Path:
    """A project with a source for each kind of location."""
    reference = tmp_path / "reference"
    reference.mkdir()
    (reference / "registry.csv").write_text(
        "name,layout,location,bytes,sha256,licence,terms,kind\n"
        "world,davis,generated,,,ours,,videos\n"
        "own,davis,given,,,yours,,videos\n"
        "near,davis,near.zip,,,ours,,videos\n"
        f"film,davis,{server.put('film.zip', DATA)},,,research only,https://terms,videos\n"
        "zoo,lasot,archives,,,ask the zoo,,videos\n"
    )
    rows = [f"zoo,{part}.zip,{part},{server.put(f'{part}.zip', OTHER)},,,\n" for part in ("cat", "dog", "emu")]
    (reference / "archives.csv").write_text("source,file,part,places,page,bytes,sha256\n" + "".join(rows))
    return tmp_path


def test_a_licence_is_shown_and_has_to_be_accepted(
    root: Path, server: ArchiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match=r"licence of source 'film' is not accepted, .* https://terms and give --accept"):
        obtain(root, ["film"], (), PARAMS, accept=False, ask=None)
    assert "film: research only\n  terms: https://terms" in capsys.readouterr().out
    assert server.asked == []
    assert not (root / "data").exists()


def test_a_licence_is_accepted_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obtain(root, ["film"], (), PARAMS, accept=True, ask=None)
    assert (root / "data/film/film.zip").read_bytes() == DATA
    record = json.loads((root / "data/licences.json").read_text())
    assert record["licences"]["film"]["licence"] == "research only"
    capsys.readouterr()
    obtain(root, ["film"], (), PARAMS, accept=False, ask=None)
    assert "research only" not in capsys.readouterr().out


def test_a_changed_licence_is_shown_again(root: Path) -> None:
    obtain(root, ["film"], (), PARAMS, accept=True, ask=None)
    registry = root / "reference" / "registry.csv"
    registry.write_text(registry.read_text().replace("research only", "no use at all"))
    with pytest.raises(BadInput, match="not accepted"):
        obtain(root, ["film"], (), PARAMS, accept=False, ask=None)


@pytest.mark.parametrize("answer", [True, False])
def test_an_interactive_user_is_asked(root: Path, answer: bool) -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return answer

    if answer:
        obtain(root, ["film"], (), PARAMS, accept=False, ask=ask)
    else:
        with pytest.raises(BadInput, match="not accepted, so nothing was fetched"):
            obtain(root, ["film"], (), PARAMS, accept=False, ask=ask)
    assert asked == ["Do you accept the licence of film?"]
    assert (root / "data/film/film.zip").exists() is answer


def test_only_the_chosen_parts_are_fetched(root: Path, server: ArchiveServer) -> None:
    obtain(root, ["zoo"], ("dog", "cat"), PARAMS, accept=True, ask=None)
    assert files(root / "data/zoo") == ["cat.zip", "dog.zip"]
    assert server.sent["emu.zip"] == 0


def test_parts_are_searched_in_all_named_sources(root: Path, server: ArchiveServer) -> None:
    obtain(root, ["zoo", "film"], ("emu",), PARAMS, accept=True, ask=None)
    assert files(root / "data/zoo") == ["emu.zip"]
    assert files(root / "data/film") == ["film.zip"]
    with pytest.raises(BadInput, match=r"None of zoo, film has a part 'emus'; did you mean 'emu'\?"):
        obtain(root, ["zoo", "film"], ("emus",), PARAMS, accept=True, ask=None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("world", "Source 'world' is not fetched: the workflow generates it"),
        ("own", "Source 'own' is not fetched: give your own folder or archive in a run with --at own=PATH"),
        ("near", r"Source 'near' is not fetched: it is in the project, at near\.zip"),
        ("filn", r"has no source 'filn'; did you mean 'film'\?"),
    ],
)
def test_a_source_that_cannot_be_fetched_is_refused_with_the_reason(root: Path, name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        obtain(root, [name], (), PARAMS, accept=True, ask=None)


@pytest.mark.parametrize("text", ["{", '{"format": "other", "archives": {}}', '{"format": "tgvac-registry-lock-1"}'])
def test_the_error_for_a_damaged_lock_names_it(root: Path, text: str) -> None:
    (root / "data").mkdir()
    (root / "data/registry.lock").write_text(text)
    with pytest.raises(BadInput, match=r"registry\.lock is not a valid tgvac-registry-lock-1 file .* to start again"):
        obtain(root, ["film"], (), PARAMS, accept=True, ask=None)


# ---------------------------------------------------------------- status


def next_step(root: Path, name: str, parts: tuple[str, ...] = ()) -> tuple[str, str, str]:
    source = read_registry(root / "reference/registry.csv")[name]
    found = status_of(source, parts, root, Trust(root / "data"))
    return found.here, found.licence, found.next


def test_the_status_names_each_next_step_until_the_archive_is_complete(root: Path, server: ArchiveServer) -> None:
    command = "tgvac data fetch film"
    assert next_step(root, "film") == ("0 of 1 complete", "not accepted", f"{command} --accept-licences")
    server.files["film.zip"].cuts = [20_000, 0, 0]
    with pytest.raises(BadInput, match="20000 bytes are kept"):
        obtain(root, ["film"], (), PARAMS, accept=True, ask=None)
    assert next_step(root, "film") == ("0 of 1 complete, 1 started", "accepted", command)
    obtain(root, ["film"], (), PARAMS, accept=False, ask=None)
    assert next_step(root, "film") == ("1 of 1 complete", "accepted", "ready")
    (root / "data/film/film.zip").touch()
    assert next_step(root, "film") == ("0 of 1 complete, 1 to be verified", "accepted", command)


def test_the_status_of_parts_counts_only_these(root: Path) -> None:
    obtain(root, ["zoo"], ("dog",), PARAMS, accept=True, ask=None)
    assert next_step(root, "zoo") == ("1 of 3 complete, missing cat, emu", "accepted", "tgvac data fetch zoo")
    assert next_step(root, "zoo", ("dog",)) == ("1 of 1 complete", "accepted", "ready")
    assert next_step(root, "zoo", ("cat",))[2] == "tgvac data fetch zoo --only cat"


def test_the_status_of_sources_that_are_not_fetched(root: Path) -> None:
    assert next_step(root, "world") == ("generated by the run", "-", "ready")
    assert next_step(root, "own") == ("to be given by you", "-", "give your folder: tgvac run … --at own=PATH")
    assert next_step(root, "near") == ("missing", "-", f"put it at {root / 'near.zip'}")
    (root / "near.zip").write_bytes(DATA)
    assert next_step(root, "near") == ("in the project", "-", "ready")


def test_the_table_has_a_row_for_each_source_or_for_those_of_a_scale(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    obtain(root, ["zoo"], ("dog",), PARAMS, accept=True, ask=None)
    capsys.readouterr()
    print_status(root, None)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["source", "world", "own", "near", "film", "zoo"]
    print_status(root, SOURCES.model_copy(update={"use": ("zoo",), "parts": ("zoo/dog",)}).needed())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].split() == [
        *("zoo", "videos", "(lasot)", "1", "of", "1", "complete"),
        *(f"{len(OTHER) / 1e6:.1f}", "MB", "accepted", "ready"),
    ]
