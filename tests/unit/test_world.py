"""The world publishes a DAVIS archive and its truth, the same bytes each time, and keeps what it promises."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydantic import ValidationError

from tgvac.files import sha256
from tgvac.sources.world import backgrounds, render, scenes
from tgvac.sources.world.colours import PALETTE
from tgvac.sources.world.creatures import COATS, CREATURES, caption
from tgvac.sources.world.params import WorldParams
from tgvac.sources.world.publish import davis_palette, publish_world

FRAMES, HEIGHT, WIDTH = 6, 64, 80


class Published(NamedTuple):
    archive: zipfile.ZipFile
    truth: zipfile.ZipFile
    objects: dict[str, Any]
    facts: dict[str, Any]

    def frame(self, sequence: str, frame: int) -> npt.NDArray[np.uint8]:
        return _pixels(self.archive, f"DAVIS/JPEGImages/480p/{sequence}/{frame:05d}.jpg")

    def annotation(self, sequence: str, frame: int) -> npt.NDArray[np.uint8]:
        return _pixels(self.archive, f"DAVIS/Annotations/480p/{sequence}/{frame:05d}.png")

    def amodal(self, sequence: str, number: str, frame: int) -> npt.NDArray[np.bool_]:
        mask_HW: npt.NDArray[np.bool_] = _pixels(self.truth, f"{sequence}/{number}/{frame:05d}.png") == 255
        return mask_HW


def _pixels(archive: zipfile.ZipFile, member: str) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(archive.read(member))))


def _params(**changes: Any) -> WorldParams:
    values = {"seed": 7, "videos": 10, "frames": FRAMES, "height": HEIGHT, "width": WIDTH, "crowded": 0.0}
    return WorldParams(**{**values, **changes})


def _publish(folder: Path, params: WorldParams) -> Published:
    publish_world(params, folder / "world.zip", folder / "truth.zip")
    archive, truth = zipfile.ZipFile(folder / "world.zip"), zipfile.ZipFile(folder / "truth.zip")
    return Published(
        archive, truth, json.loads(archive.read("DAVIS/objects.json")), json.loads(truth.read("truth.json"))
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return _publish(tmp_path_factory.mktemp("clean"), _params())


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return _publish(tmp_path_factory.mktemp("crowded"), _params(videos=8, crowded=1.0, frames=10))


def test_another_process_publishes_the_same_bytes(tmp_path: Path) -> None:
    params = _params(videos=2, frames=3, crowded=0.5)
    publish_world(params, tmp_path / "a.zip", tmp_path / "at.zip")
    code = (
        "import sys; from pathlib import Path; from tgvac.sources.world.params import WorldParams;"
        "from tgvac.sources.world.publish import publish_world;"
        "publish_world(WorldParams.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    arguments = [params.model_dump_json(), str(tmp_path / "b.zip"), str(tmp_path / "bt.zip")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert sha256(tmp_path / "a.zip") == sha256(tmp_path / "b.zip")
    assert sha256(tmp_path / "at.zip") == sha256(tmp_path / "bt.zip")


def test_a_video_does_not_depend_on_how_many_there_are(clean: Published, tmp_path: Path) -> None:
    fewer = _publish(tmp_path, _params(videos=3))
    for mine, theirs in ((fewer.archive, clean.archive), (fewer.truth, clean.truth)):
        images = [name for name in mine.namelist() if name.endswith((".jpg", ".png"))]
        assert len(images) in (3 * FRAMES, 2 * 3 * FRAMES)
        assert all(mine.read(name) == theirs.read(name) for name in images)
    for sequence in fewer.facts:
        assert fewer.facts[sequence] == clean.facts[sequence]


def test_another_seed_gives_another_world(clean: Published, tmp_path: Path) -> None:
    other = _publish(tmp_path, _params(seed=8, videos=2, frames=2))
    first, again = sorted(clean.objects)[0], sorted(other.objects)[0]
    assert not np.array_equal(clean.frame(first, 0), other.frame(again, 0))


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
    assert (len(train), len(val)) == (8, 2)


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
        assert {0, 1, 2} <= set(np.unique(np.asarray(picture)).tolist()) <= {0, 1, 2, 255}


@pytest.mark.parametrize(("height", "width"), [(HEIGHT, WIDTH), (32, 32), (32, 96), (96, 40)])
def test_a_single_object_is_whole_large_and_off_the_border_in_every_frame(
    height: int, width: int, tmp_path: Path
) -> None:
    world = _publish(tmp_path, _params(seed=11, videos=9, height=height, width=width))
    for sequence in world.objects:
        for frame in range(FRAMES):
            ids_HW = world.annotation(sequence, frame)
            assert set(np.unique(ids_HW).tolist()) == {0, 1}
            assert not np.concatenate([ids_HW[[0, -1]].ravel(), ids_HW[:, [0, -1]].ravel()]).any()
            assert np.array_equal(ids_HW == 1, world.amodal(sequence, "1", frame))
        assert world.facts[sequence]["1"]["occluded_frames"] == []


def test_a_single_object_is_large_and_comes_through_the_middle(clean: Published) -> None:
    for sequence in clean.objects:
        middle = False
        sizes = []
        for frame in range(FRAMES):
            y_N, x_N = np.nonzero(clean.amodal(sequence, "1", frame))
            sizes.append(float(np.sqrt(np.ptp(y_N) * np.ptp(x_N)) / HEIGHT))
            middle |= bool(
                x_N.min() <= WIDTH / 2 <= x_N.max() and y_N.min() <= 0.6 * HEIGHT and y_N.max() >= 0.4 * HEIGHT
            )
        assert middle
        assert 0.4 < np.mean(sizes) < 0.75


def test_objects_move_and_change_their_shape(clean: Published) -> None:
    for sequence in clean.objects:
        first_HW, later_HW = (clean.amodal(sequence, "1", frame) for frame in (1, 3))
        assert not np.array_equal(first_HW, later_HW)


def test_the_object_stands_out_from_what_is_behind_it() -> None:
    params = _params()
    for index in range(12):
        scene = scenes.stage(params, index)
        behind_HW3 = backgrounds.window(scene.backdrop_HW3, *scene.corners[0], HEIGHT, WIDTH)
        (layer,) = scenes.layers(scene, 0, HEIGHT, WIDTH)
        frame_HW3 = render.composite(behind_HW3, [layer])
        differs_HW = np.abs(frame_HW3.astype(int) - behind_HW3).max(axis=2) > 25
        assert differs_HW[render.amodal(layer)].mean() > 0.8


def test_in_crowded_videos_the_front_one_hides_part_of_the_other_but_never_all(crowded: Published) -> None:
    for sequence, objects in crowded.objects.items():
        hidden = {"1": 0.0, "2": 0.0}
        for frame in range(10):
            ids_HW = crowded.annotation(sequence, frame)
            amodal = {number: crowded.amodal(sequence, number, frame) for number in objects}
            either_HW = amodal["1"] | amodal["2"]
            assert np.array_equal(ids_HW > 0, either_HW)
            for number, amodal_HW in amodal.items():
                visible_HW = ids_HW == int(number)
                assert visible_HW.any()
                assert not (visible_HW & ~amodal_HW).any()
                other_HW = amodal["2" if number == "1" else "1"]
                share = float((amodal_HW & (ids_HW != int(number)) & other_HW).sum() / amodal_HW.sum())
                assert (share > 0) == (frame in crowded.facts[sequence][number]["occluded_frames"])
                hidden[number] = max(hidden[number], share)
        assert min(hidden.values()) == 0.0, "the front object is never hidden"
        assert max(hidden.values()) > 0.1


def test_void_is_a_line_between_two_touching_objects(crowded: Published) -> None:
    seen = 0
    for sequence in crowded.objects:
        for frame in range(10):
            ids_HW = crowded.annotation(sequence, frame)
            near_HW3 = np.stack(
                [np.pad(ids_HW, 1)[y : y + HEIGHT, x : x + WIDTH] for y in range(3) for x in range(3)], -1
            )
            front = 1 if crowded.facts[sequence]["1"]["occluded_frames"] == [] else 2
            void_HW = ids_HW == 255
            assert (near_HW3[void_HW] == front).any(axis=-1).all()
            back_HW = ids_HW == 3 - front
            assert not (near_HW3[back_HW] == front).any()
            seen += int(void_HW.sum())
    assert seen > 0


def test_the_share_of_crowded_videos_is_what_was_asked_for() -> None:
    for share in (0.0, 0.25, 0.6, 1.0):
        params = _params(crowded=share)
        count = sum(len(scenes.categories(params, index)) == 2 for index in range(40))
        assert abs(count - 40 * share) <= 1


def test_each_category_appears_before_any_comes_again() -> None:
    assert len(CREATURES) >= 6
    assert {scenes.categories(_params(), index)[0] for index in range(len(CREATURES))} == set(CREATURES)


def test_captions_name_category_both_colours_the_part_and_the_way(clean: Published, crowded: Published) -> None:
    for world in (clean, crowded):
        for objects in world.objects.values():
            for entry in objects.values():
                (sentence,) = entry["captions"]
                words = sentence.split()
                assert words[0] in ("a", "an")
                assert entry["category"] in words
                assert len({word for word in words if word in PALETTE}) == 2
                assert any(part in words for part in CREATURES[entry["category"]].accents)
                assert CREATURES[entry["category"]].verb in words
    assert (
        caption("fish", "red", "blue", "tail", path="across", heading=-1)
        == "a red fish with a blue tail swimming to the left"
    )
    assert (
        caption("bird", "orange", "blue", "wings", path="across", heading=1)
        == "an orange bird with blue wings flying to the right"
    )


def test_a_caption_names_colours_that_are_in_the_picture() -> None:
    for index in range(len(CREATURES)):
        scene = scenes.stage(_params(), index)
        actor = scene.actors[0]
        colours = {paint.colour for paint in scenes.paints(actor, 0)}
        assert {actor.main, actor.accent} <= colours


def test_truth_says_what_archive_says_and_how_it_moves(clean: Published) -> None:
    for sequence, objects in clean.objects.items():
        assert sequence.startswith(objects["1"]["category"] + "-")
        assert clean.facts[sequence]["1"]["category"] == objects["1"]["category"]
        assert [clean.facts[sequence]["1"]["caption"]] == objects["1"]["captions"]
        assert clean.facts[sequence]["1"]["motion"] in {"swim", "fly", "walk", "roll", "crawl", "sway"}


@pytest.mark.parametrize("category", sorted(CREATURES))
def test_every_creature_draws_the_parts_that_captions_may_name(category: str) -> None:
    creature = CREATURES[category]
    for coat in COATS:
        names = {part.name for part in creature.draw(0.4, coat)}
        assert set(creature.accents) <= names
        assert len(names - {"eye"}) >= 2
    posed = [np.concatenate([part.outline_N2 for part in creature.draw(phase, "plain")]) for phase in (0.0, 1.3)]
    assert np.abs(posed[0] - posed[1]).max() > 0.05


@pytest.mark.parametrize("wrong", [{"videos": 0}, {"frames": 1}, {"height": 31}, {"crowded": 1.5}])
def test_sizes_that_make_no_world_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _params(**wrong)
