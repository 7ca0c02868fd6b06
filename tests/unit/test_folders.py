"""A folder is replaced as a whole, and nothing is lost however the process ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tgvac.folders import replacing


def test_a_kill_between_the_two_renames_of_a_folder_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old")
    # What a kill leaves: the old folder aside, a new one without its name.
    out.rename(tmp_path / ".out.old")
    (tmp_path / ".out.part").mkdir()
    with pytest.raises(KeyboardInterrupt), replacing(out):
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (out / "a").read_text() == "old"
    with replacing(out) as staged:
        staged.mkdir()
        (staged / "b").write_text("new")
        assert (out / "a").read_text() == "old"
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "b"]


def test_a_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").write_text("old")
    with pytest.raises(FileNotFoundError), replacing(out):
        pass
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "a"]
