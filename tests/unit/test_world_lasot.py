"""The world in the layout of LaSOT: one zip per category, boxes of the visible part, and flags where it is hidden."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.unit.world_samples import pixels, world
from tgvac.world.creatures import CREATURES
from tgvac.world.publish import publish

FRAMES, VIDEOS = 24, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lasot")
    params = world(VIDEOS, frames=FRAMES, width=112, hidden=0.35, leaving=0.35, crowded=0.15)
    assert publish(params, "lasot", folder) == folder
    return folder


@pytest.fixture(scope="module")
def sequences(folder: Path) -> dict[str, dict[str, bytes]]:
    """The members of each sequence, read from the zips."""
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted(folder.glob("*.zip")):
        if path.name == "truth.zip":
            continue
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                category, sequence, member = name.split("/", 2)
                assert category == path.stem
                assert sequence.rsplit("-", 1)[0] == category
                found.setdefault(sequence, {})[member] = archive.read(name)
    return found


def flags(members: dict[str, bytes], name: str) -> list[int]:
    (line,) = members[f"{name}.txt"].decode().splitlines()
    return [int(flag) for flag in line.split(",")]


def boxes(members: dict[str, bytes]) -> list[tuple[int, ...]]:
    return [tuple(int(v) for v in line.split(",")) for line in members["groundtruth.txt"].decode().splitlines()]


def test_a_sequence_has_frames_from_one_boxes_flags_and_a_sentence(sequences: dict[str, dict[str, bytes]]) -> None:
    assert len(sequences) == VIDEOS
    texts = {"groundtruth.txt", "full_occlusion.txt", "out_of_view.txt", "nlp.txt"}
    for members in sequences.values():
        assert set(members) == texts | {f"img/{k:08d}.jpg" for k in range(1, FRAMES + 1)}
        assert len(boxes(members)) == FRAMES
        assert len(flags(members, "full_occlusion")) == len(flags(members, "out_of_view")) == FRAMES
        assert len(members["nlp.txt"].decode().splitlines()) == 1


def test_sequences_of_a_category_are_numbered_from_one(sequences: dict[str, dict[str, bytes]]) -> None:
    expected = {f"{category}-1" for category in CREATURES}
    assert expected <= set(sequences)
    assert {name.rsplit("-", 1)[1] for name in set(sequences) - expected} == {"2"}


def test_boxes_fit_the_visible_part_of_the_target_exactly(folder: Path, sequences: dict[str, dict[str, bytes]]) -> None:
    with zipfile.ZipFile(folder / "truth.zip") as truth:
        for name, members in sequences.items():
            rows = zip(boxes(members), flags(members, "full_occlusion"), flags(members, "out_of_view"), strict=True)
            for frame, (box, occluded, away) in enumerate(rows):
                whole_HW, seen_HW = (
                    pixels(truth, f"{name}/1/{kind}/{frame:05d}.png") == 255 for kind in ("amodal", "visible")
                )
                assert away == (not whole_HW.any())
                assert occluded == (whole_HW.any() and seen_HW.sum() <= 0.01 * whole_HW.sum())
                if occluded or away:
                    assert box == (0, 0, 0, 0)
                    continue
                x, y, w, h = box
                assert not seen_HW[:y].any()
                assert not seen_HW[y + h :].any()
                assert not seen_HW[:, :x].any()
                assert not seen_HW[:, x + w :].any()
                assert seen_HW[y].any()
                assert seen_HW[y + h - 1].any()
                assert seen_HW[:, x].any()
                assert seen_HW[:, x + w - 1].any()


def test_some_targets_are_fully_occluded_some_leave_the_view_and_all_return(
    folder: Path, sequences: dict[str, dict[str, bytes]]
) -> None:
    with zipfile.ZipFile(folder / "truth.zip") as truth:
        facts = json.loads(truth.read("truth.json"))
    kinds = {"hidden": "full_occlusion", "leaving": "out_of_view"}
    seen = dict.fromkeys(kinds, 0)
    for name, members in sequences.items():
        for kind, file in kinds.items():
            set_ = flags(members, file)
            assert not set_[0], "the target is known from the first frame"
            if facts[name]["1"]["staging"] == kind:
                seen[kind] += 1
                assert 1 <= sum(set_) < FRAMES / 2, name
                assert not set_[-1], name
            else:
                assert not any(set_), name
    assert min(seen.values()) >= 4


def test_the_sentence_is_that_of_the_truth(folder: Path, sequences: dict[str, dict[str, bytes]]) -> None:
    with zipfile.ZipFile(folder / "truth.zip") as truth:
        facts = json.loads(truth.read("truth.json"))
    assert set(facts) == set(sequences)
    for name, members in sequences.items():
        assert set(facts[name]) == {"1"}
        assert members["nlp.txt"].decode() == facts[name]["1"]["caption"] + "\n"


def test_other_objects_in_front_of_the_target_have_no_box_but_hide_it(folder: Path) -> None:
    with zipfile.ZipFile(folder / "truth.zip") as truth:
        facts = json.loads(truth.read("truth.json"))
        crowded = [name for name, entry in facts.items() if entry["1"]["staging"] == "crowded"]
        assert crowded
        assert not [name for name in truth.namelist() if "/2/" in name]
    assert any(facts[name]["1"]["occluded_frames"] for name in crowded)
