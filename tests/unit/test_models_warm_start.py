"""Motion modules that start from a published adapter: all of it is taken, or it is refused with both values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import MotionAdapter, UNetMotionModel
from safetensors.torch import load_file, save_file

from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.test_models_motion_unet import GIVEN, modules
from tests.unit.tiny_models import MOTION_MODULE, STANDIN, randomised, unet_12
from tgvac.errors import BadInput
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import inflate
from tgvac.models.noise_models import frame_noise_model, video_noise_model
from tgvac.models.warm_start import start_from_adapter
from tgvac.params import load_params

pytestmark = pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument is deprecated:UserWarning")

STARTED = MOTION_MODULE.model_copy(update={"start": "adapter"})
FITTING: dict[str, Any] = {
    "block_out_channels": STANDIN.unet_channels,
    "motion_layers_per_block": STANDIN.unet_layers,
    "motion_num_attention_heads": MOTION_MODULE.heads,
    "motion_norm_num_groups": STANDIN.norm_groups,
    "motion_max_seq_length": MOTION_MODULE.max_frames,
    "use_motion_mid_block": False,
}


def publish(root: Path, dtype: torch.dtype = torch.float32, **changed: Any) -> MotionAdapter:
    """An adapter with random weights, as its authors would save it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapter = randomised(MotionAdapter(**{**FITTING, **changed}), seed=5)
    adapter.to(dtype).save_pretrained(root / "adapter")
    return adapter


def started(root: Path, params: MotionModuleParams = STARTED) -> UNetMotionModel:
    video = inflate(unet_12(), params).eval()
    start_from_adapter(video, params, root)
    return video


def test_every_module_has_the_published_weights_its_output_included(tmp_path: Path) -> None:
    published = publish(tmp_path).state_dict()
    state = started(tmp_path).state_dict()
    assert {name for name in state if ".motion_modules." in name} == set(published)
    for name, value in published.items():
        assert torch.equal(state[name], value), name
    assert any(name.endswith("proj_out.weight") and value.any() for name, value in published.items())


def test_the_result_is_what_diffusers_makes_of_the_same_two_parts(tmp_path: Path) -> None:
    adapter = publish(tmp_path)
    params = STARTED.model_copy(update={"norm": "clip"})  # as diffusers has it
    theirs = UNetMotionModel.from_unet2d(unet_12(), adapter).eval()
    with torch.no_grad():
        assert torch.equal(video_noise_model(started(tmp_path, params))(*GIVEN), video_noise_model(theirs)(*GIVEN))


def test_before_training_the_video_model_is_not_the_frame_model(tmp_path: Path) -> None:
    publish(tmp_path)
    with torch.no_grad():
        ours = video_noise_model(started(tmp_path))(*GIVEN)
        frames = frame_noise_model(unet_12())(*GIVEN)
    assert (ours - frames).abs().max() > 1e-3


def test_frame_layers_stay_as_they_are_and_frozen(tmp_path: Path) -> None:
    publish(tmp_path)
    video = started(tmp_path)
    after = dict(video.named_parameters())
    for name, parameter in unet_12().named_parameters():
        assert torch.equal(after[name], parameter), name
    assert {n for n, p in after.items() if p.requires_grad} == {n for n in after if ".motion_modules." in n}


@pytest.mark.parametrize("length", [8, 16, 40])
def test_an_adapter_made_for_another_number_of_frames_fits(tmp_path: Path, length: int) -> None:
    publish(tmp_path, motion_max_seq_length=length)
    video = started(tmp_path)
    with torch.no_grad():
        ours = video_noise_model(video)(*GIVEN)
    tables = {b.pos_embed.pe.shape[1] for m in modules(video) for b in m.transformer_blocks}
    assert tables == {MOTION_MODULE.max_frames}
    publish(tmp_path)
    with torch.no_grad():
        assert torch.equal(ours, video_noise_model(started(tmp_path))(*GIVEN))


def test_a_module_of_the_middle_block_is_left_out(tmp_path: Path) -> None:
    publish(tmp_path, use_motion_mid_block=True)
    video = started(tmp_path)
    assert not modules(video.mid_block)
    assert any(".mid_block" in f".{name}" for name in weights(tmp_path))


def test_an_adapter_in_half_precision_is_taken_as_float32(tmp_path: Path) -> None:
    published = publish(tmp_path, torch.float16).state_dict()
    state = started(tmp_path).state_dict()
    for name, value in published.items():
        assert state[name].dtype == torch.float32
        assert name.endswith(".pe") or torch.equal(state[name], value.float())


def test_the_digest_depends_on_the_weights_and_not_on_their_folder(tmp_path: Path) -> None:
    publish(tmp_path / "one")
    publish(tmp_path / "two")
    video = inflate(unet_12(), STARTED)
    first = start_from_adapter(video, STARTED, tmp_path / "one")
    assert start_from_adapter(video, STARTED, tmp_path / "two") == first
    state = weights(tmp_path / "two")
    state["down_blocks.0.motion_modules.0.proj_in.bias"] += 1
    save_file(state, file(tmp_path / "two"), {"format": "pt"})
    assert start_from_adapter(video, STARTED, tmp_path / "two") != first


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"block_out_channels": (16, 64)}, "has 16, 64 channels, the UNet 16, 32; name an adapter"),
        ({"block_out_channels": (16, 32, 32)}, "has 16, 32, 32 channels, the UNet 16, 32;"),
        ({"motion_layers_per_block": 2}, "has 2 layers a level, the UNet 1;"),
        ({"motion_num_attention_heads": 4}, r"has 4 heads, motion_module\.heads 2;"),
        ({"motion_transformer_layers_per_block": 2}, "has 2 blocks a module, AnimateDiff 1;"),
        ({"motion_norm_num_groups": 8}, "has 8 groups of normalisation, the UNet 4;"),
        ({"conv_in_channels": 9}, "has 9 input channels of its own, AnimateDiff 0;"),
    ],
)
def test_an_adapter_made_for_another_unet_is_refused_with_both_values(
    tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    publish(tmp_path, **changed)
    with pytest.raises(BadInput, match=f"^motion_module.start 'adapter' {sentence}"):
        started(tmp_path)


def file(root: Path) -> Path:
    return root / "adapter" / "diffusion_pytorch_model.safetensors"


def weights(root: Path) -> dict[str, torch.Tensor]:
    """A copy in memory, since the file is written again."""
    return {name: value.clone() for name, value in load_file(file(root)).items()}


@pytest.mark.parametrize("fault", ["missing", "unknown", "size"])
def test_weights_that_do_not_fit_their_own_config_are_refused(tmp_path: Path, fault: str) -> None:
    publish(tmp_path)
    state = weights(tmp_path)
    name = "up_blocks.1.motion_modules.1.proj_out.weight"
    value = state.pop(name)
    if fault == "unknown":
        state |= {name: value, "up_blocks.9.extra": value.clone()}
    elif fault == "size":
        state[name] = value[:4].clone()
    save_file(state, file(tmp_path), {"format": "pt"})
    first = "up_blocks.9.extra" if fault == "unknown" else name
    with pytest.raises(BadInput, match=f"does not fit its own config.json: 1 of its tensors .*{first}.*fetch"):
        started(tmp_path)


def test_positions_that_are_not_sinusoidal_are_refused(tmp_path: Path) -> None:
    publish(tmp_path)
    state = weights(tmp_path)
    name = "down_blocks.0.motion_modules.0.transformer_blocks.0.pos_embed.pe"
    save_file(state | {name: state[name] + 0.5}, file(tmp_path), {"format": "pt"})
    with pytest.raises(BadInput, match=r"positions in down_blocks\.0.*that are not sinusoidal.*; name an adapter"):
        started(tmp_path)


@pytest.mark.parametrize("fault", ["absent", "no weights", "cut", "pickle"])
def test_what_cannot_be_loaded_is_refused_in_one_sentence(tmp_path: Path, fault: str) -> None:
    if fault != "absent":
        publish(tmp_path)
    if fault == "cut":
        file(tmp_path).write_bytes(file(tmp_path).read_bytes()[:-40])
    if fault in ("no weights", "pickle"):
        file(tmp_path).unlink()
    if fault == "pickle":
        torch.save({}, tmp_path / "adapter" / "diffusion_pytorch_model.bin")
    with pytest.raises(
        BadInput, match=r"^motion_module\.start 'adapter' cannot be loaded .*set it to '' to start"
    ) as refused:
        started(tmp_path)
    assert "\n" not in str(refused.value)


def test_another_kind_of_network_is_refused(tmp_path: Path) -> None:
    unet_12().save_pretrained(tmp_path / "adapter")
    with pytest.raises(
        BadInput, match="is a UNet2DConditionModel, not a MotionAdapter or a UNetMotionModel; name a motion"
    ):
        started(tmp_path)


def test_a_start_needs_the_block_that_it_was_published_with(tmp_path: Path) -> None:
    overlay(copy_params(tmp_path), "motion_module: {start: some/adapter}\n")
    message = refusal(tmp_path)
    assert "start 'some/adapter' has modules of block 'animatediff', and block is 'paper'" in message


def test_safe_starts_from_the_published_adapter_where_widths_are_stable_diffusion_s(tmp_path: Path) -> None:
    root = copy_params(tmp_path)
    assert load_params(root, "small").motion_module.start == "guoyww/animatediff-motion-adapter-v1-5-2"
    for path in (root / "workflow" / "scales").glob("*.yaml"):
        params = load_params(root, path.stem)
        published = params.motion_module.start not in ("", "standins/motion")
        assert params.backbones.origin == "pretrained" or not published, path.stem
    assert json.loads(load_params(root, "paper").motion_module.model_dump_json())["start"] == ""


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
def test_motion_modules_start_from_those_of_a_video_model_and_its_frame_layers_are_left(
    tmp_path: Path, half: bool
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        other = randomised(inflate(unet_12(), MOTION_MODULE), seed=3)
    (other.half() if half else other).save_pretrained(tmp_path / "adapter")
    state, mine = started(tmp_path).state_dict(), unet_12().state_dict()
    for name, value in other.state_dict().items():
        if name.endswith(".pos_embed.pe"):
            # A constant table: the model's own, which half precision would only round.
            assert torch.allclose(state[name], value.float(), atol=1e-3), name
        elif ".motion_modules." in name:
            assert torch.equal(state[name], value.float()), name
    assert torch.equal(state["conv_in.weight"], mine["conv_in.weight"])
    assert not torch.equal(other.state_dict()["conv_in.weight"].float(), mine["conv_in.weight"])


def test_a_video_model_with_other_motion_modules_is_refused_by_the_first_difference(tmp_path: Path) -> None:
    wide = MOTION_MODULE.model_copy(update={"block": "paper"})
    inflate(unet_12(), wide).save_pretrained(tmp_path / "adapter")
    with pytest.raises(BadInput, match=r"motion_module\.start 'adapter' (has other motion modules|is a |does not fit)"):
        started(tmp_path)
