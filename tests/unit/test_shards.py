"""Items and shards: finished items are kept, incomplete ones are made again, and a killed run resumes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgvac.errors import BadInput
from tgvac.seeds import rng, seed_of, unit
from tgvac.shards import Entry, Ledger, Made, merge_indices, read_index, run_items, shard_of, write_index
from tgvac.stage import Context


class Works:
    """A stage that writes one file an item and remembers what it made."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        self.done = folder / "done"
        self.made: list[str] = []
        self.fail_at = ""

    def make(self, item: str) -> Iterator[Made]:
        if item == self.fail_at:
            raise RuntimeError(item)
        self.made.append(item)
        path = self.out / f"{item.replace('/', '--')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"made {item}")
        yield Made(item, path, {"length": len(item)})

    def run(self, keys: dict[str, Any]) -> list[str]:
        """What a run makes."""
        self.made = []
        self.entries = run_items("x", keys, Ledger(self.done, self.out), self.make)
        return self.made


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return Works(tmp_path)


KEYS: dict[str, Any] = {"s/b": 1, "s/a": 1, "s/c": [1, {"x": 0.1}]}


def test_finished_items_are_not_made_again(works: Works) -> None:
    assert works.run(KEYS) == ["s/a", "s/b", "s/c"]
    first = works.entries
    assert works.run(dict(reversed(KEYS.items()))) == []
    assert works.entries == first


def test_entries_are_sorted_and_say_which_file_is_where(works: Works) -> None:
    works.run(KEYS)
    sha = hashlib.sha256(b"made s/a").hexdigest()
    assert works.entries[0] == Entry("s/a", "s--a.txt", sha, 8, {"length": 3})
    assert [e.id for e in works.entries] == ["s/a", "s/b", "s/c"]


def cut(works: Works) -> None:
    (works.out / "s--b.txt").write_text("made")


def remove(works: Works) -> None:
    (works.out / "s--b.txt").unlink()


def forget(works: Works) -> None:
    (works.done / "s--b.json").unlink()


def spoil(text: str) -> Callable[[Works], None]:
    def spoiler(works: Works) -> None:
        (works.done / "s--b.json").write_text(text)

    return spoiler


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(cut, id="file cut short"),
        pytest.param(remove, id="file gone"),
        pytest.param(forget, id="entry gone"),
        *(
            pytest.param(spoil(text), id=f"entry is {text!r}")
            for text in (
                "",
                '{"key": "',
                "[]",
                "{}",
                '{"entries": []}',
                '{"key": "x", "entries": [{"id": 1}]}',
                '{"key": "x", "entries": [{"id": "b", "file": 5, "sha256": "", "bytes": 1}]}',
                "\x00",
            )
        ),
    ],
)
def test_only_incomplete_items_are_made_again(works: Works, harm: Callable[[Works], None]) -> None:
    works.run(KEYS)
    first = works.entries
    harm(works)
    assert works.run(KEYS) == ["s/b"]
    assert works.entries == first
    assert works.run(KEYS) == []


def test_a_changed_key_makes_its_item_again_and_no_other(works: Works) -> None:
    works.run(KEYS)
    assert works.run({**KEYS, "s/c": [1, {"x": 0.2}]}) == ["s/c"]


def test_a_failing_item_leaves_earlier_items_done(works: Works) -> None:
    works.fail_at = "s/b"
    with pytest.raises(RuntimeError, match="s/b"):
        works.run(KEYS)
    works.fail_at = ""
    assert works.run(KEYS) == ["s/b", "s/c"]


def test_an_item_that_fails_while_it_is_replaced_is_no_longer_done(works: Works) -> None:
    works.run(KEYS)
    works.fail_at = "s/b"
    with pytest.raises(RuntimeError, match="s/b"):
        works.run({**KEYS, "s/b": 2})
    works.fail_at = ""
    assert works.run(KEYS) == ["s/b"]


def test_nothing_to_do_is_a_valid_shard(works: Works, tmp_path: Path) -> None:
    assert works.run({}) == []
    write_index(tmp_path / "index.json", works.entries)
    assert read_index(tmp_path / "index.json") == {}


def test_progress_counts_what_was_done_before(works: Works, capsys: pytest.CaptureFixture[str]) -> None:
    works.run({"s/a": 1})
    capsys.readouterr()
    works.run(KEYS)
    assert "x: 3/3" in capsys.readouterr().err


# ---------------------------------------------------------------- indices


def entry(name: str) -> Entry:
    return Entry(name, f"files/{name}.zip", "0" * 64, 3, {"frames": 2})


def test_an_index_is_sorted_and_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    entries = [entry(n) for n in "cab"]
    write_index(tmp_path / "a.json", entries)
    write_index(tmp_path / "b.json", entries[::-1])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert list(read_index(tmp_path / "a.json").items()) == [(n, entry(n)) for n in "abc"]


def test_shards_join_to_the_index_that_one_shard_would_have(tmp_path: Path) -> None:
    write_index(tmp_path / "0.json", [entry("b")])
    write_index(tmp_path / "1.json", [])
    write_index(tmp_path / "2.json", [entry("c"), entry("a")])
    write_index(tmp_path / "one.json", [entry(n) for n in "abc"])
    merge_indices((tmp_path / f"{k}.json" for k in range(3)), tmp_path / "all.json")
    assert (tmp_path / "all.json").read_bytes() == (tmp_path / "one.json").read_bytes()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tgvac-index-0", "entries": []}', '{"format": "tgvac-in'])
def test_a_file_that_is_not_an_index_is_refused_with_file_and_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"index\.json is not an index of format tgvac-index-1 .*; delete it and rerun"):
        read_index(path)


def test_a_missing_index_is_refused_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"index\.json does not exist; run the phase"):
        read_index(tmp_path / "index.json")


def test_a_file_of_another_phase_must_be_complete(tmp_path: Path) -> None:
    ctx = Context(tmp_path, "tiny", "masks", "d")
    path = tmp_path / "results" / "tiny" / "tracks" / "files" / "a.zip"
    path.parent.mkdir(parents=True)
    for data in (None, b"ab"):
        if data:
            path.write_bytes(data)
        with pytest.raises(BadInput, match=r"a\.zip is missing or incomplete; run `tgvac stage tracks --scale tiny`"):
            ctx.upstream("tracks", entry("a"))
    path.write_bytes(b"abc")
    assert ctx.upstream("tracks", entry("a")) == path


# ---------------------------------------------------------------- membership and seeds


@settings(deadline=None)
@given(st.text(max_size=30), st.integers(1, 999))
def test_a_shard_is_one_of_the_shards_and_depends_on_the_id_alone(identifier: str, shards: int) -> None:
    shard = shard_of(identifier, shards)
    assert 0 <= shard < shards
    # Independently: the first 63 bits of SHA-256 of the names with their types.
    name = f"str:shard\x1fstr:{identifier}".encode("utf-8", "strict")
    fraction = (int.from_bytes(hashlib.sha256(name).digest()[:8], "big") // 2) / 2**63
    assert shard == int(fraction * shards)


def test_shards_are_about_equally_full() -> None:
    counts = [0] * 8
    for i in range(4000):
        counts[shard_of(f"davis/video-{i}/1", 8)] += 1
    assert min(counts) > 400
    assert max(counts) < 600


def test_names_that_only_look_alike_have_different_seeds() -> None:
    names: list[tuple[str | int, ...]] = [("a", "b"), ("ab",), ("b", "a"), (1,), ("1",), ("a", 1), ("a", "1"), ()]
    assert len({seed_of(*n) for n in names}) == len(names)
    assert all(0 <= seed_of(*n) < 2**63 for n in names)


def test_a_draw_depends_on_its_name_and_not_on_the_draws_before_it() -> None:
    first = rng("frame", "noise", 3).integers(1 << 30, size=4).tolist()
    rng("frame", "noise", 2).integers(1 << 30, size=99)
    assert rng("frame", "noise", 3).integers(1 << 30, size=4).tolist() == first
    assert 0 <= unit("split", 1, "x") < 1


# ---------------------------------------------------------------- killed

KILLED = """
import os, signal, sys
from pathlib import Path
from tgvac.clips.archive import zip_writing
from tgvac.shards import Ledger, Made, run_items, write_index

folder, kill_at = Path(sys.argv[1]), sys.argv[2]

def make(item):
    path = folder / "out" / f"{item}.zip"
    print(item, flush=True)
    with zip_writing(path) as sink:
        for i in range(20):
            sink.add(f"{i}.bin", item.encode() * 5000)
            if item == kill_at and i == 10:
                os.kill(os.getpid(), signal.SIGKILL)
    yield Made(item, path)

entries = run_items("x", {i: 1 for i in "abc"}, Ledger(folder / "done", folder / "out"), make)
write_index(folder / "out" / "index.json", entries)
"""


def run_killed(folder: Path, kill_at: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), kill_at],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "random"},
    )


def test_a_run_killed_in_the_middle_of_an_item_resumes_there_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert run_killed(killed, "b").returncode == -signal.SIGKILL
    visible = [p.name for p in (killed / "out").iterdir() if not p.name.startswith(".")]
    assert visible == ["a.zip"]
    again = run_killed(killed, "")
    assert again.returncode == 0
    assert again.stdout.split() == ["b", "c"]
    assert run_killed(whole, "").stdout.split() == ["a", "b", "c"]
    for name in ("a.zip", "b.zip", "c.zip", "index.json"):
        assert (killed / "out" / name).read_bytes() == (whole / "out" / name).read_bytes()
    assert set(json.loads((whole / "out" / "index.json").read_text())) == {"format", "entries"}
