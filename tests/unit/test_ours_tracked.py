"""Completing with masks that are tracked from the first frame: what the method reads, and what its rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CLONE
from tests.unit.moving_square import COUNT, at, mask, picture
from tests.unit.tiny_models import COMPUTE
from tgvac.clips.box import Box
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.errors import BadInput
from tgvac.methods import ours
from tgvac.methods.contract import Complete, Setup
from tgvac.methods.ours_tracked import load, local_weights, prompt_of
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import method_of, network_files, training_phases_of
from tgvac.models.params import ComputeParams
from tgvac.params import load_params

METHODS = {
    "ours/full": MethodParams(),
    "ours_tracked/mask": MethodParams(),
    "ours_tracked/box": MethodParams(prompt="box"),
}


@pytest.fixture
def clip() -> Clip:
    frames_FHW3 = np.stack([picture(i) for i in range(COUNT)])
    visible_FHW = np.stack([mask(i) for i in range(COUNT)])
    return Clip("s", "v", "t", frames_FHW3, visible_FHW, frames_FHW3, visible_FHW, 0 * visible_FHW)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The visible masks that our method is given."""
    found: list[np.ndarray] = []

    def load(setup: Setup, compute: ComputeParams) -> Complete:
        def complete(clip: Clip, text: str, seed: int) -> Completion:
            found.append(clip.visible_FHW)
            return Completion(clip.frames_FHW3, clip.visible_FHW)

        return complete

    monkeypatch.setattr(ours, "load", load)
    return found


@pytest.mark.parametrize(("variant", "least"), [("mask", 0.9), ("box", 0.75)])
def test_masks_are_tracked_from_the_first_frame_alone(
    clip: Clip, given: list[np.ndarray], variant: str, least: float
) -> None:
    masks = load_params(CLONE, "tiny").masks
    complete = load(Setup(METHODS[f"ours_tracked/{variant}"]), masks=masks, compute=COMPUTE)
    complete(clip, "a square", 0)
    for i, found_HW in enumerate(given[0]):
        both, either = (found_HW & mask(i)).astype(bool).sum(), (found_HW | mask(i)).astype(bool).sum()
        assert both / either > least
    # What later frames show of the truth is not read.
    later = clip.visible_FHW.copy()
    later[1:] = 0
    complete(replace(clip, sample="another", visible_FHW=later), "a square", 0)
    assert np.array_equal(given[0], given[1])


def test_an_object_that_comes_later_is_marked_where_it_is_first_seen(clip: Clip) -> None:
    visible_FHW = clip.visible_FHW.copy()
    visible_FHW[:2] = 0
    assert prompt_of(visible_FHW, "mask").frame == 2
    rows, columns = at(2)
    assert prompt_of(visible_FHW, "box").box == Box(
        x=columns.start, y=rows.start, w=columns.stop - columns.start, h=rows.stop - rows.start
    )
    with pytest.raises(BadInput, match="seen in no frame"):
        prompt_of(0 * visible_FHW, "mask")


def test_other_weights_of_the_tracker_are_other_completions(tmp_path: Path) -> None:
    masks = load_params(CLONE, "tiny").masks
    sam2 = masks.sam2.model_copy(update={"weights": "sam2.pt"})
    setup, found = Setup(METHODS["ours_tracked/mask"], root=tmp_path), []
    for written in (b"first", b"second"):
        (tmp_path / "sam2.pt").write_bytes(written)
        tracked = masks.model_copy(update={"first": "sam2", "sam2": sam2})
        found.append(local_weights(setup, masks=tracked, compute=COMPUTE))
    assert found[0] != found[1]
    assert local_weights(setup, masks=masks, compute=COMPUTE) == [], "no network tracks"


def test_it_has_ours_networks_and_rows_of_its_own(tmp_path: Path) -> None:
    assert method_of("ours_tracked/mask").mask_source == "tracked"
    assert method_of("ours/full").mask_source == ""
    assert training_phases_of("ours_tracked/mask", METHODS) == ("frame", "motion")
    assert network_files("ours_tracked/box", METHODS, "0") == network_files("ours/full", METHODS, "0")
    assert set(method_of("ours_tracked").params) - set(method_of("ours").params) == {"masks"}
