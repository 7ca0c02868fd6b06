"""Completions that another program made: every form is read as the same pixels, and what is wrong is said."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.builders import Array, box, noise
from tgvac.clips.archive import zip_writing
from tgvac.clips.completion import Completion, CompletionMeta, add_completion
from tgvac.clips.outputs import Outputs
from tgvac.errors import BadInput

SAMPLE = "world/fish/1/r0"
FRAMES, HEIGHT, WIDTH = 3, 20, 24
RGB = noise(1, FRAMES, HEIGHT, WIDTH, 3)
MASK = np.stack([box(HEIGHT, WIDTH, 2, 3 + i, 12, 15 + i) for i in range(FRAMES)])
ON_WHITE = np.where(MASK[..., None] > 0, RGB, 255).astype(np.uint8)


def save(path: Path, image: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def rgba(folder: Path, name: str = "world--fish--1--r0") -> None:
    for i in range(FRAMES):
        save(folder / name / f"{i:05d}.png", np.dstack([RGB[i], MASK[i]]))


def rgb_and_masks(folder: Path, name: str = SAMPLE) -> None:
    for i in range(FRAMES):
        save(folder / name / "rgb" / f"frame_{i}.png", RGB[i])
        save(folder / name / "amodal" / f"{i:05d}.png", (MASK[i] // 255).astype(np.uint8))


META = CompletionMeta(
    sample=SAMPLE,
    method="ours",
    variant="full",
    mask_source="given",
    train_seed=0,
    sample_seed=0,
    frames=FRAMES,
    height=HEIGHT,
    width=WIDTH,
)


def own(**changed: object) -> Callable[[Path], None]:
    """Contract 3, whose facts are not all true."""

    def write(folder: Path) -> None:
        rgba(folder, f"{SAMPLE}/rgba")
        text = json.dumps(META.model_dump(mode="json") | changed)
        (folder / SAMPLE / "completion.json").write_text(text)

    return write


def read(folder: Path, frames: int = FRAMES, most: int = FRAMES) -> Completion:
    return Outputs(folder).read(SAMPLE, frames, most, HEIGHT, WIDTH)


@pytest.mark.parametrize("write", [rgba, rgb_and_masks, lambda folder: rgba(folder, f"{SAMPLE}/rgba")])
def test_pictures_of_any_form_are_laid_on_white(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    done = read(tmp_path)
    assert np.array_equal(done.rgb_FHW3, ON_WHITE)
    assert np.array_equal(done.amodal_FHW, MASK)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_sample_under_both_names_of_its_folder_is_refused_and_digested_with_both(
    zipped: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "outputs"
    rgba(folder)
    one = Outputs(folder).digest(SAMPLE)
    rgb_and_masks(folder)
    rgba(folder, "world--fish--2--r0")
    if zipped:
        with zipfile.ZipFile(tmp_path / "outputs.zip", "w") as packed:
            for path in sorted(folder.rglob("*.png")):
                packed.write(path, path.relative_to(folder).as_posix())
        folder = tmp_path / "outputs.zip"
    outputs = Outputs(folder)
    with pytest.raises(BadInput, match=f"has '{SAMPLE}' twice, in {SAMPLE}/ and in world--fish--1--r0/; keep one"):
        outputs.read(SAMPLE, FRAMES, FRAMES, HEIGHT, WIDTH)
    both = outputs.digest(SAMPLE)
    if not zipped:
        (folder / SAMPLE / "rgb" / "frame_0.png").unlink()
        assert len({one, both, Outputs(folder).digest(SAMPLE)}) == 3, "rows of one of them are not taken up"
    assert outputs.read("world/fish/2/r0", FRAMES, FRAMES, HEIGHT, WIDTH).rgb_FHW3.shape[0] == FRAMES


def test_pictures_with_masks_beside_them_are_laid_on_white_by_these(tmp_path: Path) -> None:
    for i in range(FRAMES):
        save(tmp_path / SAMPLE / "rgba" / f"{i}.png", np.dstack([RGB[i], np.full((HEIGHT, WIDTH), 255, np.uint8)]))
        save(tmp_path / SAMPLE / "amodal" / f"{i}.png", MASK[i])
    done = read(tmp_path)
    assert np.array_equal(done.amodal_FHW, MASK)
    assert np.array_equal(done.rgb_FHW3, ON_WHITE)


def test_soft_alpha_is_cut_at_half_and_mixed_with_white(tmp_path: Path) -> None:
    image = np.zeros((1, 3, 4), np.uint8)
    image[0, :, 3] = (127, 128, 255)
    save(tmp_path / SAMPLE / "0.png", image)
    done = Outputs(tmp_path).read(SAMPLE, 1, 1, 1, 3)
    assert done.amodal_FHW.tolist() == [[[0, 255, 255]]]
    assert done.rgb_FHW3[0, 0, :, 0].tolist() == [128, 127, 0]


@pytest.mark.parametrize("packed", [True, False])
def test_the_projects_own_files_keep_what_was_painted_outside_of_the_mask(packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "shard.zip"
    with zip_writing(path) as sink:
        add_completion(sink, Completion(RGB, MASK), META)
        add_completion(sink, Completion(255 - RGB, MASK), META, draw=1)
    if not packed:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "shard")
        path = tmp_path / "shard"
    outputs = Outputs(path)
    done = outputs.read(SAMPLE, FRAMES, FRAMES, HEIGHT, WIDTH)
    assert np.array_equal(done.rgb_FHW3, RGB)
    assert np.array_equal(done.amodal_FHW, MASK)
    assert outputs.unknown([SAMPLE]) == {}, "further draws are no samples"


def test_completions_of_the_whole_sample_are_cut_to_the_evaluated_frames(tmp_path: Path) -> None:
    rgba(tmp_path)
    assert np.array_equal(read(tmp_path, frames=2).rgb_FHW3, ON_WHITE[:2])


def test_the_digest_of_a_sample_is_that_of_its_own_files(tmp_path: Path) -> None:
    rgba(tmp_path)
    rgba(tmp_path, "other")
    before = Outputs(tmp_path).digest(SAMPLE)
    save(tmp_path / "other" / "00000.png", np.zeros((4, 4, 4), np.uint8))
    assert Outputs(tmp_path).digest(SAMPLE) == before
    save(tmp_path / "world--fish--1--r0" / "00001.png", np.zeros((4, 4, 4), np.uint8))
    assert Outputs(tmp_path).digest(SAMPLE) not in ("", before)
    assert Outputs(tmp_path).digest("world/else/1/r0") == ""


def test_folders_that_are_no_sample_are_named_with_the_nearest(tmp_path: Path) -> None:
    rgba(tmp_path)
    rgba(tmp_path, "world--fihs--1--r0")
    found = Outputs(tmp_path).unknown([SAMPLE, "world/cat/1/r0"])
    assert list(found) == ["world--fihs--1--r0"]
    said = found["world--fihs--1--r0"]
    assert said.startswith("world--fihs--1--r0 is no sample; did you mean 'world--fish--1--r0'?")


def spoiled(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        rgba(folder)
        change(folder / "world--fish--1--r0")

    return write


def rgb_without_masks(folder: Path) -> None:
    save(folder / SAMPLE / "rgb" / "0.png", RGB[0])


def masks_alone(folder: Path) -> None:
    save(folder / SAMPLE / "amodal" / "0.png", MASK[0])


def not_a_number(folder: Path) -> None:
    for i in range(FRAMES):
        values = np.full((HEIGHT, WIDTH), 0.5, np.float32)
        values[0, 0] = np.nan
        save(folder / SAMPLE / "rgb" / f"{i}.tiff", values)
        save(folder / SAMPLE / "amodal" / f"{i}.png", MASK[i])


def two_forms(folder: Path) -> None:
    rgba(folder, SAMPLE)
    rgba(folder, f"{SAMPLE}/rgba")


def loose_with_masks(folder: Path) -> None:
    rgba(folder, SAMPLE)
    save(folder / SAMPLE / "amodal" / "0.png", MASK[0])


def meta_beside_loose(folder: Path) -> None:
    rgba(folder, SAMPLE)
    (folder / SAMPLE / "completion.json").write_text(META.model_dump_json())


WRONG: list[tuple[str, Callable[[Path], object], str]] = [
    ("short", spoiled(lambda f: (f / "00002.png").unlink()), "has 2 pictures, the sample 3 frames; give one a frame"),
    ("long", spoiled(lambda f: save(f / "00003.png", np.dstack([RGB[0], MASK[0]]))), "has 4 pictures, the sample 3"),
    ("gap", spoiled(lambda f: (f / "00001.png").unlink()), "has no picture of number 1; number them from 0"),
    (
        "times",
        spoiled(lambda f: (f / "00002.png").rename(f / "1764547200123.png")),
        "has no picture of number 2; number",
    ),
    (
        "digits",
        spoiled(lambda f: (f / "00001.png").rename(f / f"{1:0200}.png")),
        "0001.png has no number of a frame; name pictures 00000.png",
    ),
    ("twice", spoiled(lambda f: save(f / "1.png", MASK[0])), "has two pictures of number 1; keep one a frame"),
    (
        "nameless",
        spoiled(lambda f: save(f / "preview.png", MASK[0])),
        "preview.png has no number of a frame; name pictures",
    ),
    ("size", spoiled(lambda f: save(f / "00001.png", np.zeros((9, 8, 4), np.uint8))), "is 8x9, its input 24x20; give"),
    ("opaque", spoiled(lambda f: save(f / "00001.png", RGB[1])), "has no transparency; save RGBA, or give"),
    ("damaged", spoiled(lambda f: (f / "00001.png").write_bytes(b"no picture")), "00001.png is not a readable image"),
    (
        "cut",
        spoiled(lambda f: (f / "00001.png").write_bytes((f / "00000.png").read_bytes()[:400])),
        "is not a readable",
    ),
    ("no masks", rgb_without_masks, "has rgb/ but no amodal/; add the masks"),
    ("masks alone", masks_alone, "has masks, but no pictures; add them as"),
    ("not a number", not_a_number, "has levels from"),
    ("two forms", two_forms, "has pictures of several forms, in the folder itself and rgba/; keep one of them"),
    ("two masks", loose_with_masks, "has pictures of several forms, in the folder itself and amodal/; keep one"),
    ("own, empty", own(format="mine"), "completion.json has a wrong 'format' (Input should be 'tgvac-completion-1')"),
    (
        "own, of another",
        own(sample="a/b"),
        "says sample 'a/b', but the folder is of 'world/fish/1/r0'; make both agree",
    ),
    ("own, longer", own(frames=9), "completion.json says 9 frames, but rgba/ has 3 pictures; make both agree"),
    ("own, larger", own(width=99), "completion.json says 99x20 pixels, but the input has 24x20; make both"),
    ("own, loose", meta_beside_loose, "completion.json describes rgba/, which is not there; remove it, or give"),
    ("another sample", lambda folder: rgba(folder, "else"), "has no pictures of 'world/fish/1/r0'"),
]


@pytest.mark.parametrize(("what", "write", "message"), WRONG, ids=[what for what, *_ in WRONG])
def test_what_is_wrong_with_a_sample_is_one_sentence(
    what: str, write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    write(tmp_path)
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    said = str(caught.value)
    assert message in said
    assert str(tmp_path) in said
    assert "\n" not in said


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match=r"has no pictures; give a folder with <sample>/00000\.png"):
        Outputs(tmp_path)
