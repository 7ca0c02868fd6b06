"""Finding an object by words with Grounding DINO: loading, boxes in pixels, and what is said when nothing is found."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit import moving_square
from tests.unit.moving_square import COUNT, HEIGHT, WIDTH, picture
from tests.unit.tiny_grounding_dino import save_tiny_grounding_dino
from tgvac.complete import finding
from tgvac.complete.finding import Finder, find_box, load_finder
from tgvac.errors import BadInput


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_grounding_dino(tmp_path_factory.mktemp("dino") / "weights")


def answering(finder: Finder, boxes: list[list[float]], scores: list[float]) -> Finder:
    """The finder with a network that answers these boxes (centre and size, in shares of the frame) and scores."""

    def network(**inputs: Any) -> SimpleNamespace:
        logits = torch.full((1, len(scores), 32), -torch.inf)
        logits[0, :, 2] = torch.logit(torch.tensor(scores))
        return SimpleNamespace(logits=logits, pred_boxes=torch.tensor([boxes]), input_ids=inputs["input_ids"])

    return Finder(network, finder.processor, finder.device)  # type: ignore[arg-type]


def test_the_best_box_is_given_in_pixels_of_the_frame(folder: Path) -> None:
    boxes = [[0.5, 0.5, 0.1, 0.1], [0.25, 0.5, 0.25, 0.5], [0.75, 0.25, 0.5, 0.25]]
    found = answering(load_finder(str(folder)), boxes, [0.4, 0.9, 0.6]).find(picture(0), "the red square")
    assert found is not None
    assert found.score == pytest.approx(0.9)
    # The centre (32, 48) of 128 x 96, 32 wide and 48 high.
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx((16, 24, 32, 48))


def test_a_box_is_cut_at_the_frame_s_border(folder: Path) -> None:
    found = answering(load_finder(str(folder)), [[0.0, 1.0, 0.5, 0.5]], [0.8]).find(picture(0), "a dog")
    assert found is not None
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx((0, 72, 32, 24))


def test_a_low_score_finds_nothing(folder: Path) -> None:
    assert answering(load_finder(str(folder)), [[0.5, 0.5, 0.5, 0.5]], [0.29]).find(picture(0), "a dog") is None


def test_the_network_reads_the_frame_and_the_words(folder: Path) -> None:
    finder = load_finder(str(folder))
    found = finder.find(picture(0), "The dog behind the fence", 0.0)
    assert found is not None
    box = found.box
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.w <= WIDTH + 1e-3
    assert box.y + box.h <= HEIGHT + 1e-3
    assert finder.find(picture(0), "the dog behind the fence.", 0.0) == found
    assert finder.find(255 - picture(0), "the dog behind the fence", 0.0) != found
    assert finder.find(picture(0), "a cat", 0.0) != found


def test_the_same_weights_give_the_same_box(folder: Path) -> None:
    first, second = (load_finder(str(folder)).find(picture(0), "a dog", 0.0) for _ in "ab")
    assert first is not None
    assert first == second


def test_what_is_found_in_a_video_s_frame_is_its_box(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving_square.write_video(tmp_path)
    seen: list[np.ndarray] = []
    whole = load_finder(str(folder))

    class Seeing:
        def find(self, frame_HW3: np.ndarray, text: str, threshold: float) -> finding.Found | None:
            seen.append(frame_HW3)
            return answering(whole, [[0.5, 0.5, 0.5, 0.5]], [0.7]).find(frame_HW3, text, threshold)

    monkeypatch.setattr(finding, "load_finder", lambda weights, device: Seeing())
    found = find_box(tmp_path / "frames", 5, "the red square")
    assert np.array_equal(seen[0], picture(5))
    assert (found.box.x, found.box.y, found.box.w, found.box.h) == pytest.approx((32, 24, 64, 48))


@pytest.mark.parametrize(
    ("frame", "text", "change", "message"),
    [
        (COUNT, "a dog", "", f"--frame {COUNT} is not in the video, which has {COUNT} frames"),
        (0, " ", "", "--find is empty; name the object"),
        (0, "a dog", "", "--find 'a dog' finds nothing in frame 0 with a score above 1; say it in other words"),
        (0, "a dog", "elsewhere", "is not a folder and cannot be fetched"),
        (0, "a dog", "pickle", "cannot be loaded"),
        (0, "a dog", "cut", "cannot be loaded"),
        (0, "a dog", "other", "is a model of type 'sam', not 'grounding-dino'; give its weights, or give a --box"),
        (0, "a dog", "missing", "does not fit its config.json: 1 of its tensors are missing"),
    ],
)
def test_what_cannot_be_found_is_said_in_one_sentence_with_what_to_give_instead(
    tmp_path: Path, folder: Path, frame: int, text: str, change: str, message: str
) -> None:
    moving_square.write_video(tmp_path)
    weights = changed(tmp_path / "weights", change) if change else folder
    with pytest.raises(BadInput) as caught:
        find_box(tmp_path / "frames", frame, text, str(weights), threshold=1.0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if change:
        assert "--box x,y,w,h or a --point x,y instead" in str(caught.value)


def changed(folder: Path, change: str) -> Path:
    """Weights that cannot be used."""
    from safetensors.torch import load_file, save_file

    if change == "elsewhere":
        return folder
    save_tiny_grounding_dino(folder, safe=change != "pickle")
    file = folder / "model.safetensors"
    if change == "cut":
        file.write_bytes(file.read_bytes()[:1000])
    elif change == "other":
        config = folder / "config.json"
        config.write_text(config.read_text().replace('"model_type": "grounding-dino"', '"model_type": "sam"'))
    elif change == "missing":
        tensors = load_file(file)
        del tensors["model.level_embed"]
        save_file(tensors, file, metadata={"format": "pt"})
    return folder
