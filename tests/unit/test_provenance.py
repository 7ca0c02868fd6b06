"""Provenance: what an output was made from, in a record beside it that counts for those bytes only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tgvac.provenance import provenance_of, read_record, write_provenance


def test_a_record_counts_only_whole_and_for_the_very_bytes_it_tells_of(tmp_path: Path) -> None:
    output = tmp_path / "out.bin"
    assert read_record(output) is None
    output.write_bytes(b"out")
    assert read_record(output) is None
    write_provenance(output, "tracks", "p", "c", {})
    record = read_record(output)
    assert record is not None
    assert record["phase"] == "tracks"
    output.write_bytes(b"ou")
    assert read_record(output) is None
    output.write_bytes(b"out")
    beside = provenance_of(output)
    for damaged in (beside.read_text()[:-20], "[]", "{}"):
        beside.write_text(damaged)
        assert read_record(output) is None


def test_provenance_says_what_an_output_was_made_from_and_nothing_of_the_place(tmp_path: Path) -> None:
    output, given = tmp_path / "a" / "out.bin", tmp_path / "in.bin"
    output.parent.mkdir()
    output.write_bytes(b"out")
    given.write_bytes(b"in")
    write_provenance(output, "tracks", "p", "c", {"z": given, "a": output})
    record = (output.parent / "out.bin.prov.json").read_text()
    assert json.loads(record) == {
        "format": "tgvac-provenance-1",
        "phase": "tracks",
        "output": {"name": "out.bin", "sha256": hashlib.sha256(b"out").hexdigest()},
        "params": "p",
        "code": "c",
        "inputs": {"a": hashlib.sha256(b"out").hexdigest(), "z": hashlib.sha256(b"in").hexdigest()},
    }
    assert str(tmp_path) not in record


def test_further_facts_are_keys_of_the_record(tmp_path: Path) -> None:
    output = tmp_path / "out.bin"
    output.write_bytes(b"out")
    write_provenance(output, "frame", "p", "c", {}, {"resumed_from": ["abc"]})
    record = read_record(output)
    assert record is not None
    assert record["resumed_from"] == ["abc"]
