"""A frame model that starts from another one: all of its weights are taken, or it is refused with the difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CONDITIONS,
    DIFFUSION,
    FRAME_MODEL,
    FRAMING,
    LATENTS,
    SAMPLER,
    TRAINING,
    context,
    randomised,
    unet_4,
    unet_12,
    video_unet,
)
from tgvac.errors import BadInput
from tgvac.models.backbones import load_unet
from tgvac.models.frame_start import start_from_frame_model
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.params import Prediction, VariantParams
from tgvac.models.schedule import network_scheduler
from tgvac.params import load_params
from tgvac.training import frame_stage
from tgvac.training.params import FrameModelParams
from tgvac.training.run_params import SamplesParams

START = ("other", "main")
STARTED = FrameModelParams(start=START[0], start_revision=START[1])


def publish(root: Path, network: Any = None) -> dict[str, torch.Tensor]:
    """A frame model with random weights, as its authors would save it; what was saved."""
    network = network or randomised(unet_12(), seed=5)
    network.save_pretrained(root / "other")
    return load_file(weights(root))


def weights(root: Path) -> Path:
    return root / "other" / "diffusion_pytorch_model.safetensors"


def started(root: Path, prediction: Prediction = "epsilon") -> dict[str, torch.Tensor]:
    unet = unet_12()
    start_from_frame_model(unet, *START, root, prediction)
    return unet.state_dict()


def test_a_frame_model_gives_all_of_its_weights(tmp_path: Path) -> None:
    published = publish(tmp_path)
    found = started(tmp_path)
    assert set(found) == set(published)
    assert all(torch.equal(found[name], value) for name, value in published.items())


@pytest.mark.parametrize("block", ["animatediff", "paper"])
def test_a_video_model_gives_its_frame_layers_and_no_motion(tmp_path: Path, block: str) -> None:
    published = publish(tmp_path, randomised(video_unet(block=block), seed=6))
    found = started(tmp_path)
    assert {name for name in published if ".motion_modules." not in name} == set(found)
    assert all(torch.equal(value, published[name]) for name, value in found.items())


def test_a_whole_model_s_folder_gives_its_part_of_that_name(tmp_path: Path) -> None:
    published = publish(tmp_path)
    (tmp_path / "whole").mkdir()
    (tmp_path / "other").rename(tmp_path / "whole" / "unet")
    (tmp_path / "whole").rename(tmp_path / "other")
    assert torch.equal(started(tmp_path)["conv_in.weight"], published["conv_in.weight"])


def test_weights_in_half_precision_are_taken_in_full(tmp_path: Path) -> None:
    publish(tmp_path, randomised(unet_12(), seed=5).half())
    assert {value.dtype for value in started(tmp_path).values()} == {torch.float32}


def test_the_digest_depends_on_the_weights_and_not_on_their_folder(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        publish(tmp_path / name, randomised(unet_12(), seed=seed))
        digests.append(start_from_frame_model(unet_12(), *START, tmp_path / name, "epsilon"))
    assert digests[0] == digests[1] != digests[2]


def test_a_text_to_image_unet_is_refused_with_both_shapes(tmp_path: Path) -> None:
    publish(tmp_path, unet_4())
    sentence = r"^frame_model\.start 'other' does not fit .*: conv_in\.weight has the shape 16x4x3x3 there and has the"
    with pytest.raises(BadInput, match=sentence + r" shape 16x12x3x3 here; name"):
        started(tmp_path)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("missing", "conv_out.bias is missing there and has the shape 4 here"),
        ("unknown", "extra has the shape 4 there and is missing here"),
        ("nan", "numbers in conv_out.bias that are not finite"),
    ],
)
def test_weights_that_are_not_a_frame_model_s_are_refused(tmp_path: Path, fault: str, sentence: str) -> None:
    state = {name: value.clone() for name, value in publish(tmp_path).items()}
    if fault == "missing":
        del state["conv_out.bias"]
    elif fault == "unknown":
        state["extra"] = torch.zeros(4)
    else:
        state["conv_out.bias"][0] = float("nan")
    save_file(state, weights(tmp_path), {"format": "pt"})
    with pytest.raises(BadInput, match=sentence):
        started(tmp_path)


def configured(root: Path, **changes: Any) -> None:
    """The published network says something else of itself; its weights stay."""
    config = root / "other" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))


@pytest.mark.parametrize(
    ("key", "theirs", "ours"),
    [
        ("norm_num_groups", 8, "4"),
        ("attention_head_dim", 4, "2"),
        ("act_fn", "gelu", "silu"),
        ("norm_eps", 1e-6, "1e-05"),
        ("resnet_time_scale_shift", "scale_shift", "default"),
        ("cross_attention_dim", 768, "16"),
        ("flip_sin_to_cos", False, "True"),
        ("freq_shift", 1, "0"),
        ("mid_block_scale_factor", 2, "1"),
        ("downsample_padding", 0, "1"),
        ("only_cross_attention", [True, False], "False"),
        ("upcast_attention", True, "False"),
    ],
)
def test_a_network_that_computes_something_else_with_the_same_weights_is_refused(
    tmp_path: Path, key: str, theirs: Any, ours: str
) -> None:
    publish(tmp_path)
    configured(tmp_path, **{key: theirs})
    said = ", ".join(map(str, theirs)) if isinstance(theirs, list) else theirs
    with pytest.raises(
        BadInput, match=f"with its weights: it has {key} {said} in .*config.json, .* has {key} {ours} from"
    ):
        started(tmp_path)


def test_attention_at_another_level_is_refused(tmp_path: Path) -> None:
    publish(tmp_path)
    configured(tmp_path, down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"])
    with pytest.raises(BadInput, match="down_block_types CrossAttnDownBlock2D, DownBlock2D in"):
        started(tmp_path)


@pytest.mark.parametrize(
    ("key", "theirs", "ours"),
    [
        ("num_attention_heads", 4, "attention_head_dim 2"),
        ("norm_num_groups", 2, "norm_num_groups 4"),
        ("up_block_types", ["UpBlockMotion", "CrossAttnUpBlockMotion"], "up_block_types CrossAttnUpBlock2D, UpBlock2D"),
    ],
)
def test_a_video_model_whose_frame_layers_compute_something_else_is_refused(
    tmp_path: Path, key: str, theirs: Any, ours: str
) -> None:
    publish(tmp_path, randomised(video_unet(), seed=6))
    configured(tmp_path, **{key: theirs})
    with pytest.raises(BadInput, match=f"it has {key} .* in .*config.json, and the frame model has {ours} from"):
        started(tmp_path)


@pytest.mark.parametrize(
    "same",
    [
        {"act_fn": "swish"},
        {"attention_head_dim": [2, 2]},
        {"cross_attention_dim": [16, 16]},
        {"reverse_transformer_layers_per_block": [1, 1]},
        {"sample_size": 64, "dropout": 0.1},
        {"_diffusers_version": "0.6.0"},
    ],
)
def test_the_same_network_written_in_another_way_is_taken(tmp_path: Path, same: dict[str, Any]) -> None:
    publish(tmp_path)
    configured(tmp_path, **same)
    assert started(tmp_path)


def test_keys_that_older_configs_do_not_have_are_at_their_defaults(tmp_path: Path) -> None:
    publish(tmp_path)
    config = tmp_path / "other" / "config.json"
    known = json.loads(config.read_text())
    for key in ("resnet_time_scale_shift", "upcast_attention", "mid_block_type", "transformer_layers_per_block"):
        del known[key]
    config.write_text(json.dumps(known))
    assert started(tmp_path)
    del known["norm_num_groups"]
    config.write_text(json.dumps(known))
    with pytest.raises(BadInput, match=r"norm_num_groups 32 in .* norm_num_groups 4 from"):
        started(tmp_path)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("absent", "is not a folder and cannot be fetched .*set it to ''"),
        ("empty", "has no config of a diffusers network at .*config.json"),
        ("text", "has no config of a diffusers network at .*config.json"),
        ("kind", "is a AutoencoderKL, not a UNet2DConditionModel or UNetMotionModel"),
        ("cut", "cannot be read .*fetch .*safetensors again"),
        ("pickle", "cannot be read .*fetch .*safetensors again"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_sentence(tmp_path: Path, fault: str, sentence: str) -> None:
    if fault != "absent":
        publish(tmp_path)
    config = tmp_path / "other" / "config.json"
    if fault == "empty":
        config.unlink()
    elif fault == "text":
        config.write_text("[]")
    elif fault == "kind":
        config.write_text(json.dumps({"_class_name": "AutoencoderKL"}))
    elif fault == "cut":
        weights(tmp_path).write_bytes(weights(tmp_path).read_bytes()[:-40])
    elif fault == "pickle":
        weights(tmp_path).unlink()
        torch.save({}, tmp_path / "other" / "diffusion_pytorch_model.bin")
    with pytest.raises(BadInput, match=sentence) as refused:
        started(tmp_path)
    assert "\n" not in str(refused.value)


def scheduled(folder: Path, prediction: Prediction) -> Path:
    """A scheduler as it is saved in a folder; its config."""
    network_scheduler(DIFFUSION.model_copy(update={"prediction": prediction})).save_pretrained(folder / "scheduler")
    return folder / "scheduler" / "scheduler_config.json"


@pytest.mark.parametrize("place", [".", "other"])
def test_a_start_whose_scheduler_says_that_it_predicts_something_else_is_refused(tmp_path: Path, place: str) -> None:
    publish(tmp_path)
    scheduled(tmp_path / place, "v")
    sentence = (
        r"^frame_model\.start 'other': the UNet predicts 'v_prediction', and diffusion\.prediction is 'epsilon'; name"
    )
    with pytest.raises(BadInput, match=sentence):
        started(tmp_path)
    assert started(tmp_path, "v")


def test_a_whole_model_s_own_scheduler_is_read_and_not_one_beside_the_model(tmp_path: Path) -> None:
    network = randomised(unet_12(), seed=5)
    network.save_pretrained(tmp_path / "other" / "unet")
    scheduled(tmp_path, "epsilon")
    scheduled(tmp_path / "other", "v")
    assert started(tmp_path, "v")
    with pytest.raises(BadInput, match="predicts 'v_prediction'"):
        started(tmp_path)


def test_without_a_scheduler_a_start_is_taken_for_any_prediction(tmp_path: Path) -> None:
    publish(tmp_path)
    assert started(tmp_path, "epsilon")
    assert started(tmp_path, "v")


@pytest.mark.parametrize(("text", "said"), [("{", "cannot be read"), ("[]", "is not a scheduler's config")])
def test_a_damaged_scheduler_config_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    publish(tmp_path)
    scheduled(tmp_path, "v").write_text(text)
    with pytest.raises(BadInput, match=f"scheduler_config.json {said}.*; restore it, or delete it") as refused:
        started(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("scale", ["tiny", "local"])
def test_scales_that_start_from_the_shipped_model_predict_what_it_does(scale: str) -> None:
    root = Path(__file__).resolve().parents[2]
    params = load_params(root, scale)
    assert params.frame_model.start == "standins/motion"
    unet = extend_conv_in(load_unet(root / "standins"))
    start = (params.frame_model.start, params.frame_model.start_revision)
    assert start_from_frame_model(unet, *start, root, params.diffusion.prediction)
    with pytest.raises(BadInput, match=r"predicts 'v_prediction', and diffusion\.prediction is 'epsilon'"):
        start_from_frame_model(unet, *start, root, "epsilon")


def handed(root: Path, frame_model: FrameModelParams, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """The network and the digest that the phase passes to the training."""
    given: list[Any] = []
    monkeypatch.setattr(frame_stage, "noise_training", lambda *arguments: given.extend(arguments))
    ctx = context(root, "frame", options={"variant": "full", "seed": "0"})
    unet_4().save_pretrained(ctx.results / "backbones" / "unet")
    frame_stage.training_of(
        ctx,
        diffusion=DIFFUSION,
        conditions=CONDITIONS,
        variants={"full": VariantParams()},
        frame=TRAINING,
        frame_model=frame_model,
        checkpoints=CHECKPOINTS,
        samples=SamplesParams(every=0, pictures=1, sampling_steps=1, guidance=1.0),
        framing=FRAMING,
        latents=LATENTS,
        sampler=SAMPLER,
        compute=COMPUTE,
    )
    return given[1], given[-1]


def test_with_a_start_the_training_starts_from_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = publish(tmp_path)
    network, digest = handed(tmp_path, STARTED, monkeypatch)
    assert torch.equal(network.conv_in.weight, published["conv_in.weight"])
    assert len(digest) == 64


def test_without_one_it_starts_as_the_widened_text_to_image_unet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, digest = handed(tmp_path, FRAME_MODEL, monkeypatch)
    assert not network.conv_in.weight[:, 4:].any()
    assert digest == ""
