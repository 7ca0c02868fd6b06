"""A schedule whose last level is noise alone (Lin et al. 2024): it is trained and sampled by the velocity, finitely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from pydantic import ValidationError

from tests.unit.loop_jobs import alone
from tests.unit.sampling_toys import given_noise
from tests.unit.tiny_models import CHECKPOINTS, CPU, DIFFUSION, SAMPLER, TRAINING, randn, unet_12
from tgvac.completion.pipeline_params import diffusion_of
from tgvac.errors import BadInput
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, frame_noise_model, loss_weights
from tgvac.models.params import DiffusionParams
from tgvac.models.schedule import alphas_cumprod, noise_schedule
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.params import SamplerParams, check_sampling
from tgvac.sampling.scheduler import network_sampler
from tgvac.sampling.temporal_diffusion import NotFinite, sample_video
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import Training, train
from tgvac.training.objective import Batch, noise_loss

ZERO = DiffusionParams(**{**DIFFUSION.model_dump(), "zero_terminal_snr": True, "prediction": "v"})
SCHEDULE = noise_schedule(ZERO)
ALPHAS = alphas_cumprod(ZERO)
LAST = 999


def by_hand() -> np.ndarray:
    """The cumulative alphas by Lin et al.'s algorithm 1, in double: roots shifted to end at zero, scaled to begin as
    before."""
    betas_T = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    roots_T = np.sqrt(np.cumprod(1 - betas_T))
    return ((roots_T - roots_T[-1]) * roots_T[0] / (roots_T[0] - roots_T[-1])) ** 2


def batch(*levels: int) -> Batch:
    z, frame, mask, noise = (randn(len(levels), 4, 2, 8, 8, seed=k) for k in range(4))
    return Batch(z, frame, mask, randn(len(levels), 12, 16, seed=4), noise, torch.tensor(levels), FRAME_MASK)


def trailing(**changes: object) -> SamplerParams:
    """The sampler that starts at the last level, with some keys changed."""
    return SAMPLER.model_copy(update={"timestep_spacing": "trailing", **changes})


def given_to(network: object, of: Batch) -> torch.Tensor:
    """The loss as a training has it."""
    model = as_epsilon_model(lambda it: it, ZERO)(network)
    return noise_loss(model, of, SCHEDULE, CPU, loss_weights(ZERO, ALPHAS), ZERO.target).mean


def test_the_schedule_is_rescaled_as_published() -> None:
    assert ALPHAS[LAST] == 0
    assert float(ALPHAS[0]) == pytest.approx(1 - 0.00085, abs=1e-7)
    np.testing.assert_allclose(ALPHAS.numpy(), by_hand(), rtol=0, atol=1e-6)
    # Without signal at the end there is less of it everywhere after the beginning.
    assert (ALPHAS[1:] < alphas_cumprod(DIFFUSION)[1:]).all()


def test_the_noise_cannot_be_predicted_of_it() -> None:
    with pytest.raises(ValidationError, match="zero_terminal_snr with prediction epsilon has a last level where"):
        DiffusionParams(**{**ZERO.model_dump(), "prediction": "epsilon"})


def test_the_loss_is_that_of_the_velocity_at_the_last_level_too() -> None:
    given = batch(0, 500, LAST)
    a = by_hand()[[0, 500, LAST]].reshape(-1, 1, 1, 1, 1)
    z, noise, frame, mask = (
        value.double().numpy() for value in (given.z_BcFhw, given.noise_BcFhw, given.frame_BcFhw, given.mask_BcFhw)
    )
    out = 0.5 * (np.sqrt(a) * z + np.sqrt(1 - a) * noise) + 0.3 * frame - 0.2 * mask
    expected = ((out - (np.sqrt(a) * noise - np.sqrt(1 - a) * z)) ** 2).mean()

    def network(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        return 0.5 * x_BCFhw[:, :4] + 0.3 * x_BCFhw[:, 4:8] - 0.2 * x_BCFhw[:, 8:]

    assert float(given_to(network, given)) == pytest.approx(expected, rel=1e-5)
    # What is wanted at the last level is the picture, with its sign turned.
    assert given_to(lambda x, t, text: -batch(LAST).z_BcFhw, batch(LAST)) == 0


def test_a_training_at_the_last_level_learns_finitely(tmp_path: Path) -> None:
    unet, given = unet_12(), batch(LAST, LAST)
    losses = alone(lambda step: given_to(frame_noise_model(unet), given))
    params = TRAINING.model_copy(update={"steps": 30, "lr": 3e-3})
    events = train(
        Training("frame", unet, lambda step, rows: step, losses, params, CHECKPOINTS, Identity("key"), tmp_path)
    )
    assert all(np.isfinite([e["loss"], e["grad_norm"]]).all() for e in events)
    assert events[-1]["loss"] < 0.9 * events[0]["loss"]


def unconditional(z_Fchw: torch.Tensor) -> VideoCondition:
    return VideoCondition(torch.zeros_like(z_Fchw), torch.zeros_like(z_Fchw), *[torch.zeros(1, 1, 1)] * 2, FRAME_MASK)


def knowing(picture_Fchw: torch.Tensor) -> NoiseModel:
    """Predicts the velocity of one picture, whatever noise is added to it."""
    alphas_T = torch.from_numpy(by_hand())

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        a = alphas_T[t_B].view(-1, 1, 1, 1, 1)
        z_BcFhw = picture_Fchw.transpose(0, 1)[None].double()
        noise = (x_BCFhw[:, :4] - a.sqrt() * z_BcFhw) / (1 - a).sqrt()
        return (a.sqrt() * noise - (1 - a).sqrt() * z_BcFhw).float()

    return predict


# By `leading` the last level is reached where the steps are two apart.
@pytest.mark.parametrize(("spacing", "steps"), [("trailing", 1), ("trailing", 4), ("leading", 500)])
def test_sampling_from_noise_alone_finds_the_picture_that_is_known(spacing: str, steps: int) -> None:
    picture, noise = randn(3, 4, 8, 8), randn(3, 4, 8, 8, seed=1)
    sampler = trailing(timestep_spacing=spacing, steps=steps)
    found = sample_video(knowing(picture), unconditional(picture), given_noise(noise), ZERO, sampler, CPU)
    # The last step ends at the first level, as Stable Diffusion's does.
    expected = ALPHAS[0].sqrt() * picture + (1 - ALPHAS[0]).sqrt() * noise
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


def ignorant(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
    """A network that knows nothing."""
    return 0.5 * x_BCFhw[:, :4]


def sampled(diffusion: DiffusionParams, sampler: SamplerParams, model: NoiseModel = ignorant) -> torch.Tensor:
    """What a network makes of noise, with fresh noise in every step."""
    start = randn(3, 4, 8, 8, seed=1)
    return sample_video(
        model,
        unconditional(start),
        given_noise(start),
        diffusion,
        sampler,
        CPU,
        step_noise=lambda t, part: given_noise(randn(3, 4, 8, 8, seed=t))(part),
    )


@pytest.mark.parametrize("eta", [0.0, 0.5])
@pytest.mark.parametrize("steps", [3, 30, 50])
def test_with_eta_below_one_noise_alone_is_sampled_finitely(steps: int, eta: float) -> None:
    assert sampled(ZERO, trailing(steps=steps, eta=eta)).isfinite().all()


REFUSED = r"zero_terminal_snr with eta 1 has a first step of {} whose .*; take an eta below 1, such as 0, or set zero_"


@pytest.mark.parametrize(("spacing", "steps"), [*(("trailing", n) for n in (3, 30, 50)), ("leading", 500)])
def test_eta_one_is_refused_where_sampling_begins_at_noise_alone(spacing: str, steps: int) -> None:
    sampler = trailing(timestep_spacing=spacing, steps=steps, eta=1.0)
    with pytest.raises(ValueError, match=REFUSED.format(steps)):
        check_sampling(sampler, ZERO)
    config = network_sampler(ZERO, sampler).config
    with pytest.raises(BadInput, match=REFUSED.format(steps)):
        diffusion_of(config, sampler)


@pytest.mark.parametrize(("spacing", "zero"), [("leading", True), ("trailing", False)])
@pytest.mark.parametrize("steps", [3, 30, 50])
def test_eta_one_is_sampled_finitely_where_sampling_begins_at_some_signal(steps: int, spacing: str, zero: bool) -> None:
    diffusion = ZERO.model_copy(update={"zero_terminal_snr": zero})
    sampler = trailing(timestep_spacing=spacing, steps=steps, eta=1.0)
    check_sampling(sampler, diffusion)
    assert sampled(diffusion, sampler).isfinite().all()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_latents_that_are_not_finite_are_refused_and_not_shown_as_black(number: float) -> None:
    # Not the root of a negative number itself: whether the difference is below 0 depends on the processor.
    def broken(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x_BCFhw[:, :4], number)

    message = r"not finite in 3 of 3 frames \(steps 3, eta 1, prediction 'v'\); set eta to 0, or use a model whose"
    with pytest.raises(NotFinite, match=message):
        sampled(ZERO, trailing(steps=3, eta=1.0), broken)


def test_a_sampler_of_diffusers_that_is_saved_with_it_takes_the_same_steps(tmp_path: Path) -> None:
    sampler = trailing(guidance=1.0)
    network_sampler(ZERO, sampler).save_pretrained(tmp_path)
    theirs = DDIMScheduler.from_pretrained(tmp_path)
    assert diffusion_of(theirs.config, sampler) == ZERO
    theirs.set_timesteps(sampler.steps)
    assert theirs.timesteps.tolist() == [999, 749, 499, 249]
    unet, z, text = unet_12(), randn(1, 4, 8, 8), torch.zeros(1, 12, 16)
    condition = VideoCondition(torch.zeros_like(z), torch.zeros_like(z), text, text, FRAME_MASK)
    model = as_epsilon_model(frame_noise_model, ZERO)(unet)
    ours = sample_video(model, condition, given_noise(z), ZERO, sampler, CPU)
    with torch.no_grad():
        for t in theirs.timesteps:
            z = theirs.step(unet(torch.cat([z, torch.zeros(1, 8, 8, 8)], 1), t, text).sample, t, z).prev_sample
    torch.testing.assert_close(ours, z, rtol=0, atol=1e-5)
