"""The pipeline in less memory: half precision, offload to the CPU, slices; and which weights it is loaded from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import accelerate
import numpy as np
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, CpuOffload, SequentialHook
from safetensors.torch import load_file
from torch import nn

from tests.unit.tiny_pipeline import latents, rgb, tiny_pipeline
from tgvac.complete.model import Asked, load_model
from tgvac.complete.squares import Diffusing
from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
from tgvac.completion.pipeline_files import only_variant
from tgvac.completion.placed import in_precision
from tgvac.errors import BadInput

PARTS = ("vae", "text_encoder", "unet", "motion_adapter")


def cast(pipe: VideoAmodalCompletionPipeline, dtype: torch.dtype, parts: tuple[str, ...] = PARTS) -> Any:
    for part in parts:
        nn.Module.to(getattr(pipe, part), dtype)
    return pipe


@pytest.mark.parametrize("block", ["animatediff", "paper"])
@pytest.mark.parametrize(("dtype", "near"), [(torch.bfloat16, 0.03), (torch.float16, 0.004)], ids=["bf16", "fp16"])
def test_half_precision_is_close_to_float32(block: str, dtype: torch.dtype, near: float) -> None:
    exact = latents(tiny_pipeline(block))
    half = cast(tiny_pipeline(block), dtype)
    found = latents(half)
    assert found.dtype == torch.float32
    assert 0 < float((found - exact).square().mean().sqrt()) < near * float(exact.std())
    assert rgb(half).std() > 1


def test_only_what_goes_into_networks_is_half() -> None:
    half, seen = cast(tiny_pipeline(), torch.bfloat16), []

    def callback(pipe: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        seen.append(kwargs["latents"])
        return kwargs

    latents(half, callback_on_step_end=callback)
    for z in seen:
        assert z.dtype == torch.float32
        assert not torch.equal(z, z.bfloat16().float())


def test_a_model_in_half_precision_takes_and_returns_float32() -> None:
    given: list[torch.dtype] = []

    def network(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        given.extend([x_BCFhw.dtype, t_B.dtype, text_BND.dtype])
        return x_BCFhw

    model = in_precision(lambda each: each, torch.bfloat16)(network)
    assert (
        model(torch.ones(1, 12, 2, 4, 4), torch.ones(1, dtype=torch.long), torch.ones(1, 3, 8)).dtype == torch.float32
    )
    assert given == [torch.bfloat16, torch.long, torch.bfloat16]


def test_each_network_may_have_its_own_precision() -> None:
    mixed = rgb(cast(tiny_pipeline(), torch.bfloat16, ("unet", "motion_adapter")))
    assert not np.array_equal(mixed, rgb(tiny_pipeline()))
    assert np.abs(mixed.astype(int) - rgb(tiny_pipeline())).mean() < 3


def test_precisions_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match=r"^The vae is in torch\.float64; load the pipeline with dtype float32"):
        rgb(cast(tiny_pipeline(), torch.float64, ("vae",)))
    with pytest.raises(BadInput, match=r"^The unet is in torch\.bfloat16, its motion_adapter in torch\.float32; load"):
        rgb(cast(tiny_pipeline(), torch.bfloat16, ("unet",)))


@pytest.mark.parametrize("layer", ["quant_conv", "decoder"])
def test_an_autoencoder_that_overflows_is_refused_and_works_in_float32(layer: str) -> None:
    pipe = cast(tiny_pipeline(), torch.float16)
    convolution = pipe.vae.quant_conv if layer == "quant_conv" else pipe.vae.decoder.conv_out
    with torch.no_grad():
        convolution.bias.fill_(6e4)
        convolution.weight.fill_(6e4)
    with pytest.raises(
        BadInput, match=r"numbers are not finite in torch\.float16; call pipe\.vae\.to\(torch\.float32\)"
    ):
        rgb(pipe)
    if layer == "decoder":
        rgb(cast(pipe, torch.float32, ("vae",)))


def test_latents_that_overflow_in_half_precision_are_refused_with_the_remedy() -> None:
    pipe = cast(tiny_pipeline(), torch.float16)
    with torch.no_grad():
        pipe.unet.conv_out.weight.fill_(6e4)
    with pytest.raises(
        BadInput, match=r"^Sampling ended .* not finite in torch\.float16; load .* in bfloat16 or float32"
    ):
        rgb(pipe)


def test_the_networks_in_the_call_are_those_of_the_pipeline() -> None:
    pipe = tiny_pipeline()
    before = rgb(pipe)
    with torch.no_grad():
        pipe.unet.conv_out.bias.add_(0.5)
    assert not np.array_equal(rgb(pipe), before)


@pytest.fixture
def offload(monkeypatch: pytest.MonkeyPatch) -> str:
    """The device to offload from, so that the hooks run without a GPU.

    diffusers makes cpu:0 of it. To accelerate this is another device than cpu, and a parameter that is moved between
    the two becomes a plain tensor. Between a CPU and a GPU this does not happen.
    """
    place = accelerate.hooks.set_module_tensor_to_device

    def placed(module: nn.Module, name: str, device: Any, *args: Any, **kwargs: Any) -> None:
        place(module, name, torch.device(torch.device(device).type), *args, **kwargs)

    monkeypatch.setattr(accelerate.hooks, "set_module_tensor_to_device", placed)
    return "cpu"


def hooks_of(module: Any) -> list[Any]:
    hook = module._hf_hook
    return list(hook.hooks) if isinstance(hook, SequentialHook) else [hook]


@pytest.mark.parametrize("block", ["animatediff", "paper"])
def test_with_model_offload_networks_are_called_in_order_with_the_same_result(
    block: str, offload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, pipe = rgb(tiny_pipeline(block)), tiny_pipeline(block)
    pipe.enable_model_cpu_offload(device=offload)
    assert pipe._execution_device == torch.device("cpu:0")
    names = {id(getattr(pipe, part)): part for part in PARTS}
    woken: list[str] = []
    pre_forward = CpuOffload.pre_forward

    def noted(hook: CpuOffload, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not woken or woken[-1] != names[id(module)]:
            woken.append(names[id(module)])
        return pre_forward(hook, module, *args, **kwargs)

    monkeypatch.setattr(CpuOffload, "pre_forward", noted)
    assert np.array_equal(rgb(pipe), expected)
    # Two windows at once, so one call of the networks a step.
    assert woken == ["vae", "text_encoder", *["unet", "motion_adapter"] * 4, "vae"]
    sent_back = {
        part: None if (before := hooks_of(getattr(pipe, part))[0].prev_module_hook) is None else names[id(before.model)]
        for part in PARTS
    }
    # The motion adapter's hook must not send back the UNet, whose weights are in use.
    assert sent_back == {"text_encoder": None, "unet": "text_encoder", "vae": "unet", "motion_adapter": None}
    assert np.array_equal(rgb(pipe), expected)


@pytest.mark.parametrize("block", ["animatediff", "paper"])
def test_with_sequential_offload_each_layer_waits_on_the_cpu_with_the_same_result(block: str, offload: str) -> None:
    expected, pipe = rgb(tiny_pipeline(block)), tiny_pipeline(block)
    pipe.enable_sequential_cpu_offload(device=offload)
    assert pipe._execution_device == torch.device("cpu:0")
    for module in pipe._in_layers.modules():
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        assert all(each.device.type == "meta" for each in own)
        if own:
            assert any(isinstance(hook, AlignDevicesHook) and hook.offload for hook in hooks_of(module))
    assert np.array_equal(rgb(pipe), expected)
    assert np.array_equal(rgb(pipe), expected)
    pipe.enable_model_cpu_offload(device=offload)
    assert np.array_equal(rgb(pipe), expected)
    pipe.enable_sequential_cpu_offload(device=offload)
    assert np.array_equal(rgb(pipe), expected)
    pipe.remove_all_hooks()
    assert np.array_equal(rgb(pipe), expected)


def test_half_precision_and_offload_go_together(offload: str) -> None:
    expected = rgb(cast(tiny_pipeline(), torch.bfloat16))
    pipe = cast(tiny_pipeline(), torch.bfloat16)
    pipe.enable_sequential_cpu_offload(device=offload)
    assert np.array_equal(rgb(pipe), expected)


def test_slices_of_the_autoencoder_are_single_images() -> None:
    pipe, sizes = tiny_pipeline(), []
    expected = rgb(pipe)
    pipe.enable_vae_slicing()
    for layer in (pipe.vae.encoder.conv_in, pipe.vae.decoder.conv_in):
        layer.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    sliced = rgb(pipe)
    assert sizes == [1] * 12  # four frames, four masks, four pictures
    assert np.abs(sliced.astype(int) - expected).max() <= 1
    pipe.disable_vae_slicing()
    assert np.array_equal(rgb(pipe), expected)


def test_tiles_of_the_autoencoder_are_smaller_than_the_picture() -> None:
    pipe, sizes = tiny_pipeline(), []
    expected = rgb(pipe)
    pipe.enable_vae_tiling()
    pipe.vae.tile_sample_min_size, pipe.vae.tile_latent_min_size = 16, 4
    for layer in (pipe.vae.encoder.conv_in, pipe.vae.decoder.conv_in):
        layer.register_forward_hook(lambda _, given, __: sizes.append(given[0].shape[-1]))
    assert rgb(pipe).shape == expected.shape
    assert max(sizes) == 16
    pipe.disable_vae_tiling()
    assert np.array_equal(rgb(pipe), expected)


def test_slices_of_attention_are_not_made_and_that_is_said() -> None:
    pipe = tiny_pipeline()
    expected = rgb(pipe)
    with pytest.warns(UserWarning, match="does not slice attention") as said:
        pipe.enable_attention_slicing()
    assert len(said) == 1
    assert np.array_equal(rgb(pipe), expected)
    pipe.disable_attention_slicing()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of plain weights, and one of the variant fp16 alone."""
    root = tmp_path_factory.mktemp("folders")
    tiny_pipeline().save_pretrained(root / "plain")
    cast(tiny_pipeline(), torch.float16).save_pretrained(root / "fp16", variant="fp16")
    return root / "plain", root / "fp16"


@pytest.mark.parametrize("dtype", [None, torch.float16, torch.bfloat16], ids=["default", "f16", "bf16"])
def test_a_folder_of_half_weights_is_loaded_as_a_variant(folders: tuple[Path, Path], dtype: torch.dtype | None) -> None:
    plain, half = folders
    assert not list(half.glob("*/*model.safetensors"))
    more = {} if dtype is None else {"dtype": dtype}
    pipe = VideoAmodalCompletionPipeline.from_pretrained(half, variant="fp16", **more)
    dtype = dtype or torch.float32
    assert {getattr(pipe, part).dtype for part in PARTS} == {dtype}
    rounded = load_file(plain / "unet" / "diffusion_pytorch_model.safetensors")["conv_in.weight"].half()
    assert torch.equal(pipe.unet.conv_in.weight, rounded.to(dtype))
    pipe.set_progress_bar_config(disable=True)
    assert np.abs(rgb(pipe).astype(int) - rgb(tiny_pipeline())).mean() < 3


def test_diffusers_former_name_of_dtype_works(folders: tuple[Path, Path]) -> None:
    with pytest.warns(FutureWarning, match="torch_dtype"):
        pipe = VideoAmodalCompletionPipeline.from_pretrained(folders[0], torch_dtype=torch.bfloat16)
    assert pipe.unet.dtype == torch.bfloat16


def missing(folder: Path, message: str, **more: Any) -> None:
    with pytest.raises(BadInput, match=message):
        VideoAmodalCompletionPipeline.from_pretrained(folder, **more)


def test_missing_weights_are_named_with_those_that_are_there(folders: tuple[Path, Path], tmp_path: Path) -> None:
    plain, half = folders
    missing(
        plain,
        r"unet/diffusion_pytorch_model\.fp16\.safetensors does not exist; load the folder with no variant, whose",
        variant="fp16",
    )
    missing(half, r"unet/diffusion_pytorch_model\.safetensors does not exist; load the folder with variant='fp16'")
    some = Path(shutil.copytree(half, tmp_path / "some"))
    (some / "text_encoder" / "model.fp16.safetensors").unlink()
    missing(some, r"text_encoder/model\.fp16\.safetensors does not exist; make the folder again", variant="fp16")
    given = tiny_pipeline().text_encoder
    VideoAmodalCompletionPipeline.from_pretrained(some, variant="fp16", text_encoder=given)


def test_a_part_in_several_files_is_whole_or_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    split = Path(shutil.copytree(folders[1], tmp_path / "split"))
    shutil.rmtree(split / "unet")
    nn.Module.to(tiny_pipeline().unet, torch.float16).save_pretrained(
        split / "unet", variant="fp16", max_shard_size="40KB"
    )
    shards = sorted((split / "unet").glob("*.fp16-*.safetensors"))
    assert len(shards) > 1
    VideoAmodalCompletionPipeline.from_pretrained(split, variant="fp16")
    missing(split, r"unet/diffusion_pytorch_model\.safetensors does not exist; load .* variant='fp16'")
    shards[-1].unlink()
    missing(split, r"unet/diffusion_pytorch_model\.fp16\.safetensors does not exist; make", variant="fp16")


def test_the_variant_of_a_folder_is_the_one_that_it_has(folders: tuple[Path, Path], tmp_path: Path) -> None:
    assert only_variant(folders[0]) is None
    assert only_variant(folders[1]) == "fp16"
    both = Path(shutil.copytree(folders[1], tmp_path / "both"))
    shutil.copytree(folders[0], both, dirs_exist_ok=True)
    assert only_variant(both) is None
    assert only_variant(tmp_path) is None


def test_tgvac_complete_takes_a_folder_of_half_weights(folders: tuple[Path, Path]) -> None:
    completer = load_model(folders[1], str(folders[1]), Asked(steps=3), "cpu").completer
    assert isinstance(completer, Diffusing)
    found = completer.model
    assert found.sampler.steps == 3
    assert {found.backbones.vae.vae.dtype, found.backbones.text_encoder.text_encoder.dtype} == {torch.float32}
