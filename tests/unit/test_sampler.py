"""Temporal diffusion: windows cover a video, guidance has the right null, averages equal their definitions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, randn, unet_12, video_unet
from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model
from tgvac.models.schedule import alphas_cumprod, ddim
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import average_windows, initial_noise, sample_video
from tgvac.sampling.windows import windows


def condition(frames: int, size: int = 4) -> VideoCondition:
    """Random conditions; those of frame i are the same for every length."""
    shape = (4, size, size)
    return VideoCondition(
        torch.stack([randn(*shape, seed=100 + i) for i in range(frames)]),
        torch.stack([randn(*shape, seed=200 + i) for i in range(frames)]),
        randn(1, 12, 16, seed=1),
        randn(1, 12, 16, seed=2),
    )


def toy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
    """A noise model without weights that heeds channels, text, time, place in the window and other frames."""
    z, frame, mask = x_BCFhw.chunk(3, dim=1)
    place_F = torch.linspace(0, 0.3, x_BCFhw.shape[2]).view(1, 1, -1, 1, 1)
    told = text_BND.mean(dim=(1, 2)).view(-1, 1, 1, 1, 1) + t_B.view(-1, 1, 1, 1, 1) / 2000
    return torch.tanh(0.6 * z + 0.3 * frame - 0.2 * mask + 0.4 * z.mean(dim=2, keepdim=True) + told + place_F)


def guided_by_hand(
    model: NoiseModel, told: VideoCondition, z_Fchw: torch.Tensor, t: int, span: range, guidance: float
) -> torch.Tensor:
    """Classifier-free guidance of one window, two calls, from the formula."""
    at = slice(span.start, span.stop)
    x_1CFhw = torch.cat([z_Fchw[at], told.frame_Fchw[at], told.mask_Fchw[at]], dim=1).transpose(0, 1)[None]
    with_text = model(x_1CFhw, torch.tensor([t]), told.text_1ND)[0].transpose(0, 1)
    without = model(x_1CFhw, torch.tensor([t]), told.null_text_1ND)[0].transpose(0, 1)
    return without + guidance * (with_text - without)


def stable_diffusion_ddim(steps: int) -> DDIMScheduler:
    """Stable Diffusion 1.5's sampler, from the published scheduler_config.json."""
    scheduler = DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    scheduler.set_timesteps(steps)
    return scheduler


# Windows.


@given(st.integers(1, 200), st.integers(1, 40), st.data())
def test_windows_cover_every_frame_and_end_at_the_end(frames: int, length: int, data: st.DataObject) -> None:
    hop = data.draw(st.integers(1, length))
    spans = windows(frames, length, hop)
    assert spans[0].start == 0
    assert spans[-1].stop == frames
    assert {len(s) for s in spans} == {min(length, frames)}
    assert {i for s in spans for i in s} == set(range(frames))
    hops = [b.start - a.start for a, b in pairwise(spans)]
    assert all(h == hop for h in hops[:-1])
    assert all(0 < h <= hop for h in hops)


@pytest.mark.parametrize(
    ("frames", "length", "hop", "starts"),
    [
        (1, 14, 4, [0]),
        (13, 14, 4, [0]),
        (14, 14, 4, [0]),
        (15, 14, 4, [0, 1]),
        (18, 14, 4, [0, 4]),
        (22, 14, 4, [0, 4, 8]),
        (42, 14, 14, [0, 14, 28]),
        (30, 14, 14, [0, 14, 16]),
        (70, 14, 8, [0, 8, 16, 24, 32, 40, 48, 56]),
    ],
)
def test_windows_start_where_the_paper_puts_them(frames: int, length: int, hop: int, starts: list[int]) -> None:
    spans = windows(frames, length, hop)
    assert [s.start for s in spans] == starts
    assert all(len(s) == min(frames, length) for s in spans)


@pytest.mark.parametrize(("frames", "length", "hop"), [(0, 4, 2), (9, 0, 1), (9, 4, 0), (9, 4, 5)])
def test_windows_that_would_leave_gaps_are_refused(frames: int, length: int, hop: int) -> None:
    with pytest.raises(ValueError, match="cannot cover"):
        windows(frames, length, hop)


# The schedule.


def test_betas_are_scaled_linear_and_steps_those_of_stable_diffusion() -> None:
    betas_T = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    np.testing.assert_allclose(alphas_cumprod(DIFFUSION).numpy(), np.cumprod(1 - betas_T), rtol=1e-4)
    scheduler = ddim(DIFFUSION)
    scheduler.set_timesteps(30)
    assert scheduler.timesteps.tolist() == list(range(958, 0, -33))
    assert not scheduler.config.clip_sample
    assert scheduler.final_alpha_cumprod == scheduler.alphas_cumprod[0]


def test_trailing_spacing_starts_at_the_last_level() -> None:
    scheduler = ddim(DIFFUSION.model_copy(update={"timestep_spacing": "trailing"}))
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]


# Guidance and what the model is called with.


def called(sampler: SamplerParams, model: NoiseModel = toy) -> tuple[list[tuple[torch.Tensor, ...]], torch.Tensor]:
    """The calls of one step on one window, and its result."""
    calls: list[tuple[torch.Tensor, ...]] = []

    def spy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        calls.append((x_BCFhw, t_B, text_BND))
        return model(x_BCFhw, t_B, text_BND)

    noise = average_windows(spy, condition(4), randn(4, 4, 4, 4, seed=9), 700, [range(4)], sampler, CPU)
    return calls, noise


def test_the_model_is_given_noised_latents_then_frame_then_mask() -> None:
    told, z = condition(4), randn(4, 4, 4, 4, seed=9)
    x_BCFhw = called(SAMPLER)[0][0][0]
    assert x_BCFhw.shape == (2, 12, 4, 4, 4)
    for part, expected in zip(x_BCFhw[1].split(4), (z, told.frame_Fchw, told.mask_Fchw), strict=True):
        assert torch.equal(part, expected.transpose(0, 1))


@pytest.mark.parametrize(("unconditional", "keeps"), [("text", True), ("text_and_image", False)])
def test_the_null_has_no_text_and_keeps_the_channels_as_its_key_says(unconditional: str, keeps: bool) -> None:
    told = condition(4)
    ((x_BCFhw, t_B, text_BND),), _ = called(SAMPLER.model_copy(update={"unconditional": unconditional}))
    assert t_B.tolist() == [700, 700]
    assert torch.equal(text_BND, torch.cat([told.null_text_1ND, told.text_1ND]))
    assert torch.equal(x_BCFhw[0, :4], x_BCFhw[1, :4])
    expected = x_BCFhw[1, 4:] if keeps else torch.zeros_like(x_BCFhw[1, 4:])
    assert torch.equal(x_BCFhw[0, 4:], expected)


@pytest.mark.parametrize(("guidance", "expected"), [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (7.5, 16.0)])
def test_guidance_goes_from_the_null_through_the_conditional(guidance: float, expected: float) -> None:
    null_text = condition(4).null_text_1ND[0]

    def model(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        values = [1.0 if torch.equal(text, null_text) else 3.0 for text in text_BND]
        return torch.tensor(values).view(-1, 1, 1, 1, 1).expand(-1, 4, *x_BCFhw.shape[2:])

    _, noise = called(SAMPLER.model_copy(update={"guidance": guidance}), model)
    assert torch.equal(noise, torch.full((4, 4, 4, 4), expected))


def test_guidance_of_one_does_not_ask_for_the_null() -> None:
    calls, _ = called(SAMPLER.model_copy(update={"guidance": 1.0}))
    assert len(calls) == 1
    assert torch.equal(calls[0][2], condition(4).text_1ND)


# Averages over windows.


@pytest.mark.parametrize("frames", [4, 3, 1])
def test_a_video_of_one_window_is_plain_ddim(frames: int) -> None:
    told, start = condition(frames), initial_noise(frames, (4, 4, 4), "video", 0)
    scheduler, z = stable_diffusion_ddim(4), start
    for t in scheduler.timesteps:
        noise = guided_by_hand(toy, told, z, int(t), range(frames), SAMPLER.guidance)
        z = scheduler.step(noise, t, z).prev_sample
    steps = []
    ours = sample_video(toy, told, start, DIFFUSION, SAMPLER, CPU, lambda: steps.append(1))
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-5)
    assert ours.shape == start.shape
    assert len(steps) == DIFFUSION.sampling_steps


@pytest.mark.parametrize(("frames", "length", "hop"), [(10, 4, 2), (9, 4, 3), (11, 5, 1), (8, 4, 4)])
def test_averaged_noise_equals_averaged_steps_as_in_multidiffusion(frames: int, length: int, hop: int) -> None:
    told, start = condition(frames), initial_noise(frames, (4, 4, 4), "video", 0)
    spans = [range(i, i + length) for i in [*range(0, frames - length, hop), frames - length]]
    scheduler, z = stable_diffusion_ddim(4), start
    for t in scheduler.timesteps:
        total, count = torch.zeros_like(z), torch.zeros(frames, 1, 1, 1)
        for span in spans:
            noise = guided_by_hand(toy, told, z, int(t), span, SAMPLER.guidance)
            at = slice(span.start, span.stop)
            total[at] += scheduler.step(noise, t, z[at]).prev_sample
            count[at] += 1
        z = total / count
    sampler = SAMPLER.model_copy(update={"clip_frames": length, "hop": hop})
    ours = sample_video(toy, told, start, DIFFUSION, sampler, CPU)
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-5)


def networks() -> list[Callable[[], NoiseModel]]:
    return [lambda: toy, lambda: frame_noise_model(unet_12()), lambda: video_noise_model(video_unet())]


@pytest.mark.parametrize("network", networks(), ids=["toy", "frame", "video"])
def test_how_many_windows_go_through_at_once_changes_only_float_error(network: Callable[[], NoiseModel]) -> None:
    model, told, z = network(), condition(9, 8), randn(9, 4, 8, 8)
    results = [
        average_windows(
            model, told, z, 500, windows(9, 4, 2), SAMPLER.model_copy(update={"batch_windows": batch}), CPU
        ).detach()
        for batch in (1, 2, 3, 8)
    ]
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=1e-5)


def test_the_frame_model_gives_the_same_video_whatever_the_windows() -> None:
    model, told, start = frame_noise_model(unet_12()), condition(9, 8), initial_noise(9, (4, 8, 8), "video", 0)
    results = [
        sample_video(model, told, start, DIFFUSION, SAMPLER.model_copy(update={"clip_frames": length, "hop": hop}), CPU)
        for length, hop in ((4, 4), (4, 1), (9, 9), (1, 1))
    ]
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=1e-4)


def test_the_video_model_heeds_its_window() -> None:
    model, told, z = video_noise_model(video_unet()), condition(9, 8), randn(9, 4, 8, 8)
    short, whole = (average_windows(model, told, z, 500, windows(9, length, length), SAMPLER, CPU) for length in (3, 9))
    assert not torch.allclose(short, whole, atol=1e-3)


@pytest.mark.parametrize("network", networks()[1:], ids=["frame", "video"])
def test_each_clip_of_a_batch_has_its_own_time_and_text(network: Callable[[], NoiseModel]) -> None:
    model, x_BCFhw = network(), randn(2, 12, 3, 8, 8)
    t_B, text_BND = torch.tensor([20, 900]), randn(2, 12, 16, seed=1)
    with torch.no_grad():
        both = model(x_BCFhw, t_B, text_BND)
        alone = [model(x_BCFhw[i : i + 1], t_B[i : i + 1], text_BND[i : i + 1]) for i in range(2)]
        mixed_up = model(x_BCFhw[:1], t_B[:1], text_BND[1:])
    torch.testing.assert_close(both, torch.cat(alone), rtol=0, atol=1e-5)
    assert not torch.allclose(mixed_up, alone[0], atol=1e-4)


# Noise.


def test_a_longer_video_starts_with_the_same_noise_and_each_frame_has_its_own() -> None:
    short, long = initial_noise(3, (4, 8, 8), "video", 7), initial_noise(5, (4, 8, 8), "video", 7)
    assert torch.equal(long[:3], short)
    assert not torch.equal(long[0], long[1])
    assert not torch.equal(initial_noise(3, (4, 8, 8), "video", 8), short)
    assert not torch.equal(initial_noise(3, (4, 8, 8), "other", 7), short)
    assert abs(float(initial_noise(40, (4, 8, 8), "video", 7).std()) - 1) < 0.03


def test_with_eta_the_fresh_noise_is_the_callers_and_not_the_global_generators() -> None:
    noisy = DIFFUSION.model_copy(update={"eta": 1.0})
    told, start = condition(5), randn(5, 4, 4, 4)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        results.append(
            sample_video(
                toy, told, start, noisy, SAMPLER, CPU, step_noise=lambda t: initial_noise(5, (4, 4, 4), f"at {t}", 0)
            )
        )
    assert torch.equal(*results)
    assert not torch.allclose(results[0], sample_video(toy, told, start, DIFFUSION, SAMPLER, CPU), atol=1e-3)
    with pytest.raises(ValueError, match="eta"):
        sample_video(toy, told, start, noisy, SAMPLER, CPU)


def test_with_eta_a_step_is_the_ddim_paper_s() -> None:
    noisy = DIFFUSION.model_copy(update={"eta": 0.5, "sampling_steps": 1})
    told, start, fresh = condition(4), randn(4, 4, 4, 4), randn(4, 4, 4, 4, seed=5)
    ours = sample_video(toy, told, start, noisy, SAMPLER, CPU, step_noise=lambda t: fresh)
    a = alphas_cumprod(DIFFUSION).double()
    now, before = a[1], a[0]  # one step of leading spacing is at level 0 + 1
    noise = guided_by_hand(toy, told, start, 1, range(4), SAMPLER.guidance)
    sigma = 0.5 * ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
    picture = (start - (1 - now).sqrt() * noise) / now.sqrt()
    expected = before.sqrt() * picture + (1 - before - sigma**2).sqrt() * noise + sigma * fresh
    torch.testing.assert_close(ours, expected.float(), rtol=0, atol=1e-5)


def test_one_frame_that_is_not_finite_is_refused_with_what_was_sampled() -> None:
    told, start = condition(5), randn(5, 4, 4, 4)
    start[2, 0, 0, 0] = float("inf")
    alone = SAMPLER.model_copy(update={"clip_frames": 1, "hop": 1})
    with pytest.raises(
        BadInput, match=r"1 of 5 frames \(sampling_steps 4, eta 0, prediction 'epsilon'\); take a model"
    ):
        sample_video(lambda x, t, text: torch.zeros_like(x[:, :4]), told, start, DIFFUSION, alone, CPU)
