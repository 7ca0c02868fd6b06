"""Sampling that is stopped and goes on, latents in files, and what a step costs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.sampling_toys import condition, given_noise, toy
from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, randn
from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel
from tgvac.sampling.evaluations import evaluations
from tgvac.sampling.kept import Kept
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import sample_video

STEPS, FRAMES = 5, 11


class Stopped(Exception):
    """Stands for a kill."""


def sampler(**changes: object) -> SamplerParams:
    return SamplerParams(**{**SAMPLER.model_dump(), "steps": STEPS, "clip_frames": 4, "stride": 2, **changes})


def sample(params: SamplerParams, kept: Kept | None = None, model: NoiseModel = toy) -> torch.Tensor:
    start = given_noise(randn(FRAMES, 4, 4, 4, seed=3))
    return sample_video(model, condition(FRAMES), start, DIFFUSION, params, CPU, kept=kept)


@pytest.mark.parametrize("solver", ["ddim", "multistep"])
@pytest.mark.parametrize("call", [1, 2, 4, 9, 14])
def test_a_run_that_was_stopped_anywhere_ends_in_the_same_bits(tmp_path: Path, solver: str, call: int) -> None:
    params, left = sampler(solver=solver), [call]

    def stopping(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        left[0] -= 1
        if left[0] < 0:
            raise Stopped
        return toy(x_BCFhw, t_B, text_BND)

    with pytest.raises(Stopped):
        sample(params, Kept(tmp_path / "kept"), stopping)
    taken: list[int] = []

    def counting(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        taken.append(int(t_B[0]))
        return toy(x_BCFhw, t_B, text_BND)

    again = sample(params, Kept(tmp_path / "kept"), counting)
    assert torch.equal(again, sample(params)), "in files or in memory, in one go or two"
    assert len(set(taken)) == STEPS - call // 3, "three calls a step; only what was finished is not done again"
    taken.clear()
    assert torch.equal(sample(params, Kept(tmp_path / "kept"), counting), again)
    assert not taken


def test_latents_in_a_folder_are_mapped_files(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    kept.tensor("latents", (3, 2))[1] = 5
    kept.finish("latents", 2)
    again = Kept(tmp_path / "kept")
    assert isinstance(again.array("latents", (3, 2)), np.memmap)
    assert again.array("latents", (3, 2))[1].tolist() == [5, 5]
    assert (again.done("latents"), again.done("other")) == (2, 0)


@pytest.mark.parametrize("fault", ["missing", "cut", "other shape"])
def test_a_folder_with_an_array_that_is_not_whole_is_begun_again(tmp_path: Path, fault: str) -> None:
    params, expected = sampler(), sample(sampler())
    assert torch.equal(sample(params, Kept(tmp_path / "kept")), expected)
    path = tmp_path / "kept" / f"latents-{STEPS % 2}.npy"
    if fault == "missing":
        path.unlink()
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    else:
        np.save(path, np.zeros((FRAMES, 4, 4, 5), np.float32))
    kept = Kept(tmp_path / "kept")
    assert kept.done("steps") == 0
    assert torch.equal(sample(params, kept), expected)


def test_a_folder_of_another_video_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.tensor("latents", (3, 2))
    kept.finish("latents", 3)
    with pytest.raises(ValueError, match=r"was left as \[\[3, 2\], '<f4'\], and \[\[4, 2\], '<f4'\] is asked for"):
        Kept(tmp_path).tensor("latents", (4, 2))


def test_a_full_disk_is_said_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(BadInput, match=r"has no room for \d+ MiB \(No space left on device\); free some space"):
        Kept(tmp_path).tensor("latents", (1000, 1000))
    assert not list(tmp_path.iterdir())


def test_what_is_forgotten_is_removed_also_if_an_earlier_run_made_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for name in ("latents", "squares"):
        kept.tensor(name, (2,))
    kept.finish("squares", 2)
    again = Kept(tmp_path)
    again.forget("squares")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done.json", "squares.npy"]
    assert Kept(tmp_path).done("squares") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"guidance": 1.0},
        {"overlap": 0.0},
        {"overlap": 0.4, "ends": "reflect"},
        {"guided_levels": (0.3, 0.7)},
        {"solver": "multistep", "ends": "reflect", "stride": 4},
        {"clip_frames": 20, "stride": 20},
    ],
)
def test_the_evaluations_that_are_counted_are_those_that_are_made(changes: dict[str, object]) -> None:
    params, made = sampler(**changes), [0]

    def counting(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        made[0] += x_BCFhw.shape[0] * x_BCFhw.shape[2]
        return toy(x_BCFhw, t_B, text_BND)

    sample(params, model=counting)
    assert made[0] == evaluations(FRAMES, params, DIFFUSION)


def test_the_paper_s_settings_cost_210_evaluations_a_frame_of_a_long_video() -> None:
    paper = sampler(steps=30, guidance=7.5, clip_frames=14, stride=4)
    assert evaluations(4 * 2500 + 14, paper, DIFFUSION) / (4 * 2500 + 14) == pytest.approx(210, rel=0.01)
    shifted = sampler(steps=30, guidance=7.5, clip_frames=14, overlap=0.0)
    assert evaluations(14 * 700, shifted, DIFFUSION) / (14 * 700) == pytest.approx(60, rel=0.01)
    assert evaluations(10, paper, DIFFUSION, guides=False) == 300
