"""The world in the layout of DAVIS: its members and annotations, which agree with the ground truth."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.unit.world_samples import pixels, world
from tgvac.world.annotation import davis_palette
from tgvac.world.params import WorldParams
from tgvac.world.publish import publish

FRAMES, HEIGHT, WIDTH = 6, 64, 80


class Published(NamedTuple):
    archive: zipfile.ZipFile
    truth: zipfile.ZipFile
    objects: dict[str, Any]
    facts: dict[str, Any]

    def annotation(self, sequence: str, frame: int) -> npt.NDArray[np.uint8]:
        return pixels(self.archive, f"DAVIS/Annotations/480p/{sequence}/{frame:05d}.png")

    def mask(self, sequence: str, number: str, kind: str, frame: int) -> npt.NDArray[np.bool_]:
        mask_HW = pixels(self.truth, f"{sequence}/{number}/{kind}/{frame:05d}.png")
        assert set(np.unique(mask_HW).tolist()) <= {0, 255}
        inside_HW: npt.NDArray[np.bool_] = mask_HW == 255
        return inside_HW


def published(folder: Path, params: WorldParams) -> Published:
    path = publish(params, "davis", folder)
    assert path == folder / "DAVIS-2017-trainval-480p.zip"
    archive, truth = zipfile.ZipFile(path), zipfile.ZipFile(folder / "truth.zip")
    return Published(
        archive, truth, json.loads(archive.read("DAVIS/objects.json")), json.loads(truth.read("truth.json"))
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(tmp_path_factory.mktemp("clean"), world(13))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(tmp_path_factory.mktemp("crowded"), world(8, crowded=1.0, frames=10, third=0.3))


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(tmp_path_factory.mktemp("fenced"), world(8, fenced=1.0))


def test_the_archive_has_the_layout_of_davis(clean: Published) -> None:
    expected = {"DAVIS/ImageSets/2017/train.txt", "DAVIS/ImageSets/2017/val.txt", "DAVIS/objects.json"}
    for sequence in clean.objects:
        for frame in range(FRAMES):
            expected.add(f"DAVIS/JPEGImages/480p/{sequence}/{frame:05d}.jpg")
            expected.add(f"DAVIS/Annotations/480p/{sequence}/{frame:05d}.png")
    members = clean.archive.infolist()
    assert [member.filename for member in members] == sorted(expected)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}


def test_every_video_is_in_one_image_set_and_a_fifth_is_for_validation(clean: Published) -> None:
    train, val = (clean.archive.read(f"DAVIS/ImageSets/2017/{name}.txt").decode().split() for name in ("train", "val"))
    assert sorted(train + val) == sorted(clean.objects)
    assert (len(train), len(val)) == (10, 3)


def test_frames_are_colour_jpeg_without_chroma_subsampling(clean: Published) -> None:
    sequence = next(iter(clean.objects))
    picture = Image.open(io.BytesIO(clean.archive.read(f"DAVIS/JPEGImages/480p/{sequence}/00000.jpg")))
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (WIDTH, HEIGHT))
    assert [component[1:3] for component in picture.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


def test_annotations_are_palette_pictures_in_the_colours_of_davis(crowded: Published) -> None:
    assert davis_palette()[:12] == bytes([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    for sequence in crowded.objects:
        picture = Image.open(io.BytesIO(crowded.archive.read(f"DAVIS/Annotations/480p/{sequence}/00005.png")))
        assert picture.mode == "P"
        assert bytes(picture.getpalette() or []) == davis_palette()
        assert {0, 1, 2} <= set(np.unique(np.asarray(picture)).tolist()) <= {0, 1, 2, 3, 255}


@pytest.mark.parametrize(("height", "width"), [(HEIGHT, WIDTH), (32, 32), (32, 96), (96, 40)])
def test_a_single_object_is_whole_and_off_the_border_in_every_frame(height: int, width: int, tmp_path: Path) -> None:
    made = published(tmp_path, world(13, seed=11, height=height, width=width))
    for sequence in made.objects:
        for frame in range(FRAMES):
            ids_HW = made.annotation(sequence, frame)
            assert set(np.unique(ids_HW).tolist()) == {0, 1}
            assert not np.concatenate([ids_HW[[0, -1]].ravel(), ids_HW[:, [0, -1]].ravel()]).any()
            assert np.array_equal(ids_HW == 1, made.mask(sequence, "1", "amodal", frame))
            assert np.array_equal(ids_HW == 1, made.mask(sequence, "1", "visible", frame))
        facts = made.facts[sequence]["1"]
        assert [facts["occluded_frames"], facts["cut_frames"], facts["absent_frames"]] == [[], [], []]


def test_a_single_object_is_large_and_passes_through_the_middle(clean: Published) -> None:
    for sequence in clean.objects:
        middle = False
        sizes = []
        for frame in range(FRAMES):
            y_N, x_N = np.nonzero(clean.mask(sequence, "1", "amodal", frame))
            sizes.append(float(np.sqrt(np.ptp(y_N) * np.ptp(x_N)) / HEIGHT))
            middle |= bool(
                x_N.min() <= WIDTH / 2 <= x_N.max() and y_N.min() <= 0.6 * HEIGHT and y_N.max() >= 0.4 * HEIGHT
            )
        assert middle, sequence
        assert 0.35 < np.mean(sizes) < 0.75, sequence


def test_objects_move_and_change_their_shape(clean: Published) -> None:
    for sequence in clean.objects:
        first_HW, later_HW = (clean.mask(sequence, "1", "amodal", frame) for frame in (1, 3))
        y_N, x_N = np.nonzero(first_HW)
        v_N, u_N = np.nonzero(later_HW)
        # Even after aligning the position, the shape differs.
        back_HW = np.roll(later_HW, (int(y_N.min() - v_N.min()), int(x_N.min() - u_N.min())), (0, 1))
        assert np.logical_xor(first_HW, back_HW).sum() > 0.02 * first_HW.sum(), sequence


def test_in_crowded_videos_the_front_object_hides_a_part_of_the_other_but_never_all(crowded: Published) -> None:
    for sequence in crowded.objects:
        hidden = {"1": 0.0, "2": 0.0}
        for frame in range(10):
            ids_HW = crowded.annotation(sequence, frame)
            for number in ("1", "2"):
                whole_HW = crowded.mask(sequence, number, "amodal", frame)
                seen_HW = crowded.mask(sequence, number, "visible", frame)
                assert (ids_HW == int(number)).any(), (sequence, frame)
                assert not (seen_HW & ~whole_HW).any()
                assert not ((ids_HW == int(number)) & ~seen_HW).any()
                assert np.isin(ids_HW[seen_HW], [int(number), 255]).all()
                share = float((whole_HW & ~seen_HW).sum() / whole_HW.sum())
                assert (share > 0) == (frame in crowded.facts[sequence][number]["occluded_frames"])
                hidden[number] = max(hidden[number], share)
        assert min(hidden.values()) == 0.0, "the front object is never hidden"
        assert max(hidden.values()) > 0.1


def test_crowded_videos_have_two_objects_and_some_have_three(crowded: Published) -> None:
    assert {len(objects) for objects in crowded.objects.values()} == {2, 3}


def test_void_is_a_line_between_two_touching_objects(crowded: Published) -> None:
    seen = 0
    for sequence, objects in crowded.objects.items():
        if len(objects) == 3:
            continue
        for frame in range(10):
            ids_HW = crowded.annotation(sequence, frame)
            near_HW9 = np.stack(
                [np.pad(ids_HW, 1)[y : y + HEIGHT, x : x + WIDTH] for y in range(3) for x in range(3)], -1
            )
            front = 1 if crowded.facts[sequence]["1"]["occluded_frames"] == [] else 2
            void_HW = ids_HW == 255
            assert (near_HW9[void_HW] == front).any(axis=-1).all()
            assert not (near_HW9[ids_HW == 3 - front] == front).any()
            seen += int(void_HW.sum())
    assert seen > 0


def test_a_foreground_is_annotated_as_background(fenced: Published) -> None:
    for sequence in fenced.objects:
        rates = []
        for frame in range(FRAMES):
            ids_HW = fenced.annotation(sequence, frame)
            whole_HW, seen_HW = (fenced.mask(sequence, "1", kind, frame) for kind in ("amodal", "visible"))
            assert np.array_equal(ids_HW == 1, seen_HW)
            assert set(np.unique(ids_HW[whole_HW & ~seen_HW]).tolist()) <= {0}
            rates.append(float((whole_HW & ~seen_HW).sum() / whole_HW.sum()))
        assert max(rates) > 0.05, sequence
        assert fenced.facts[sequence]["1"]["staging"] == "fenced"


def test_objects_in_company_stay_apart(tmp_path: Path) -> None:
    made = published(tmp_path, world(6, company=1.0, width=112))
    for sequence, objects in made.objects.items():
        assert set(objects) == {"1", "2"}
        for frame in range(FRAMES):
            assert set(np.unique(made.annotation(sequence, frame)).tolist()) == {0, 1, 2}
        assert [made.facts[sequence][k]["occluded_frames"] for k in objects] == [[], []]


def test_the_truth_agrees_with_the_archive_and_names_the_motion(clean: Published) -> None:
    for sequence, objects in clean.objects.items():
        assert sequence.startswith(objects["1"]["category"] + "-")
        facts = clean.facts[sequence]["1"]
        assert facts["category"] == objects["1"]["category"]
        assert [facts["caption"]] == objects["1"]["captions"]
    motions = {clean.facts[sequence]["1"]["motion"] for sequence in clean.objects}
    assert motions == {"swim", "fly", "walk", "roll", "turn", "crawl", "sway"}
