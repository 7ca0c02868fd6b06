"""Contract 3, the completion: a zip and an unpacked folder read the same, and must agree with their meta."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import Array, box, noise, png
from tgvac.clips.completion import Completion, CompletionMeta, Completions, join_completions, write_completion
from tgvac.errors import BadInput

MASKS = np.stack([box(6, 8, 1, 1, 4, 5), np.zeros((6, 8), np.uint8)])


def completion(seed: int = 0) -> Completion:
    return Completion(noise(seed, 2, 6, 8, 3), MASKS)


def meta(sample: str = "s/v/1/r0", **changes: Any) -> CompletionMeta:
    values: dict[str, Any] = {
        "sample": sample,
        "method": "ours",
        "variant": "full",
        "mask_source": "given",
        "train_seed": 0,
        "sample_seed": 0,
        "frames": 2,
        "height": 6,
        "width": 8,
    }
    return CompletionMeta(**{**values, **changes})


@pytest.fixture(params=["zip", "folder"])
def shard(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two completions joined into a shard, packed or not."""
    parts = []
    for k in range(2):
        parts.append(tmp_path / f"{k}.zip")
        write_completion(parts[-1], [completion(k)], meta(f"s/v/1/r{k}"))
    path = tmp_path / "shard-000.zip"
    join_completions(path, iter(parts))
    if request.param == "folder":
        with zipfile.ZipFile(path) as packed:
            packed.extractall(tmp_path / "unpacked")
        path = tmp_path / "unpacked"
    return path


def test_completions_are_read_back_to_the_bit(shard: Path) -> None:
    found = Completions(shard)
    assert found.samples() == ("s/v/1/r0", "s/v/1/r1")
    for k, sample in enumerate(found.samples()):
        assert found.meta(sample) == meta(sample)
        back = found.read(sample)
        # Colours are also kept outside of the mask, where alpha is 0.
        assert np.array_equal(back.rgb_FHW3, completion(k).rgb_FHW3)
        assert np.array_equal(back.amodal_FHW, MASKS)


def test_the_layer_is_the_picture_with_the_mask_as_alpha() -> None:
    rgba = completion().rgba_FHW4
    assert rgba.shape == (2, 6, 8, 4)
    assert np.array_equal(rgba[..., :3], completion().rgb_FHW3)
    assert np.array_equal(rgba[..., 3], MASKS)


def test_members_are_where_the_format_says(tmp_path: Path) -> None:
    write_completion(tmp_path / "a.zip", [completion()], meta("x"))
    with zipfile.ZipFile(tmp_path / "a.zip") as found:
        assert found.namelist() == [
            "x/rgba/00000.png",
            "x/rgba/00001.png",
            "x/amodal/00000.png",
            "x/amodal/00001.png",
            "x/completion.json",
        ]
        assert json.loads(found.read("x/completion.json"))["format"] == "tgvac-completion-1"


def test_an_empty_shard_is_valid(tmp_path: Path) -> None:
    join_completions(tmp_path / "shard-000.zip", iter([]))
    assert Completions(tmp_path / "shard-000.zip").samples() == ()


def test_joining_gives_the_same_bytes_every_time(tmp_path: Path) -> None:
    write_completion(tmp_path / "p.zip", [completion()], meta())
    for name in ("a.zip", "b.zip"):
        join_completions(tmp_path / name, iter([tmp_path / "p.zip"]))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One unpacked completion, as a user submits it."""
    write_completion(tmp_path / "a.zip", [completion()], meta("x"))
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(tmp_path / "mine")
    return tmp_path / "mine"


def refused(tree: Path) -> str:
    with pytest.raises(BadInput) as caught:
        Completions(tree).read("x")
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"format": "tgvac-completion-0"}, "format"),
        ({"frames": "many"}, "frames"),
        ({"frames": 0}, "frames"),
        ({"height": None}, "height"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_wrong_meta_is_refused_naming_file_key_and_format(tree: Path, changes: dict[str, Any], key: str) -> None:
    path = tree / "x" / "completion.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    message = refused(tree)
    assert f"completion.json has a wrong '{key}'" in message
    assert "tgvac-completion-1" in message


def test_a_meta_that_is_not_json_is_refused(tree: Path) -> None:
    (tree / "x" / "completion.json").write_text("{")
    assert "completion.json has a wrong ''" in refused(tree)


@pytest.mark.parametrize("kind", ["rgba", "amodal"])
def test_a_missing_or_surplus_image_is_refused(tree: Path, kind: str) -> None:
    surplus = tree / "x" / kind / "00002.png"
    surplus.write_bytes((tree / "x" / kind / "00001.png").read_bytes())
    assert f"x/{kind} has 3 images, but its completion.json says 2 frames; make both agree" in refused(tree)
    (tree / "x" / kind / "00001.png").unlink()
    assert f"{kind}/00001.png is missing" in refused(tree)
    surplus.unlink()
    assert f"x/{kind} has 1 images" in refused(tree)


@pytest.mark.parametrize(
    ("kind", "image"), [("rgba", noise(1, 6, 9, 4)), ("amodal", box(5, 8, 0, 0, 2, 2))], ids=["rgba", "amodal"]
)
def test_an_image_of_another_size_is_refused(tree: Path, kind: str, image: Array) -> None:
    (tree / "x" / kind / "00001.png").write_bytes(png(image))
    size = f"{image.shape[1]}x{image.shape[0]}"
    assert f"{kind}/00001.png is {size}, but its completion.json says 8x6; make both agree" in refused(tree)


def test_a_mask_that_is_not_black_and_white_is_refused(tree: Path) -> None:
    (tree / "x" / "amodal" / "00000.png").write_bytes(png(np.full((6, 8), 3, np.uint8)))
    assert "amodal/00000.png has values other than 0 and 255" in refused(tree)


def test_an_unknown_sample_is_refused(tree: Path) -> None:
    with pytest.raises(BadInput, match=r"y/completion\.json is missing"):
        Completions(tree).read("y")


@pytest.mark.parametrize(
    ("rgb", "amodal", "message"),
    [
        (np.zeros((2, 6, 7, 3), np.uint8), MASKS, "the completed RGB"),
        (np.zeros((2, 6, 8, 3), np.float32), MASKS, "completed RGB is float32"),
        (np.zeros((2, 6, 8, 3), np.uint8), MASKS[:1], "amodal mask"),
        (np.zeros((2, 6, 8, 3), np.uint8), MASKS // 255, "amodal mask"),
    ],
)
def test_a_completion_that_does_not_fit_its_input_is_refused(rgb: Array, amodal: Array, message: str) -> None:
    frames = np.zeros((2, 6, 8, 3), np.uint8)
    completion().check(frames)
    with pytest.raises(ValueError, match=message):
        Completion(rgb, amodal).check(frames)


def test_further_draws_are_beside_the_sample_and_are_no_samples(tmp_path: Path) -> None:
    part, path = tmp_path / "p.zip", tmp_path / "shard-000.zip"
    write_completion(part, (completion(k) for k in range(3)), meta())
    join_completions(path, iter([part]))
    found = Completions(path)
    assert found.samples() == ("s/v/1/r0",)
    draws = list(found.draws("s/v/1/r0"))
    assert len(draws) == 3
    for k, draw in enumerate(draws):
        assert np.array_equal(draw.rgb_FHW3, completion(k).rgb_FHW3)
    assert np.array_equal(found.read("s/v/1/r0").rgb_FHW3, completion(0).rgb_FHW3), "the first is the one compared"
    assert "draw-2/s/v/1/r0/rgba/00001.png" in found.store
