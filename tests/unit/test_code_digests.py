"""Code digests: an expression that decides a result counts, prose does not; imports are followed to the end."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tgvac.code_digests import LEFT_OUT, TREE, SourceTree, code_digest, imports_of, source_digest
from tgvac.methods.registry import REGISTRY
from tgvac.phase_spec import NO_OPTIONS, Phase
from tgvac.phases import PHASES, join_module

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
        ('"""A class."""', '"""Another text."""'),
        ('"""A coroutine."""', '"""Another text."""'),
        ("x = 1", "x = 1  # a comment"),
        ("x = 1", "x = 1\n    '''A text that documents the name above it.'''"),
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
        ("class A", "class B"),
    ],
)
def test_what_decides_a_result_counts(old: str, new: str) -> None:
    assert BASE.count(old) == 1
    assert source_digest(BASE.replace(old, new)) != source_digest(BASE)


SPEAKING = textwrap.dedent(
    """
    import warnings
    from typing import TYPE_CHECKING

    from tgvac.config import Block
    from tgvac.errors import BadInput, wording

    if TYPE_CHECKING:
        from tgvac.far import other

    class Shape(Block):
        size: int = Field(ge=1)
        kind: str = "round"

        @field_validator("size")
        def _even(cls, size):
            return size - size % 2

        @property
        def area(self):
            return self.size**2

    class Plain:
        side: int = 3

    def run(items, path):
        with Progress(f"tracks of {path}", 4) as progress:
            for item in items:
                progress.step(f"item {item}")
        for item in with_progress(items, "masks", 5):
            print("made", item, end="")
        warnings.warn("few items", stacklevel=6)
        if not items:
            raise BadInput(f"{path} is empty; give another file.") from None
        raise SystemExit(75)

    @wording
    def remark(count):
        return f"{count + 7} items"

    def name_of(count):
        return f"item-{count}"
    """
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('f"tracks of {path}"', '"tracks"'),
        ('f"item {item}"', 'f"object {item}"'),
        ('"masks"', '"all masks"'),
        ('"made"', '"wrote"'),
        ('end=""', 'end=" "'),
        ('"few items"', '"only a few items"'),
        ('f"{path} is empty; give another file."', '"There is nothing to do."'),
        ('return f"{count + 7} items"', 'text = "items"\n    return f"{count + 8} {text}"'),
        ("from tgvac.far import other", "from tgvac.far import lazy"),
        ("size: int = Field(ge=1)", "size: int = Field(ge=2)"),
        ('    kind: str = "round"\n', ""),
        ("return size - size % 2", "return size"),
    ],
)
def test_what_people_read_and_what_params_hold_does_not_count(old: str, new: str) -> None:
    assert SPEAKING.count(old) == 1
    assert source_digest(SPEAKING.replace(old, new)) == source_digest(SPEAKING)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SystemExit(75)", "SystemExit(2)"),
        ("raise BadInput(", "raise ValueError("),
        ("if not items:", "if items:"),
        ('return f"item-{count}"', 'return f"object-{count}"'),
        ("def remark", "def another_remark"),
        ("return self.size**2", "return self.size**3"),
        ("side: int = 3", "side: int = 4"),
        ("class Shape(Block)", "class Shape"),
        ("import wording", "import quoting as wording"),
        ("with_progress(items,", "with_progress(reversed(items),"),
        ('", 4)', '", 5)'),
    ],
)
def test_exit_codes_types_of_errors_and_every_other_expression_count(old: str, new: str) -> None:
    text = SPEAKING.replace("import BadInput, wording", "import BadInput\nfrom tgvac.errors import wording")
    assert text.count(old) == 1
    assert source_digest(text.replace(old, new)) != source_digest(text)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package in the place of the real one."""
    files = {
        "__init__.py": "",
        "roof.py": "import tgvac.room.stage",
        "room/__init__.py": "from tgvac import ground",
        "room/stage.py": """
            import os
            from typing import TYPE_CHECKING
            from tgvac.room import helper
            if TYPE_CHECKING:
                from tgvac.far import unread
            def run():
                from tgvac.far.lazy import thing
            if os.name:
                import tgvac.far.other as other
        """,
        "room/helper.py": "import tgvac.progress\nfrom tgvac import provenance, code_digests",
        "room/alone.py": "",
        "far/__init__.py": "",
        "far/lazy.py": "from tgvac.room import stage\nimport tgvac.far.deep",
        "far/deep.py": "",
        "far/other.py": "A = 1",
        "far/unread.py": "",
        "ground.py": "",
        "cli.py": "import tgvac.far.unread",
        "phases.py": "import tgvac.far.unread",
        "progress.py": "import tgvac.far.unread",
        "provenance.py": "import tgvac.far.unread",
        "code_digests.py": "import tgvac.far.unread",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


@pytest.fixture
def tree(package: Path) -> SourceTree:
    return SourceTree(package)


def test_a_module_s_file_is_found_by_its_name(tree: SourceTree, package: Path) -> None:
    assert tree.file("tgvac") == package / "__init__.py"
    assert tree.file("tgvac.room") == package / "room" / "__init__.py"
    assert tree.file("tgvac.room.stage") == package / "room" / "stage.py"
    assert tree.file("tgvac.room.stage.run") is None
    assert tree.file("numpy") is None


def test_the_closure_follows_lazy_imports_circles_and_package_inits(tree: SourceTree) -> None:
    assert list(tree.closure("tgvac.room.stage")) == [
        "tgvac",
        "tgvac.far",
        "tgvac.far.deep",
        "tgvac.far.lazy",
        "tgvac.far.other",
        "tgvac.ground",
        "tgvac.room",
        "tgvac.room.helper",
        "tgvac.room.stage",
    ]


def test_a_module_that_imports_nothing_still_runs_the_inits_above_it(tree: SourceTree) -> None:
    assert list(tree.closure("tgvac.room.alone")) == ["tgvac", "tgvac.ground", "tgvac.room", "tgvac.room.alone"]


def test_several_entries_have_one_closure(tree: SourceTree) -> None:
    both = tree.closure("tgvac.room.alone", "tgvac.far.other")
    assert both == tree.closure("tgvac.room.alone") | tree.closure("tgvac.far.other")


def test_modules_that_only_start_or_watch_work_are_left_out_and_not_followed(tree: SourceTree) -> None:
    reached = set(tree.closure("tgvac.room.stage"))
    assert not LEFT_OUT & reached
    assert "tgvac.far.unread" not in reached


def test_a_module_that_is_left_out_takes_with_it_what_only_it_reaches(tree: SourceTree) -> None:
    whole = set(tree.closure("tgvac.room.stage"))
    assert set(tree.closure("tgvac.room.stage", without=["tgvac.far.lazy"])) == whole - {
        "tgvac.far.lazy",
        "tgvac.far.deep",
    }


def test_the_code_digest_changes_with_a_module_far_down_and_with_no_other(tree: SourceTree, package: Path) -> None:
    before, alone = tree.digest("tgvac.room.stage"), tree.digest("tgvac.room.alone")
    (package / "far" / "unread.py").write_text("A = 2")
    assert tree.digest("tgvac.room.stage") == before
    (package / "far" / "other.py").write_text("A = 2")
    assert tree.digest("tgvac.room.stage") != before
    assert tree.digest("tgvac.room.alone") == alone


def test_a_package_s_templates_are_part_of_its_code(tree: SourceTree, package: Path) -> None:
    before = tree.digest("tgvac.room.alone")
    (package / "room" / "templates").mkdir()
    (package / "room" / "templates" / "page.html").write_text("<p>")
    assert tree.digest("tgvac.room.alone") != before


def test_an_unknown_module_is_refused(tree: SourceTree) -> None:
    with pytest.raises(ValueError, match=r"no module named tgvac\.room\.nothing"):
        tree.closure("tgvac.room.nothing")


@pytest.mark.parametrize("text", ["from . import x", "from .x import y", "from .. import z"])
def test_a_relative_import_is_refused_naming_the_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"line 2 imports relatively; write the full name"):
        imports_of(f"import os\n{text}")


def test_other_packages_are_no_part_of_the_closure() -> None:
    assert imports_of("import os, numpy.linalg\nfrom json import dumps\nfrom tgvacx import y") == set()


def test_every_module_that_is_left_out_exists() -> None:
    assert [module for module in sorted(LEFT_OUT) if TREE.file(module) is None] == []


@pytest.mark.parametrize("phase", PHASES, ids=lambda p: p.name)
def test_every_phase_has_a_closure_without_what_is_left_out(phase: Phase) -> None:
    jobs = [{"method": name} for name in REGISTRY] if phase.loads_method else [NO_OPTIONS]
    for modules in [*(phase.modules(options) for options in jobs), (join_module(phase),)]:
        reached = TREE.closure(*modules)
        assert {*modules, "tgvac", "tgvac.config"} <= set(reached)
        assert not LEFT_OUT & set(reached)
        assert code_digest(*modules) == TREE.digest(*modules)
