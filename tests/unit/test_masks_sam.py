"""SAM as a segmenter: the contract, the choice among its masks, and weights that do not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.builders import box
from tests.unit.mask_videos import H, W, ball, boxed, open_track, params, rolling
from tests.unit.sam_models import sam_params, save_sam
from tgvac.clips.box import Box
from tgvac.errors import BadInput
from tgvac.masks.params import SamParams
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam import Sam, choose
from tgvac.masks.sam_weights import load_sam
from tgvac.masks.segmenter import RawMask

HERE = Runtime()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield save_sam(tmp_path_factory.mktemp("sam") / "sam")
    load_sam.cache_clear()


def segment(known: SamParams, path: Path) -> list[RawMask]:
    with open_track(path) as track:
        return list(Sam(known, HERE).segment(track, []))


@pytest.mark.parametrize("choice", ["single", "score", "box"])
def test_each_frame_with_a_box_has_a_mask_of_its_size_and_absent_frames_have_none(
    tmp_path: Path, weights: Path, choice: str
) -> None:
    masks = rolling(7)
    masks[2] = masks[6] = np.zeros((H, W), np.uint8)
    found = segment(sam_params(weights, choice=choice), boxed(tmp_path, masks))
    assert [f.verdict for f in found] == ["made", "made", "absent", "made", "made", "made", "absent"]
    for raw, mask in zip(found, masks, strict=True):
        assert raw.support_HW.shape == (H, W)
        assert raw.support_HW.dtype == np.uint8
        assert raw.mask_HW.any() == mask.any()
        assert raw.box == Box.of_mask(mask)
        assert raw.outlined == (raw.verdict == "made")


def test_frames_are_independent_of_neighbours_and_batches(tmp_path: Path, weights: Path) -> None:
    masks = rolling(5)
    together = segment(sam_params(weights, batch=5), boxed(tmp_path, masks))
    for batch in (1, 2):
        alone = segment(sam_params(weights, batch=batch), boxed(tmp_path, masks))
        for a, b in zip(together, alone, strict=True):
            # Another batch size may round the last bit differently.
            assert np.abs(a.support_HW.astype(int) - b.support_HW).max() <= 1


def test_another_box_makes_another_mask(tmp_path: Path, weights: Path) -> None:
    known = sam_params(weights)
    (left,) = segment(known, boxed(tmp_path, rolling(1)))
    (right,) = segment(known, boxed(tmp_path, rolling(1), boxes=(Box(x=40, y=20, w=20, h=9),)))
    assert (left.mask_HW != right.mask_HW).mean() > 0.05


def test_the_given_box_chooses_the_mask_that_fills_it_and_the_score_decides_between_equals() -> None:
    shapes = [box(20, 30, 2, 2, 10, 10), box(20, 30, 2, 2, 12, 20), box(20, 30, 2, 2, 12, 20), np.zeros((20, 30))]
    logits = np.stack([np.where(shape > 0, 1.0, -1.0) for shape in shapes]).astype(np.float32)
    logits[2, 5, 5] = 2.0
    scores = np.array([0.9, 0.2, 0.3, 0.95], np.float32)
    whole = Box(x=2, y=2, w=18, h=10)
    assert np.array_equal(choose(logits, scores, whole, "box"), logits[2])
    assert np.array_equal(choose(logits, scores, Box(x=2, y=2, w=8, h=7), "box"), logits[0])
    assert np.array_equal(choose(logits, scores, whole, "score"), logits[3])


def test_mixed_precision_gives_nearly_the_same_masks(tmp_path: Path, weights: Path) -> None:
    path = boxed(tmp_path, rolling(2))
    full, mixed = (segment(sam_params(weights, precision=p, choice="single"), path) for p in ("float32", "bfloat16"))
    assert np.mean([(a.mask_HW == b.mask_HW).mean() for a, b in zip(full, mixed, strict=True)]) > 0.8


def test_threads_and_gradients_are_as_they_were_after_a_step(tmp_path: Path, weights: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        segment(sam_params(weights), boxed(tmp_path, rolling(1)))
        assert (torch.get_num_threads(), torch.is_grad_enabled()) == (2, True)
    finally:
        torch.set_num_threads(before)


def test_a_box_outside_of_the_image_is_refused(tmp_path: Path, weights: Path) -> None:
    path = boxed(tmp_path, rolling(2), boxes=(Box(x=1, y=1, w=9, h=9), Box(x=W + 3, y=1, w=9, h=9)))
    with pytest.raises(BadInput, match=r"s/v/1: the box of frame 1 is outside of the image \(72x48\); correct the box"):
        segment(sam_params(weights), path)


def test_weights_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"masks\.sam\.weights 'no/such' cannot be loaded \(.*'grabcut', which needs no"):
        load_sam(sam_params("no/such"), HERE)


def test_local_weights_are_named_relative_to_the_project(weights: Path) -> None:
    model, _, device = load_sam(sam_params(weights.name), Runtime(weights.parent))
    assert device.type == "cpu"
    assert not any(p.requires_grad for p in model.parameters())


def test_weights_of_another_network_are_refused(tmp_path: Path, weights: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "clip"}))
    with pytest.raises(BadInput, match=r"other' is a model of type 'clip', not 'sam'; use SAM's weights"):
        load_sam(sam_params(folder), HERE)


def test_weights_that_do_not_fit_their_config_are_refused(tmp_path: Path, weights: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "cut")
    tensors = load_file(folder / "model.safetensors")
    name = "mask_decoder.iou_prediction_head.proj_in.weight"
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match=rf"does not fit its config.json: 1 of its tensors .*first is {name}"):
        load_sam(sam_params(folder), HERE)
    tensors[name] = torch.zeros(3, 5)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match=r"does not fit its config.json: 1 of its tensors are missing or have another"):
        load_sam(sam_params(folder), HERE)


def test_a_file_that_is_not_safetensors_is_refused(tmp_path: Path, weights: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "torn")
    (folder / "model.safetensors").write_bytes(b"no weights" * 50)
    with pytest.raises(BadInput, match=r"torn' cannot be loaded \(Error while deserializing header.*\); name a local"):
        load_sam(sam_params(folder), HERE)


def test_a_gpu_that_is_not_there_is_refused(weights: Path) -> None:
    with pytest.raises(BadInput, match=r"Device 'cuda:63' is not there: torch can use \d+ GPUs of this machine"):
        load_sam(sam_params(weights), Runtime(device="cuda:63"))
    with pytest.raises(BadInput, match=r"Device 'abacus' is unknown; give auto, cpu, cuda or cuda:0"):
        load_sam(sam_params(weights), Runtime(device="abacus"))


def test_random_masks_fail_in_refinement_and_gates(tmp_path: Path, weights: Path) -> None:
    from tgvac.masks.masks_stage import make_masks
    from tgvac.masks.opencv import one_thread

    known = sam_params(weights, choice="single").model_dump(mode="json")
    masks = [ball(36, 24)] * 3
    with one_thread():
        facts = make_masks(params(boxes="sam", sam=known), boxed(tmp_path, masks), [], None, tmp_path / "m.zip")
    # With random weights, no mask passes the gates.
    assert facts["segmenter"] == "sam"
    assert set(facts["verdicts"]) <= {"outside", "box", "jump", "lost"}
    assert facts["refused"] is True
