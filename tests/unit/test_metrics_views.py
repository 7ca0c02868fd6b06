"""CLIP and LPIPS of the whole frame and of the truth's box: their squares, and what they see that the windows don't."""

from __future__ import annotations

from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.test_metrics_stage import METRICS
from tests.unit.tiny_models import STANDIN, tokenizer
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.framing import FramingParams, Window
from tgvac.metrics.lpips_weights import load_lpips
from tgvac.metrics.scorer import Scorer
from tgvac.metrics.views import squares_of, window_squares
from tgvac.models.small_networks import build_clip

FRAMES, HEIGHT, WIDTH, SIZE = 3, 60, 100, 64
FOLLOW = FramingParams(mode="follow", size=SIZE, pad=127, margin=0.2, smooth=1)


def object_at(frame: int) -> tuple[slice, slice]:
    return slice(10, 30), slice(8 + 2 * frame, 26 + 2 * frame)


def clip() -> Clip:
    """A striped object of 20 x 18 pixels, two pixels a frame to the right; gone in the last frame."""
    whole = np.full((FRAMES, HEIGHT, WIDTH, 3), 255, np.uint8)
    amodal, visible = (np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8) for _ in range(2))
    for i in range(FRAMES - 1):
        rows, columns = object_at(i)
        whole[i, rows, columns] = 90
        whole[i, rows.start : rows.stop : 4, columns] = (200, 30, 30)
        amodal[i, rows, columns] = 255
        visible[i, rows.start + 5 : rows.stop, columns] = 255
    occluder = np.where(amodal > visible, 255, 0).astype(np.uint8)
    return Clip("s", "w/v", "w/v/1", whole, visible, whole, amodal, occluder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scoring_clip")
    for part in (*build_clip(STANDIN, len(tokenizer()), SIZE, 0), tokenizer()):
        part.save_pretrained(folder)
    return folder


def scores(folder: Path, rgb_FHW3: np.ndarray, framing: FramingParams = FOLLOW) -> dict[str, np.ndarray]:
    given = clip()
    scorer = Scorer(folder, framing, METRICS, torch.device("cpu"))
    return scorer.score(given, Completion(rgb_FHW3, given.amodal_FHW), "a brown dog")


def test_the_whole_frame_is_a_square_and_the_box_has_a_margin() -> None:
    whole = squares_of("frame", FOLLOW, clip(), 0.1)
    assert whole.windows == dict.fromkeys(range(FRAMES), Window(-20, 0, 100))
    box = squares_of("box", FOLLOW, clip(), 0.1)
    # 20 rows and 2 pixels on each side; the object is 18 columns wide.
    assert box.windows == {0: Window(8, 5, 24), 1: Window(8, 7, 24)}, "the last frame has no object"
    assert squares_of("box", FOLLOW, clip(), 0.0).windows[0] == Window(10, 7, 20)
    assert window_squares(FOLLOW, clip()).windows.keys() == whole.windows.keys()


def test_outside_of_the_frame_is_white() -> None:
    black = np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    (first, *_) = squares_of("frame", FOLLOW, clip(), 0.1).pictures(black)
    assert (first[:10] == 255).all()
    assert (first[-10:] == 255).all()
    assert (first[20:40] == 0).all()


def test_a_stray_object_outside_of_the_window_costs_in_the_whole_frame_alone(folder: Path) -> None:
    stray = clip().whole_FHW3.copy()
    stray[:, 35:55, 70:95] = (20, 160, 60)
    found = scores(folder, stray)
    assert found["lpips"] == pytest.approx(np.zeros(FRAMES), abs=1e-6)
    assert found["clip"] == pytest.approx(np.ones(FRAMES), abs=1e-5)
    assert found["lpips_box"][:2] == pytest.approx(np.zeros(2), abs=1e-6)
    assert (found["lpips_frame"] > 0.02).all()
    assert (found["clip_frame"] < 0.99999).all()


def test_the_box_does_not_depend_on_the_framing_and_has_no_value_without_an_object(folder: Path) -> None:
    darker = clip().whole_FHW3 - np.uint8(30)
    whole = FramingParams(mode="frame", size=SIZE, pad=127, margin=0.5, smooth=8)
    one, other = scores(folder, darker), scores(folder, darker, whole)
    for name in ("lpips_box", "clip_box", "lpips_frame", "clip_frame"):
        np.testing.assert_allclose(one[name], other[name], atol=1e-7)
        assert np.isnan(one[name][-1]) == name.endswith("box")
    assert (one["lpips"][:2] != other["lpips"][:2]).all()
    assert (other["lpips"] == other["lpips_frame"]).all(), "whole frames are the windows"


def test_the_values_are_those_of_the_packages_on_the_cut_pictures(folder: Path) -> None:
    """The truth's box, cut by hand by Pillow, through ``lpips`` and transformers' model."""
    from transformers import CLIPModel, CLIPProcessor

    given = clip()
    darker = given.whole_FHW3 - np.uint8(30)
    found = scores(folder, darker)
    network = load_lpips("alex")
    assert isinstance(network, lpips.LPIPS), "the package's own formula"
    model, processor = CLIPModel.from_pretrained(folder), CLIPProcessor.from_pretrained(folder)
    for i, left in ((0, 5), (1, 7)):
        pair = [
            Image.fromarray(x[i, 8:32, left : left + 24]).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            for x in (darker, given.whole_FHW3)
        ]
        a, b = (torch.tensor(np.asarray(p)).permute(2, 0, 1)[None] / 127.5 - 1 for p in pair)
        with torch.no_grad():
            assert found["lpips_box"][i] == pytest.approx(float(network(a, b)), abs=1e-5)
            images = model.get_image_features(**processor(images=pair, return_tensors="pt")).pooler_output
        x, y = images.numpy().astype(np.float64)
        wanted = float(x @ y / np.sqrt((x @ x) * (y @ y)))
        assert found["clip_box"][i] == pytest.approx(wanted, abs=1e-5)


def test_further_nets_of_lpips_have_rows_of_their_own(folder: Path) -> None:
    given = clip()
    darker = Completion(given.whole_FHW3 - np.uint8(30), given.amodal_FHW)
    by_alex = METRICS.model_copy(update={"lpips_also": ("vgg",), "views": ()})
    by_vgg = METRICS.model_copy(update={"lpips_net": "vgg", "lpips_also": ("alex", "vgg"), "views": ()})
    one, other = (Scorer(folder, FOLLOW, p, torch.device("cpu")).score(given, darker) for p in (by_alex, by_vgg))
    assert (one["lpips_vgg"] == other["lpips"]).all()
    assert (one["lpips"] == other["lpips_alex"]).all()
    assert (other["lpips_vgg"] == other["lpips"]).all()
    assert (one["lpips_vgg"] != one["lpips"]).any()
    assert "clip_t" not in one, "no caption was given"
