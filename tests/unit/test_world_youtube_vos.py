"""The world in the layout of YouTube-VOS: every fifth frame annotated, numbers and objects that start late."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.unit.world_samples import pixels, world
from tgvac.world.creatures import CREATURES
from tgvac.world.publish import publish

FRAMES = 17


class Published(NamedTuple):
    annotated: zipfile.ZipFile
    everything: zipfile.ZipFile
    truth: zipfile.ZipFile
    meta: dict[str, Any]
    facts: dict[str, Any]

    def numbers(self, video: str) -> list[str]:
        place = f"train_all_frames/JPEGImages/{video}/"
        return [n.removeprefix(place)[:5] for n in self.everything.namelist() if n.startswith(place)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("youtube_vos")
    params = world(8, frames=FRAMES, late=0.5, fenced=0.2, later_start=0.5)
    assert publish(params, "youtube_vos", folder) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["train.zip", "train_all_frames.zip", "truth.zip"]
    annotated, everything, truth = (
        zipfile.ZipFile(folder / f"{name}.zip") for name in ("train", "train_all_frames", "truth")
    )
    meta = json.loads(annotated.read("train/meta.json"))
    assert set(meta) == {"videos"}
    return Published(annotated, everything, truth, meta["videos"], json.loads(truth.read("truth.json")))


def test_video_names_have_ten_hexadecimal_digits(made: Published) -> None:
    assert len(made.meta) == 8
    assert all(re.fullmatch(r"[0-9a-f]{10}", video) for video in made.meta)


def test_one_archive_has_every_frame_and_the_other_every_fifth_with_an_annotation(made: Published) -> None:
    images, masks = set(), set()
    for video in made.meta:
        numbers = made.numbers(video)
        assert [int(number) for number in numbers] == list(range(int(numbers[0]), int(numbers[0]) + FRAMES))
        images |= {f"train/JPEGImages/{video}/{number}.jpg" for number in numbers[::5]}
        masks |= {f"train/Annotations/{video}/{number}.png" for number in numbers[::5]}
    assert set(made.annotated.namelist()) == images | masks | {"train/meta.json", "train/objects.json"}
    assert len(made.everything.namelist()) == 8 * FRAMES


def test_an_annotated_frame_is_the_same_in_both_archives(made: Published) -> None:
    for name in made.annotated.namelist():
        if name.endswith(".jpg"):
            assert made.annotated.read(name) == made.everything.read(name.replace("train/", "train_all_frames/"))


def test_some_videos_start_late_and_all_at_a_multiple_of_five(made: Published) -> None:
    starts = [int(made.numbers(video)[0]) for video in made.meta]
    assert all(start % 5 == 0 for start in starts)
    assert 2 <= sum(start > 0 for start in starts) <= 6


def test_meta_lists_the_category_and_the_frames_in_which_an_object_is_annotated(made: Published) -> None:
    for video, entry in made.meta.items():
        assert set(entry) == {"objects"}
        found: dict[str, list[str]] = {}
        for number in made.numbers(video)[::5]:
            content = made.annotated.read(f"train/Annotations/{video}/{number}.png")
            assert Image.open(io.BytesIO(content)).mode == "P"
            ids_HW = pixels(made.annotated, f"train/Annotations/{video}/{number}.png")
            for k in sorted(set(np.unique(ids_HW).tolist()) - {0}):
                found.setdefault(str(k), []).append(number)
        assert {k: o["frames"] for k, o in entry["objects"].items()} == found
        for known in entry["objects"].values():
            assert set(known) == {"category", "frames"}
            assert known["category"] in CREATURES


def test_some_objects_are_annotated_late_and_are_not_in_the_first_frame(made: Published) -> None:
    late = 0
    for video, entry in made.meta.items():
        first = made.numbers(video)[0]
        starts = [known["frames"][0] for known in entry["objects"].values()]
        assert first in starts, "a video begins with an object"
        late += any(start > first for start in starts)
    assert late >= 3


def test_captions_are_in_a_file_beside_the_official_ones(made: Published) -> None:
    objects = json.loads(made.annotated.read("train/objects.json"))
    assert set(objects) == set(made.meta)
    for video, entry in made.meta.items():
        for number, known in entry["objects"].items():
            assert objects[video][number]["category"] == known["category"]
            assert objects[video][number]["captions"] == [made.facts[video][number]["caption"]]


def test_truth_is_numbered_by_position_and_agrees_with_the_annotations(made: Published) -> None:
    for video in made.meta:
        for position, number in list(enumerate(made.numbers(video)))[::5]:
            ids_HW = pixels(made.annotated, f"train/Annotations/{video}/{number}.png")
            for k in made.facts[video]:
                seen_HW = pixels(made.truth, f"{video}/{k}/visible/{position:05d}.png") == 255
                assert np.array_equal(ids_HW == int(k), seen_HW)
    assert sum(name.endswith("00016.png") for name in made.truth.namelist()) >= 2 * 8
