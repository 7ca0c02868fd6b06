"""Temporal diffusion: averages over windows equal their definitions, steps are DDIM's, noise is drawn by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import DDIMScheduler

from tests.unit.sampling_toys import averaged, condition, guided_by_hand, toy
from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, randn, unet_12, video_unet
from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model
from tgvac.models.schedule import alphas_cumprod
from tgvac.sampling.temporal_diffusion import initial_noise, sample_video
from tgvac.sampling.windows import windows


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


@pytest.mark.parametrize("frames", [4, 3, 1])
def test_a_video_of_one_window_is_plain_ddim(frames: int) -> None:
    given, start = condition(frames), initial_noise(frames, (4, 4, 4), "video", 0)
    scheduler, z = stable_diffusion_ddim(4), start
    for t in scheduler.timesteps:
        noise = guided_by_hand(toy, given, z, int(t), range(frames), SAMPLER.guidance)
        z = scheduler.step(noise, t, z).prev_sample
    steps: list[tuple[int, int]] = []
    ours = sample_video(toy, given, start, DIFFUSION, SAMPLER, CPU, lambda i, t, latents: steps.append((i, t)))
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-5)
    assert ours.shape == start.shape
    assert steps == list(enumerate(scheduler.timesteps.tolist()))


@pytest.mark.parametrize(("frames", "length", "stride"), [(10, 4, 2), (9, 4, 3), (11, 5, 1), (8, 4, 4)])
def test_averaged_noise_equals_averaged_steps_as_in_multidiffusion(frames: int, length: int, stride: int) -> None:
    given, start = condition(frames), initial_noise(frames, (4, 4, 4), "video", 0)
    spans = [range(i, i + length) for i in [*range(0, frames - length, stride), frames - length]]
    scheduler, z = stable_diffusion_ddim(4), start
    for t in scheduler.timesteps:
        total, count = torch.zeros_like(z), torch.zeros(frames, 1, 1, 1)
        for span in spans:
            noise = guided_by_hand(toy, given, z, int(t), span, SAMPLER.guidance)
            at = slice(span.start, span.stop)
            total[at] += scheduler.step(noise, t, z[at]).prev_sample
            count[at] += 1
        z = total / count
    sampler = SAMPLER.model_copy(update={"clip_frames": length, "stride": stride})
    ours = sample_video(toy, given, start, DIFFUSION, sampler, CPU)
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-5)


def networks() -> list[Callable[[], NoiseModel]]:
    return [lambda: toy, lambda: frame_noise_model(unet_12()), lambda: video_noise_model(video_unet())]


@pytest.mark.parametrize("network", networks(), ids=["toy", "frame", "video"])
def test_how_many_windows_go_through_at_once_changes_only_float_error(network: Callable[[], NoiseModel]) -> None:
    model, given, z = network(), condition(9, 8), randn(9, 4, 8, 8)
    results = [
        averaged(model, given, z, 500, windows(9, 4, 2), SAMPLER.model_copy(update={"batch_windows": batch})).detach()
        for batch in (1, 2, 3, 8)
    ]
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=1e-5)


def test_the_frame_model_gives_the_same_video_whatever_the_windows() -> None:
    model, given, start = frame_noise_model(unet_12()), condition(9, 8), initial_noise(9, (4, 8, 8), "video", 0)
    results = [
        sample_video(
            model, given, start, DIFFUSION, SAMPLER.model_copy(update={"clip_frames": length, "stride": stride}), CPU
        )
        for length, stride in ((4, 4), (4, 1), (9, 9), (1, 1))
    ]
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=0, atol=1e-4)


def test_the_video_model_depends_on_its_window() -> None:
    model, given, z = video_noise_model(video_unet()), condition(9, 8), randn(9, 4, 8, 8)
    short, whole = (averaged(model, given, z, 500, windows(9, length, length), SAMPLER) for length in (3, 9))
    assert not torch.allclose(short, whole, atol=1e-3)


def test_a_longer_video_starts_with_the_same_noise_and_each_frame_has_its_own() -> None:
    short, long = initial_noise(3, (4, 8, 8), "video", 7), initial_noise(5, (4, 8, 8), "video", 7)
    assert torch.equal(long[:3], short)
    assert not torch.equal(long[0], long[1])
    assert not torch.equal(initial_noise(3, (4, 8, 8), "video", 8), short)
    assert not torch.equal(initial_noise(3, (4, 8, 8), "other", 7), short)
    assert abs(float(initial_noise(40, (4, 8, 8), "video", 7).std()) - 1) < 0.03


def test_with_eta_the_fresh_noise_is_the_callers_and_not_the_global_generators() -> None:
    noisy = SAMPLER.model_copy(update={"eta": 1.0})
    given, start = condition(5), randn(5, 4, 4, 4)
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        results.append(
            sample_video(
                toy, given, start, DIFFUSION, noisy, CPU, step_noise=lambda t: initial_noise(5, (4, 4, 4), f"at {t}", 0)
            )
        )
    assert torch.equal(*results)
    assert not torch.allclose(results[0], sample_video(toy, given, start, DIFFUSION, SAMPLER, CPU), atol=1e-3)
    with pytest.raises(ValueError, match="eta"):
        sample_video(toy, given, start, DIFFUSION, noisy, CPU)


def test_with_eta_a_step_is_the_ddim_paper_s() -> None:
    noisy = SAMPLER.model_copy(update={"eta": 0.5, "steps": 1})
    given, start, fresh = condition(4), randn(4, 4, 4, 4), randn(4, 4, 4, 4, seed=5)
    ours = sample_video(toy, given, start, DIFFUSION, noisy, CPU, step_noise=lambda t: fresh)
    a = alphas_cumprod(DIFFUSION).double()
    now, before = a[1], a[0]  # one step of leading spacing is at level 0 + 1
    noise = guided_by_hand(toy, given, start, 1, range(4), SAMPLER.guidance)
    sigma = 0.5 * ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
    picture = (start - (1 - now).sqrt() * noise) / now.sqrt()
    expected = before.sqrt() * picture + (1 - before - sigma**2).sqrt() * noise + sigma * fresh
    torch.testing.assert_close(ours, expected.float(), rtol=0, atol=1e-5)


def test_one_frame_that_is_not_finite_is_refused_with_what_was_sampled() -> None:
    given, start = condition(5), randn(5, 4, 4, 4)
    start[2, 0, 0, 0] = float("inf")
    alone = SAMPLER.model_copy(update={"clip_frames": 1, "stride": 1})
    with pytest.raises(BadInput, match=r"1 of 5 frames \(steps 4, eta 0, prediction 'epsilon'\); use a model"):
        sample_video(lambda x, t, text: torch.zeros_like(x[:, :4]), given, start, DIFFUSION, alone, CPU)
