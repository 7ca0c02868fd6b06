"""Code digests: what decides a result counts, prose does not; the closure of imports is followed to its end."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tgvac import provenance
from tgvac.phases import PHASES, Phase
from tgvac.provenance import (
    closure,
    code_digest,
    imports_of,
    provenance_of,
    read_record,
    source_digest,
    write_provenance,
)

BASE = textwrap.dedent(
    '''
    """A module."""
    import os


    class A:
        """A class."""

        x = 1

        def f(self, y: int) -> int:
            """A method."""
            return y + 2


    async def g() -> None:
        """A coroutine."""
    '''
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""\n', ""),
        ('"""A module."""', '"""Another\n\ntext."""'),
        ('        """A method."""\n', ""),
        ('"""A class."""', '"""Said otherwise."""'),
        ('"""A coroutine."""', '"""Said otherwise."""'),
        ("x = 1", "x = 1  # a comment"),
        ("import os\n", "# a comment\n\n\nimport os\n"),
        ("return y + 2", "return (\n            y + 2\n        )"),
    ],
)
def test_prose_and_layout_do_not_count(old: str, new: str) -> None:
    assert BASE.count(old) == 1
    assert source_digest(BASE.replace(old, new)) == source_digest(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("y + 2", "y + 3"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = '1'"),
        ("return y + 2", "return 2 + y"),
        ("y: int", "y: float"),
        ("import os", "import sys"),
        ("x = 1", "'''x'''\n    x = 1\n    '''a text that is no docstring'''"),
    ],
)
def test_what_decides_a_result_counts(old: str, new: str) -> None:
    assert BASE.count(old) == 1
    assert source_digest(BASE.replace(old, new)) != source_digest(BASE)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in the place of the real one."""
    files = {
        "__init__.py": "",
        "roof.py": "import tgvac.room.stage",
        "room/__init__.py": "from tgvac import ground",
        "room/stage.py": """
            import os
            from tgvac.room import helper
            def run():
                from tgvac.far.lazy import thing
            if os.name:
                import tgvac.far.other as other
        """,
        "room/helper.py": "import tgvac.progress\nfrom tgvac import provenance",
        "room/alone.py": "",
        "far/__init__.py": "",
        "far/lazy.py": "from tgvac.room import stage",
        "far/other.py": "A = 1",
        "far/unread.py": "",
        "ground.py": "",
        "cli.py": "import tgvac.far.unread",
        "phases.py": "import tgvac.far.unread",
        "progress.py": "import tgvac.far.unread",
        "provenance.py": "import tgvac.far.unread",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.setattr(provenance, "_SOURCE", tmp_path)
    provenance._facts.cache_clear()
    yield tmp_path
    provenance._facts.cache_clear()


def test_the_closure_follows_lazy_imports_circles_and_package_inits(package: Path) -> None:
    assert list(closure("tgvac.room.stage")) == [
        "tgvac",
        "tgvac.far",
        "tgvac.far.lazy",
        "tgvac.far.other",
        "tgvac.ground",
        "tgvac.room",
        "tgvac.room.helper",
        "tgvac.room.stage",
    ]


def test_a_module_that_imports_nothing_still_runs_the_inits_above_it(package: Path) -> None:
    assert list(closure("tgvac.room.alone")) == ["tgvac", "tgvac.ground", "tgvac.room", "tgvac.room.alone"]


def test_the_roof_is_left_out_and_not_followed(package: Path) -> None:
    reached = closure("tgvac.room.stage")
    assert not {"tgvac.cli", "tgvac.params", "tgvac.phases", "tgvac.provenance", "tgvac.progress"} & set(reached)
    assert "tgvac.far.unread" not in reached


def test_the_code_digest_changes_with_a_module_far_down_and_with_no_other(package: Path) -> None:
    before, alone = code_digest("tgvac.room.stage"), code_digest("tgvac.room.alone")
    (package / "far" / "other.py").write_text("A = 2")
    (package / "far" / "unread.py").write_text("A = 2")
    provenance._facts.cache_clear()
    assert code_digest("tgvac.room.stage") != before
    assert code_digest("tgvac.room.alone") == alone


def test_an_unknown_module_is_refused(package: Path) -> None:
    with pytest.raises(ValueError, match=r"no module named tgvac\.room\.nothing"):
        closure("tgvac.room.nothing")


@pytest.mark.parametrize("text", ["from . import x", "from .x import y", "from .. import z"])
def test_a_relative_import_is_refused_naming_the_module(text: str) -> None:
    with pytest.raises(ValueError, match=r"tgvac\.room\.stage imports relatively; write the full name"):
        imports_of(text, "tgvac.room.stage")


def test_other_packages_are_no_part_of_the_closure() -> None:
    assert imports_of("import os, numpy.linalg\nfrom json import dumps\nfrom tgvacx import y", "tgvac.a") == set()


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: p.name)
def test_every_phase_has_a_closure_without_the_roof(phase: Phase) -> None:
    for module in filter(None, (phase.module, phase.join)):
        reached = closure(module)
        assert {module, "tgvac", "tgvac.config"} <= set(reached)
        assert not provenance.LEFT_OUT & set(reached)


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
