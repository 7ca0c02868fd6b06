"""The video model: it starts as the frame model, frame by frame, and only its motion modules are trained."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from diffusers import UNetMotionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn

from tests.unit.loop_jobs import alone
from tests.unit.tiny_models import CHECKPOINTS, MOTION_MODULE, STANDIN, TRAINING, randn, randomised, unet_12, video_unet
from tgvac.errors import BadInput
from tgvac.models.motion_unet import FrameGroupNorm, apply_norm, inflate
from tgvac.models.noise_models import frame_noise_model, video_noise_model
from tgvac.models.trained import load_frame_unet, load_video_unet
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import Training, train
from tgvac.training.outputs import save_model

GIVEN = (randn(2, 12, 5, 8, 8), torch.tensor([20, 900]), randn(2, 12, 16, seed=1))


def modules(video: nn.Module) -> list[AnimateDiffTransformer3D]:
    return [m for m in video.modules() if isinstance(m, AnimateDiffTransformer3D)]


def without_attention(video: UNetMotionModel) -> UNetMotionModel:
    """Remove attention between frames, so that only normalisation can connect them."""
    for module in modules(video):
        for block in module.transformer_blocks:
            for attention in (block.attn1, block.attn2):
                nn.init.zeros_(attention.to_out[0].weight)
                nn.init.zeros_(attention.to_out[0].bias)
    return video


@pytest.mark.parametrize(("block", "norm"), [("animatediff", "frame"), ("animatediff", "clip"), ("paper", "frame")])
def test_an_inflated_model_is_the_frame_model_on_every_frame(block: str, norm: str) -> None:
    video = inflate(unet_12(), MOTION_MODULE.model_copy(update={"block": block, "norm": norm})).eval()
    with torch.no_grad():
        ours = video_noise_model(video)(*GIVEN)
        frames = frame_noise_model(unet_12())(*GIVEN)
    assert frames.std() > 0.1
    assert (ours - frames).abs().max() < 1e-5


@pytest.mark.parametrize(("block", "norm"), [("animatediff", "frame"), ("animatediff", "clip"), ("paper", "frame")])
@pytest.mark.parametrize(("sample", "frame"), [(0, 0), (1, 3)])
@torch.no_grad()
def test_a_frame_of_an_inflated_model_is_the_frame_model_s_whatever_else_is_in_the_batch(
    block: str, norm: str, sample: int, frame: int
) -> None:
    video = inflate(unet_12(), MOTION_MODULE.model_copy(update={"block": block, "norm": norm})).eval()
    x_BCFhw, t_B, text_BND = GIVEN
    # The frame model gets this one image alone.
    expected = unet_12()(x_BCFhw[[sample], :, frame], t_B[sample], text_BND[[sample]]).sample[0]
    # All other frames of its clip, and the other clip with its noise level and text.
    others, levels, texts = 5 * randn(2, 12, 5, 8, 8, seed=2), torch.tensor([500, 3]), randn(2, 12, 16, seed=3)
    others[sample, :, frame], levels[sample], texts[sample] = x_BCFhw[sample, :, frame], t_B[sample], text_BND[sample]
    before, after = (video_noise_model(video)(*given) for given in (GIVEN, (others, levels, texts)))
    assert expected.std() > 0.1
    assert (before[sample, :, frame] - expected).abs().max() < 1e-5
    assert (after[sample, :, frame] - expected).abs().max() < 1e-5
    changed_BF = (after - before).abs().amax((1, 3, 4)) > 0.1
    changed_BF[sample, frame] = True
    assert changed_BF.all(), "all other frames must change"


@pytest.mark.parametrize("block", ["animatediff", "paper"])
def test_trained_motion_modules_connect_frames_and_depend_on_their_order(block: str) -> None:
    model, (x_BCFhw, t_B, text_BND) = video_noise_model(video_unet(block=block)), GIVEN
    with torch.no_grad():
        plain = model(x_BCFhw, t_B, text_BND)
        changed = x_BCFhw.clone()
        changed[:, :, 0] += 1
        assert (model(changed, t_B, text_BND) - plain)[:, :, 4].abs().max() > 1e-3
        turned = model(x_BCFhw.flip(2), t_B, text_BND).flip(2)
    assert (turned - plain).abs().max() > 1e-3


def test_there_is_a_module_after_each_layer_and_none_in_the_middle() -> None:
    video = inflate(unet_12(), MOTION_MODULE)
    assert [len(block.motion_modules) for block in video.down_blocks] == [1, 1]
    assert [len(block.motion_modules) for block in video.up_blocks] == [2, 2]
    assert len(modules(video)) == 6
    assert not modules(video.mid_block)
    for module in modules(video):
        (block,) = module.transformer_blocks
        assert block.attn1.heads == MOTION_MODULE.heads
        assert block.attn2.to_k.in_features == module.proj_in.out_features  # temporal again, not on text
        assert (module.norm.eps, module.norm.num_groups) == (1e-6, STANDIN.norm_groups)  # AnimateDiff's epsilon


def test_inflating_a_frame_model_warns_of_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("diffusers"), "propagate", True)
    inflate(unet_12(), MOTION_MODULE)
    assert not caplog.messages


def test_output_projections_are_zero_and_nothing_else_is() -> None:
    for module in modules(inflate(unet_12(), MOTION_MODULE)):
        assert not module.proj_out.weight.any()
        assert not module.proj_out.bias.any()
        assert module.proj_in.weight.any()


@pytest.mark.parametrize("norm", ["frame", "clip"])
def test_only_motion_parameters_require_gradients(norm: str) -> None:
    video = inflate(unet_12(), MOTION_MODULE.model_copy(update={"norm": norm}))
    trained = {name for name, parameter in video.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in video.named_parameters() if ".motion_modules." in name}
    assert any(name.endswith("norm.weight") for name in trained)


def test_frame_norm_is_group_norm_of_each_frame_by_itself() -> None:
    norm, plain = FrameGroupNorm(4, 16, 1e-6), nn.GroupNorm(4, 16, 1e-6)
    randomised(norm)
    plain.load_state_dict(norm.state_dict())
    x_BCFHW = randn(2, 16, 3, 5, 6) * torch.tensor([1.0, 10.0, 100.0]).view(1, 1, 3, 1, 1)
    ours = norm(x_BCFHW)
    assert ours.shape == x_BCFHW.shape
    for frame in range(3):
        torch.testing.assert_close(ours[:, :, frame], plain(x_BCFHW[:, :, frame]), rtol=0, atol=1e-6)
    assert not torch.allclose(ours, plain(x_BCFHW), atol=0.1)
    changed = x_BCFHW.clone()
    changed[:, :, 1:] = 7 * randn(2, 16, 2, 5, 6, seed=1)
    assert torch.equal(norm(changed)[:, :, 0], ours[:, :, 0])


@pytest.mark.parametrize(("norm", "joined"), [("frame", False), ("clip", True)])
def test_statistics_connect_frames_only_with_the_norm_over_clips(norm: str, joined: bool) -> None:
    model, (x_BCFhw, t_B, text_BND) = video_noise_model(without_attention(video_unet(norm=norm))), GIVEN
    changed = x_BCFhw.clone()
    changed[:, :, 1:] *= 5
    with torch.no_grad():
        difference = (model(changed, t_B, text_BND) - model(x_BCFhw, t_B, text_BND))[:, :, 0].abs().max()
    assert (difference > 1e-3) == joined
    assert joined or difference < 1e-5


@pytest.mark.parametrize("block", ["animatediff", "paper"])
def test_training_moves_motion_modules_and_leaves_every_bit_of_the_frame_model(tmp_path: Path, block: str) -> None:
    frame = unet_12()
    video = inflate(frame, MOTION_MODULE.model_copy(update={"block": block}))
    before = {name: p.detach().clone() for name, p in video.named_parameters()}
    model = video_noise_model(video)

    def loss(step: int) -> torch.Tensor:
        return model(*GIVEN).sub(randn(2, 4, 5, 8, 8, seed=step)).square().mean()

    params, identity = TRAINING.model_copy(update={"steps": 3}), Identity("key")
    train(Training("motion", video, lambda step, rows: step, alone(loss), params, CHECKPOINTS, identity, tmp_path))
    moved = {name for name, p in video.named_parameters() if not torch.equal(p, before[name])}
    assert {name for name in moved if ".motion_modules." not in name} == set()
    assert len(moved) > 0.9 * sum(".motion_modules." in name for name in before)
    after = dict(video.named_parameters())
    for name, parameter in frame.named_parameters():
        assert torch.equal(after[name], parameter), name
    assert not video.training


@pytest.mark.parametrize(("block", "norm"), [("animatediff", "frame"), ("animatediff", "clip"), ("paper", "frame")])
def test_a_saved_model_loads_to_the_same_output(tmp_path: Path, block: str, norm: str) -> None:
    video = video_unet(norm=norm, block=block)
    save_model(tmp_path, "unet", video, [])
    loaded = load_video_unet(tmp_path, MOTION_MODULE.model_copy(update={"block": block, "norm": norm}))
    assert not loaded.training
    with torch.no_grad():
        assert torch.equal(video_noise_model(loaded)(*GIVEN), video_noise_model(video)(*GIVEN))
    assert {type(m.norm) for m in modules(loaded)} == {FrameGroupNorm if norm == "frame" else nn.GroupNorm}


def test_applying_the_norm_again_changes_nothing() -> None:
    video = video_unet()
    first = [m.norm for m in modules(video)]
    assert [m.norm for m in modules(apply_norm(video, MOTION_MODULE))] == first


def test_a_frame_model_is_loaded_as_saved_and_refused_when_not_whole(tmp_path: Path) -> None:
    save_model(tmp_path, "unet", unet_12(), [])
    with torch.no_grad():
        given = (GIVEN[0][:, :, 0], *GIVEN[1:])
        assert torch.equal(load_frame_unet(tmp_path).eval()(*given).sample, unet_12()(*given).sample)
    weights = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(BadInput, match="make it again"):
        load_frame_unet(tmp_path)
    weights.unlink()
    with pytest.raises(BadInput, match=r"safetensors does not exist, and .*index\.json names it"):
        load_frame_unet(tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(BadInput, match="does not exist"):
        load_frame_unet(tmp_path)


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(BadInput, match=r"motion_module\.heads 3 does not divide the UNet's \d+ channels; choose"):
        inflate(unet_12(), MOTION_MODULE.model_copy(update={"heads": 3}))


@pytest.mark.parametrize("wrong", [{"block": "animatediff"}, {"max_distance": 4}])
def test_weights_of_other_motion_modules_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    save_model(tmp_path, "unet", video_unet(block="paper"), [])
    params = MOTION_MODULE.model_copy(update={"block": "paper", **wrong})
    with pytest.raises(BadInput, match=r"are not those of motion_module\.block .*; train the motion model again"):
        load_video_unet(tmp_path, params)
