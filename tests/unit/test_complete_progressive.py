"""`tgvac complete --method progressive`: ProgressiveAmodal on a user's own video."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import CLONE
from tests.unit.layouts import write
from tgvac.clips.images import encode_png
from tgvac.complete.command import Completing, Options, read_occluder
from tgvac.complete.model import Asked, load_progressive
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.tracking.prompts import read_selection


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(1)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A blue disc behind a grey bar, in two frames; masks of what is seen of it, and of the bar."""
    y_HW, x_HW = np.mgrid[:72, :96]
    for i in range(2):
        disc_HW, bar_HW = (y_HW - 36) ** 2 + (x_HW - 44 - 4 * i) ** 2 <= 14**2, (x_HW >= 48) & (x_HW < 58)
        frame_HW3 = np.full((72, 96, 3), (60, 140, 70), np.uint8)
        frame_HW3[disc_HW], frame_HW3[bar_HW] = (40, 60, 250), 128
        write(tmp_path / "frames" / f"{i}.png", encode_png(frame_HW3))
        write(tmp_path / "masks" / f"{i}.png", encode_png(np.where(disc_HW & ~bar_HW, 255, 0).astype(np.uint8)))
        write(tmp_path / "bars" / f"{i}.png", encode_png(np.where(bar_HW, 255, 0).astype(np.uint8)))
    return tmp_path


def options(folder: Path, occluder: bool, **changes: Any) -> Options:
    selection = read_selection(0, masks=[str(folder / "masks")])
    marked = read_occluder(0, [str(folder / "bars")]) if occluder else None
    values = {"video": str(folder / "frames"), "selection": selection, "occluder": marked, "method": "progressive"}
    return Options(**(values | {"steps": 2} | changes))


@pytest.mark.parametrize("occluder", [True, False])
def test_a_user_s_own_video_is_completed_with_the_occluder_marked_or_not(disc: Path, occluder: bool) -> None:
    out = disc / "out"
    Completing(CLONE, options(disc, occluder), out).run()
    seen = np.asarray(Image.open(disc / "masks" / "0.png")) > 0
    rgba_HW4 = np.asarray(Image.open(out / "layer" / "00000.png"))
    assert rgba_HW4.shape == (72, 96, 4)
    assert (rgba_HW4[seen, 3] == 255).all()
    if occluder:
        assert rgba_HW4[36, 50:56, 3].any(), "behind the bar something is painted"
        record = json.loads((out / "complete.json").read_text())
        assert record["options"]["occluder"]["every"] == str(disc / "bars")


def test_other_occluders_and_other_steps_are_other_squares(disc: Path) -> None:
    out = disc / "out"
    for given in (options(disc, True), options(disc, False), options(disc, True, steps=3)):
        Completing(CLONE, given, out).run()
    assert len(list((out / ".work").glob("squares-*"))) == 3
    Completing(CLONE, options(disc, True), out).run()
    assert len(list((out / ".work").glob("squares-*"))) == 3, "taken up"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": 2}, "--method progressive does not use --stride"),
        ({"fast": True}, "--method progressive does not use --fast"),
        ({"guidance": 2.0}, "--guidance is by the text, and there is none"),
        ({"method": "ours"}, "--method ours does not use --occluder; leave that out"),
        ({"method": "mean_colour", "steps": None}, "--method mean_colour does not use --occluder"),
        ({"model": str(CLONE / "standins")}, f"--model {CLONE / 'standins'} has 4 input channels"),
    ],
)
def test_options_that_do_nothing_are_refused(disc: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Completing(CLONE, options(disc, True, **changes), disc / "out").run()


def test_an_occluder_that_does_not_fit_is_named_by_its_option(disc: Path) -> None:
    marked = read_occluder(0, [str(disc / "nothing.png")])
    given = options(disc, False).model_copy(update={"occluder": marked})
    with pytest.raises(BadInput, match=r"--occluder .*nothing\.png does not exist"):
        Completing(CLONE, given, disc / "out").run()
    with pytest.raises(BadInput, match="Two --occluder are given for frame 0"):
        read_occluder(0, ["a.png", "b.png"])


def test_the_shipped_network_paints_at_its_own_size_with_the_method_s_steps() -> None:
    found = load_progressive(CLONE, "", Asked(), "cpu")
    tiny = load_params(CLONE, "tiny")
    painter = found.completer.completer.painter  # type: ignore[attr-defined]
    assert painter.sampler.steps == tiny.methods["progressive/oracle"].steps
    assert painter.params.size == 64
    assert found.completer.framing.size == 128
    assert found.not_read("a red fish") == ""
    assert found.guides("a red fish")
    assert not found.guides("")
    assert load_progressive(CLONE, "", Asked(steps=3), "cpu").digest != found.digest
