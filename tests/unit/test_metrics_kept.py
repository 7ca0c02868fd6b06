"""What is kept of the truth: found by its pictures, bounded on disk, and never needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tgvac.metrics.kept import Kept

CPU = torch.device("cpu")
ENTRY = 4 * 1000
"""Bytes of the features below."""


class Counted:
    """Features that say how often they were computed."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[torch.Tensor]:
        self.times += 1
        return [torch.full((600,), float(self.times)), torch.arange(400, dtype=torch.float32)]


def pictures(level: int) -> np.ndarray:
    return np.full((2, 8, 8, 3), level, np.uint8)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def test_features_are_computed_once_for_the_same_pictures_and_way(tmp_path: Path) -> None:
    made = Counted()
    first = Kept(tmp_path, "a", 0).of(["clip", 8], pictures(1), made, CPU)
    again = Kept(tmp_path, "a", 0).of(["clip", 8], pictures(1), made, CPU)
    assert made.times == 1
    assert [x.tolist() for x in first] == [x.tolist() for x in again]
    for what, level in ((["clip", 8], 2), (["clip", 4], 1), (["lpips", 8], 1)):
        Kept(tmp_path, "a", 0).of(what, pictures(level), made, CPU)
    assert made.times == 4
    # The same bytes in another shape are other pictures.
    Kept(tmp_path, "a", 0).of(["clip", 8], pictures(1).reshape(2, 4, 16, 3), made, CPU)
    assert made.times == 5


def test_large_features_stay_below_the_limit_and_the_others_do_not_count(tmp_path: Path) -> None:
    kept, made = Kept(tmp_path, "a", 3 * ENTRY + 1000), Counted()
    for _ in range(2):
        for level in range(10):
            kept.of(["lpips"], pictures(level), made, CPU, large=True)
    assert made.times == 10 + 7, "three of ten are kept"
    assert size_of(tmp_path) <= 3 * ENTRY + 1000
    kept.of(["clip"], pictures(0), made, CPU)
    kept.of(["clip"], pictures(0), made, CPU)
    assert made.times == 18
    none = Kept(tmp_path / "none", "a", 0)
    none.of(["lpips"], pictures(0), made, CPU, large=True)
    assert size_of(tmp_path / "none") == 0


def test_another_generation_is_removed(tmp_path: Path) -> None:
    made = Counted()
    Kept(tmp_path, "a", 0).of(["clip"], pictures(1), made, CPU)
    Kept(tmp_path, "b", 0).of(["clip"], pictures(1), made, CPU)
    assert made.times == 2
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize("damage", [b"", b"no tensors", None], ids=["empty", "foreign", "cut"])
def test_a_damaged_file_is_computed_again_and_replaced(tmp_path: Path, damage: bytes | None) -> None:
    made = Counted()
    Kept(tmp_path, "a", 0).of(["clip"], pictures(1), made, CPU)
    (path,) = tmp_path.rglob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] if damage is None else damage)
    found = Kept(tmp_path, "a", 0).of(["clip"], pictures(1), made, CPU)
    assert (made.times, float(found[0][0])) == (2, 2.0)
    Kept(tmp_path, "a", 0).of(["clip"], pictures(1), made, CPU)
    assert made.times == 2
    assert len(path.read_bytes()) == len(whole)


def test_a_disk_that_takes_nothing_costs_no_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text("a file where the folder should be")
    kept, made = Kept(tmp_path, "a", 10 * ENTRY), Counted()
    for level in (1, 1, 2):
        assert float(kept.of(["lpips"], pictures(level), made, CPU, large=True)[1][-1]) == 399
    assert made.times == 3
    assert capsys.readouterr().err.count("not kept from here on") == 1
