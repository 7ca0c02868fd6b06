"""Framing frame by frame gives the same bits as rendering the full clip and framing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.builders import Array, box, noise, open_fake_track, write_fake_track
from tgvac.clips.framed import frame_clip
from tgvac.clips.framing import FramingParams
from tgvac.clips.recipe import Placement, Recipe
from tgvac.synthesis.clips import RecipeClips

H, W = 26, 40
PLACEMENTS = (
    Placement(track="s/o/1", start=1),
    Placement(track="s/p/1", start=0, scale=1.3, dx=0.2, dy=-0.1, flip=True, drift_x=0.3),
    Placement(track="s/o/1", start=0, flip=True),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks")
    masks = [box(H, W, 0, 30, 20, 40), box(H, W, 5, 8, 20, 25), np.zeros((H, W), np.uint8), box(H, W, 0, 0, H, W)]
    write_fake_track(path, "s/v/1", np.stack(masks), 1)
    write_fake_track(path, "s/o/1", np.stack([box(H, W, 2, 9 * i, 22, 9 * i + 12) for i in range(4)]), 2)
    write_fake_track(path, "s/p/1", np.where(noise(5, 4, 9, 7) > 127, 255, 0).astype(np.uint8), 3)
    return path


def clips_of(folder: Path, feather: int, occluders: tuple[Placement, ...]) -> RecipeClips:
    recipe = Recipe(
        recipe="s/v/1/r0", target="s/v/1", video="s/v", source="s", split="train", start=0, frame_step=1, frames=4,
        occluders=occluders, feather=feather, seed=0, mean_rate=0.2, max_rate=0.4,
    )  # fmt: skip
    return RecipeClips([recipe], lambda track: open_fake_track(folder, track))


def eroded(visible_FHW: Array) -> Array:
    return np.where(np.roll(visible_FHW, 3, axis=2) > 0, visible_FHW, np.uint8(0))


@pytest.mark.parametrize("size", [16, 24, 40, 64])
@pytest.mark.parametrize("mode", ["frame", "follow"])
@pytest.mark.parametrize("feather", [0, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_framing_frame_by_frame_equals_framing_the_rendered_clip(
    folder: Path, size: int, mode: str, feather: int, count: int
) -> None:
    framing = FramingParams.model_validate({"mode": mode, "size": size, "pad": 90, "margin": 0.5, "smooth": 2})
    clips = clips_of(folder, feather, PLACEMENTS[:count])
    for frames, seen in ((None, None), ([2, 0, 3], None), ([1, 3], eroded)):
        expected = frame_clip(clips.render("s/v/1/r0", frames), framing, seen)
        found = clips.framed("s/v/1/r0", framing, frames, seen)
        assert (found.sample, found.track) == (expected.sample, expected.track) == ("s/v/1/r0", "s/v/1")
        for name in ("frames_FSS3", "visible_FSS", "whole_FSS3"):
            assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_a_frame_beyond_the_clip_is_not_framed(folder: Path) -> None:
    framing = FramingParams.model_validate({"mode": "frame", "size": 16, "pad": 0, "margin": 0.5, "smooth": 1})
    with pytest.raises(ValueError, match="frame 4 of s/v/1/r0 was requested, but it has frames 0 to 3"):
        clips_of(folder, 0, PLACEMENTS).framed("s/v/1/r0", framing, [4])
