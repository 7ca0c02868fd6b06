"""Equality with references computed independently of our code: a loss in NumPy, a published noise schedule, diffusers'
motion module, and where ours differs from it by choice."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import UNetMotionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn
from torch.nn import functional

from tests.unit.tiny_models import CPU, DIFFUSION, MOTION_MODULE, randn, unet_12, video_unet
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.motion_unet import FrameGroupNorm, inflate
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, frame_noise_model, loss_weights, video_noise_model
from tgvac.models.schedule import alphas_cumprod, noise_schedule
from tgvac.training.objective import Batch, noise_loss


def batch(frames: int = 3) -> Batch:
    z, frame, mask, noise = (randn(2, 4, frames, 8, 8, seed=k) for k in range(4))
    return Batch(z, frame, mask, randn(2, 12, 16, seed=4), noise, torch.tensor([120, 860]), FRAME_MASK)


def network(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
    """A function of each channel, the time and the text."""
    shift = text_BND.mean((1, 2)) + t_B / 1000
    return 0.5 * x_BCFhw[:, :4] + 0.3 * x_BCFhw[:, 4:8] - 0.2 * x_BCFhw[:, 8:] + shift.view(-1, 1, 1, 1, 1)


def numpy_loss(given: Batch, prediction: str) -> float:
    """Equation 2 of the paper, or its velocity form (Salimans and Ho 2022), from the formulas, in double precision."""
    betas = np.linspace(8.5e-4**0.5, 1.2e-2**0.5, 1000) ** 2
    a = np.cumprod(1 - betas)[given.t_B.numpy()].reshape(-1, 1, 1, 1, 1)
    z, noise, frame, mask, text = (
        value.numpy().astype(np.float64)
        for value in (given.z_BcFhw, given.noise_BcFhw, given.frame_BcFhw, given.mask_BcFhw, given.text_BND)
    )
    z_t = np.sqrt(a) * z + np.sqrt(1 - a) * noise
    shift = text.mean((1, 2)) + given.t_B.numpy() / 1000
    out = 0.5 * z_t + 0.3 * frame - 0.2 * mask + shift.reshape(-1, 1, 1, 1, 1)
    target = noise if prediction == "epsilon" else np.sqrt(a) * noise - np.sqrt(1 - a) * z
    return float(((out - target) ** 2).mean())


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_the_loss_equals_ten_lines_of_numpy(prediction: str) -> None:
    diffusion = DIFFUSION.model_copy(update={"prediction": prediction})
    schedule = noise_schedule(diffusion)

    def as_model(_: object) -> NoiseModel:
        return network

    model = as_epsilon_model(as_model, diffusion)(None)
    ours = noise_loss(model, batch(), schedule, CPU, loss_weights(diffusion, schedule.alphas_cumprod)).mean
    assert float(ours) == pytest.approx(numpy_loss(batch(), prediction), rel=1e-5)


def test_the_noise_schedule_has_the_published_values() -> None:
    alphas_T = alphas_cumprod(DIFFUSION)
    # Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed", table 1, row Stable Diffusion:
    # SNR(T) 0.004682 and sqrt(alpha-bar) 0.068265 at the last step. Its betas begin at 0.00085
    # (CompVis/stable-diffusion, configs/stable-diffusion/v1-inference.yaml).
    assert float(alphas_T[-1].sqrt()) == pytest.approx(0.068265, abs=5e-7)
    assert float(alphas_T[-1] / (1 - alphas_T[-1])) == pytest.approx(0.004682, abs=5e-7)
    assert float(alphas_T[0]) == pytest.approx(1 - 0.00085, abs=1e-7)
    assert (alphas_T.diff() < 0).all()


def test_the_noise_of_either_end_is_what_samplers_of_stable_diffusion_are_given() -> None:
    # ComfyUI's samplers by sigma, sqrt(1 / alpha-bar - 1), have these defaults: 14.614642 and 0.0291675.
    sigmas_T = (1 / alphas_cumprod(DIFFUSION).double() - 1).sqrt()
    assert float(sigmas_T[-1]) == pytest.approx(14.614642, rel=1e-5)
    assert float(sigmas_T[0]) == pytest.approx(0.0291675, rel=1e-4)


def test_the_linear_schedule_has_the_published_values() -> None:
    # The same table, row Linear (Ho et al. 2020: betas from 0.0001 to 0.02): 4.035993e-05 and 0.006353.
    linear = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 2e-2}
    alphas_T = alphas_cumprod(DIFFUSION.model_copy(update=linear))
    assert float(alphas_T[-1].sqrt()) == pytest.approx(0.006353, abs=5e-7)
    assert float(alphas_T[-1] / (1 - alphas_T[-1])) == pytest.approx(4.035993e-5, rel=1e-5)


def plain_of(ours: UNetMotionModel) -> UNetMotionModel:
    """diffusers' own video model, built by diffusers alone, with the same weights."""
    plain = UNetMotionModel.from_config(ours.config)
    plain.load_state_dict(ours.state_dict())
    return plain.eval()


def inputs(frames: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return randn(2, 12, frames, 8, 8), torch.tensor([20, 900]), randn(2, 12, 16, seed=1)


@torch.no_grad()
def test_with_the_norm_over_clips_the_video_model_is_exactly_that_of_diffusers() -> None:
    ours = video_unet(norm="clip")
    x, t, text = inputs()
    expected = plain_of(ours)(x, t, text.repeat_interleave(5, 0)).sample
    assert torch.equal(video_noise_model(ours)(x, t, text), expected)


@torch.no_grad()
def test_with_the_norm_of_frames_it_differs_and_agrees_again_where_a_clip_has_one_frame() -> None:
    ours = video_unet(norm="frame")
    plain = plain_of(ours)
    x, t, text = inputs()
    difference = (video_noise_model(ours)(x, t, text) - plain(x, t, text.repeat_interleave(5, 0)).sample).abs().max()
    assert difference > 1e-3, "statistics of a frame differ from those of a clip"
    x, t, text = inputs(1)
    torch.testing.assert_close(video_noise_model(ours)(x, t, text), plain(x, t, text).sample, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["frame", "clip"])
def test_a_motion_module_is_what_its_definition_says(norm: str) -> None:
    """From the weights, by formulas: normalise, project, two self-attentions over frames with sinusoidal positions, a
    gated feed-forward, project, add (Guo et al. 2023, section 4.2 and the released motion module)."""
    video = video_unet(norm=norm)
    module = next(m for m in video.modules() if isinstance(m, AnimateDiffTransformer3D))
    block, channels, frames, side = module.transformer_blocks[0], module.proj_in.in_features, 5, 4
    x_FCHW = randn(frames, channels, side, side, seed=7)
    groups, eps = module.norm.num_groups, 1e-6
    g = x_FCHW.view(frames, groups, channels // groups, side, side)
    axes = (2, 3, 4) if norm == "frame" else (0, 2, 3, 4)
    variance, mean = torch.var_mean(g, axes, unbiased=False, keepdim=True)
    h = ((g - mean) / (variance + eps).sqrt()).view_as(x_FCHW)
    h = h * module.norm.weight.view(-1, 1, 1) + module.norm.bias.view(-1, 1, 1)
    h = h.permute(2, 3, 0, 1).reshape(side * side, frames, channels)  # a row of frames a pixel
    h = h @ module.proj_in.weight.T + module.proj_in.bias
    at, rates = torch.arange(frames)[:, None], 10_000 ** (-torch.arange(0, channels, 2) / channels)
    positions = torch.stack([(at * rates).sin(), (at * rates).cos()], dim=-1).view(frames, channels)
    for norm_of, attention in ((block.norm1, block.attn1), (block.norm2, block.attn2)):
        given = functional.layer_norm(h, (channels,), norm_of.weight, norm_of.bias) + positions
        q, k, v = (
            (given @ projection.weight.T).view(side * side, frames, attention.heads, -1).transpose(1, 2)
            for projection in (attention.to_q, attention.to_k, attention.to_v)
        )
        shares = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        mixed = (shares @ v).transpose(1, 2).reshape(side * side, frames, channels)
        h = h + mixed @ attention.to_out[0].weight.T + attention.to_out[0].bias
    given = functional.layer_norm(h, (channels,), block.norm3.weight, block.norm3.bias)
    wide, gate = (given @ block.ff.net[0].proj.weight.T + block.ff.net[0].proj.bias).chunk(2, dim=-1)
    h = h + (wide * functional.gelu(gate)) @ block.ff.net[2].weight.T + block.ff.net[2].bias
    h = h @ module.proj_out.weight.T + module.proj_out.bias
    expected = h.view(side, side, frames, channels).permute(2, 3, 0, 1) + x_FCHW
    ours = module(x_FCHW, num_frames=frames)
    ours = ours[0] if isinstance(ours, tuple) else getattr(ours, "sample", ours)
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-5)
    assert (ours - x_FCHW).abs().max() > 0.1, "the module does something"


def test_before_training_the_module_of_diffusers_changes_frames_and_ours_does_not() -> None:
    plain = UNetMotionModel.from_config(video_unet().config)
    for video, starts_at_zero in ((plain, False), (inflate(unet_12(), MOTION_MODULE), True)):
        outs = [m.proj_out.weight for m in video.modules() if isinstance(m, AnimateDiffTransformer3D)]
        assert all(bool(w.any()) != starts_at_zero for w in outs)


def test_frame_norm_has_no_parameter_that_group_norm_lacks() -> None:
    assert FrameGroupNorm(4, 16).state_dict().keys() == nn.GroupNorm(4, 16).state_dict().keys()


@torch.no_grad()
def test_the_frame_model_is_diffusers_unet_on_every_frame() -> None:
    unet = unet_12()
    x, t, text = inputs(2)
    ours = frame_noise_model(unet)(x, t, text)
    for i in range(2):
        torch.testing.assert_close(ours[:, :, i], unet(x[:, :, i], t, text).sample, rtol=0, atol=1e-5)
