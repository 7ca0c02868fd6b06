"""Solvers: equal to those of diffusers, frame by frame, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler

from tests.unit.sampling_toys import condition, given_noise, guided_by_hand, toy
from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, randn
from tgvac.models.schedule import schedule_config
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.solvers import Multistep
from tgvac.sampling.temporal_diffusion import sample_video


def multistep(**changes: object) -> SamplerParams:
    return SamplerParams(**{**SAMPLER.model_dump(), "solver": "multistep", **changes})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("steps", [4, 10, 20])
def test_multistep_takes_the_steps_of_diffusers_second_order_solver(steps: int, zero: bool) -> None:
    diffusion = DIFFUSION.model_copy(update={"prediction": "v", "zero_terminal_snr": zero})
    config = {k: v for k, v in schedule_config(diffusion).items() if k not in ("clip_sample", "set_alpha_to_one")}
    theirs = DPMSolverMultistepScheduler(
        **config, timestep_spacing="trailing", solver_order=2, lower_order_final=True, final_sigmas_type="sigma_min"
    )
    theirs.set_timesteps(steps)
    ours = Multistep(diffusion, multistep(steps=steps, timestep_spacing="trailing"))
    assert ours.timesteps.tolist() == theirs.timesteps.tolist()
    given, z = condition(4), randn(4, 4, 4, 4, seed=3)
    mine, before, expected = z, torch.zeros_like(z), z
    for k, t in enumerate(theirs.timesteps):
        # One prediction for both, so that only the step is compared.
        made = guided_by_hand(toy, given, mine, int(t), range(4), 2.0)
        stepped = ours.step(k, made, mine, before, None)
        expected = theirs.step(made, t, mine).prev_sample
        # diffusers takes a last step of first order only below 15 steps, and a small share of signal for none.
        if (k < steps - 1 or steps < 15) and (k > 1 or not zero):
            torch.testing.assert_close(stepped.z_nchw, expected, rtol=0, atol=2e-4)
        mine, before = stepped.z_nchw, stepped.image_nchw
    assert mine.isfinite().all()


@pytest.mark.parametrize("target", ["epsilon", "v"])
def test_multistep_comes_nearer_to_many_steps_than_as_many_of_ddim(target: str) -> None:
    diffusion = DIFFUSION.model_copy(update={"prediction": "v", "zero_terminal_snr": target == "v"})
    assert diffusion.target == target
    given, start = condition(4), given_noise(randn(4, 4, 4, 4, seed=3))

    def sampled(solver: str, steps: int) -> torch.Tensor:
        params = multistep(solver=solver, steps=steps, timestep_spacing="trailing", guidance=1.0)
        return sample_video(smooth, given, start, diffusion, params, CPU)

    def smooth(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        return 0.3 * torch.tanh(x_BCFhw[:, :4]) + 0.1 * x_BCFhw[:, 4:8]

    exact = sampled("ddim", 500)
    few = {solver: float((sampled(solver, 10) - exact).abs().mean()) for solver in ("ddim", "multistep")}
    assert few["multistep"] < 0.5 * few["ddim"], few


def test_parts_of_a_video_take_the_steps_of_the_whole() -> None:
    solver = Multistep(DIFFUSION, multistep())
    z, made, before = (randn(6, 4, 4, 4, seed=seed) for seed in range(3))
    whole = solver.step(1, made, z, before, None).z_nchw
    parts = [solver.step(1, made[s], z[s], before[s], None).z_nchw for s in (slice(0, 2), slice(2, 6))]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eta": 0.5}, "solver multistep adds no noise, but eta is 0.5; set eta to 0"),
        ({"guided_levels": (0.7, 0.3)}, "guided_levels 0.7, 0.3 are not in order within 0 and 1"),
        ({"guided_levels": (0.0, 1.5)}, "guided_levels 0, 1.5 are not in order within 0 and 1"),
        ({"overlap": 1.5}, "overlap"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        multistep(**changes)
