"""Walks over shapes: FLOPs against a count by hand, bytes against sums by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.unit.counted_flops import counting
from tests.unit.tiny_models import MOTION_MODULE, STANDIN, randn, unet_12, video_unet
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.cost.live import LiveBytes
from tgvac.models.cost.networks import Networks, empty
from tgvac.models.cost.walk import META, forward_flops, kept_bytes, parameters_of, peak_bytes, step_flops
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model

FLOAT = 4
PAPER_MODULE = MotionModuleParams(
    block="paper", heads=8, max_frames=128, max_distance=13, norm="frame", start="", start_revision="main"
)


def backbones(**changed: Any) -> BackbonesParams:
    """Published ones, unless changed."""
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    values: dict[str, Any] = {
        "origin": "pretrained",
        "shipped": "standins",
        "renew": (),
        "stable_diffusion": name,
        "stable_diffusion_revision": "main",
        "variant": "",
        "scoring_clip": "openai/clip-vit-large-patch14",
        "scoring_clip_revision": "main",
        "seed": 1,
        "vae_steps": 10,
        "unet_steps": 10,
        "clip_steps": 10,
        "image_steps": 0,
        "unet_drop_text": 0.1,
        "views": 10,
        "batch": 2,
        "lr": 1e-3,
        "kl_weight": 0.0,
        "standin": STANDIN,
    }
    return BackbonesParams(**{**values, **changed})


@pytest.fixture(scope="module")
def paper() -> Networks:
    """Stable Diffusion 1.5's shapes, with the paper's temporal blocks."""
    return Networks(backbones(), PAPER_MODULE, 256)


@pytest.mark.parametrize(("stage", "frames"), [("frame", 1), ("motion", 4)])
def test_flops_at_full_size_are_those_counted_by_hand_layer_by_layer(paper: Networks, stage: str, frames: int) -> None:
    module: Any = paper.frame_unet if stage == "frame" else paper.video_unet
    walked = step_flops(module, paper.noise_loss(stage, 1, frames))
    module.train()
    with counting(module) as counted:
        paper.noise_loss(stage, 1, frames)()
    assert walked.forward == pytest.approx(counted.forward, rel=0.02)
    assert walked.all == pytest.approx(counted.forward + counted.backward, rel=0.02)


def test_networks_of_full_size_have_as_many_numbers_as_is_published(paper: Networks) -> None:
    # The text-to-image UNet has 859,520,964 (the model card says 860 M); eight more channels of 3 x 3 x 320 are ours.
    assert parameters_of(paper.frame_unet).all == 859_520_964 + 8 * 9 * 320
    assert parameters_of(paper.vae).all == 83_653_863
    assert parameters_of(paper.text_encoder).all == 123_060_480
    assert parameters_of(paper.scoring_clip).all == 427_616_513
    assert paper.latent == (4, 32)
    trained = parameters_of(paper.video_unet)
    assert trained.all - trained.trained == parameters_of(paper.frame_unet).all, "its frame layers are frozen"


@pytest.mark.parametrize("stage", ["frame", "motion"])
def test_flops_on_meta_are_those_of_a_real_small_model_on_the_cpu(stage: str) -> None:
    real = unet_12() if stage == "frame" else video_unet(block="paper").train()
    as_model = frame_noise_model if stage == "frame" else video_noise_model
    given = (randn(2, 12, 3, 8, 8), torch.tensor([20, 900]), randn(2, 12, 16, seed=1))

    def loss_of(model: NoiseModel, *values: torch.Tensor) -> torch.Tensor:
        return model(*values).pow(2).mean()

    # With plain products in attention, since torch has no formula for the kernel of the CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        value = loss_of(as_model(real), *given)  # type: ignore[arg-type]
        forward = counter.get_total_flops()
        torch.autograd.backward(value)
    on_meta: Any = real.to(META)
    on_meta.zero_grad(set_to_none=True)
    walked = step_flops(on_meta, partial(loss_of, as_model(on_meta), *(each.to(META) for each in given)))
    assert walked.forward == forward > 0
    assert walked.all == pytest.approx(counter.get_total_flops(), rel=0.02)


def chain() -> tuple[nn.Module, Any]:
    """Two linear layers, and the sum of what comes out for five samples."""
    with META:
        module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    return module, lambda: module(empty(5, 8)).sum()


def test_kept_are_inputs_of_layers_and_not_their_weights() -> None:
    module, loss = chain()
    assert kept_bytes(module, loss) == FLOAT * (5 * 8 + 5 * 16)


def test_under_autocast_inputs_are_halved_and_a_cast_weight_is_kept_where_a_gradient_needs_it() -> None:
    module, loss = chain()
    assert kept_bytes(module, loss, "bfloat16") == 2 * (5 * 8 + 5 * 16 + 16 * 4)


def test_gradients_that_are_held_count_once() -> None:
    module, loss = chain()
    gradients = FLOAT * sum(p.numel() for p in module.parameters())
    fresh, held = peak_bytes(module, loss), peak_bytes(module, loss, gradients_held=True)
    assert gradients + FLOAT * 5 * 8 <= fresh < held < fresh + gradients
    assert all(p.grad is None for p in module.parameters())


def test_live_bytes_are_counted_from_making_to_end() -> None:
    known = empty(100)
    with LiveBytes([known]) as live:
        first = known + 1
        assert live.now == 400
        second = first * 2
        assert first.view(10, 10).shape == (10, 10)
        assert live.now == 800
        del first
        assert (live.now, live.peak) == (400, 800)
        second.add_(1)
        assert live.now == 400
        known.mul_(2)
        assert live.now == 400


def test_checkpointing_keeps_less_and_computes_more() -> None:
    networks = Networks(backbones(origin="train"), MOTION_MODULE, 32)
    for stage, frames in (("frame", 1), ("motion", 4)):
        module: Any = networks.frame_unet if stage == "frame" else networks.video_unet
        loss = networks.noise_loss(stage, 2, frames)
        plain, again = step_flops(module, loss), step_flops(module, loss, checkpointing=True)
        assert again.forward == plain.forward
        assert plain.all < again.all <= plain.all + plain.forward
        assert kept_bytes(module, loss, checkpointing=True) < 0.9 * kept_bytes(module, loss)
        assert kept_bytes(module, loss) < peak_bytes(module, loss)
        assert not module.is_gradient_checkpointing


def test_what_is_kept_grows_with_the_batch_and_flops_with_it() -> None:
    networks = Networks(backbones(origin="train"), MOTION_MODULE, 32)
    one, four = (networks.noise_loss("frame", batch, 1) for batch in (1, 4))
    assert kept_bytes(networks.frame_unet, four) == pytest.approx(4 * kept_bytes(networks.frame_unet, one), rel=0.01)
    assert step_flops(networks.frame_unet, four).all == 4 * step_flops(networks.frame_unet, one).all


def test_a_walk_without_gradients_counts_a_convolution_by_its_formula() -> None:
    with META:
        convolution = nn.Conv2d(3, 8, 3, padding=1)
    assert forward_flops(lambda: convolution(empty(2, 3, 10, 10))) == 2 * 2 * 10 * 10 * 8 * 3 * 9
