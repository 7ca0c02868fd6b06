"""A call of the pipeline: its arguments mean what they mean in diffusers, and each bad one is refused by name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.tiny_models import SAMPLER, STANDIN, video
from tests.unit.tiny_pipeline import PROMPT, SEED, VIDEO, by_hand, latents, rgb, tiny_pipeline
from tgvac.completion import pipeline as module
from tgvac.completion.pipeline import VideoAmodalCompletionPipeline
from tgvac.errors import BadInput
from tgvac.models.latents import decode_images
from tgvac.models.noise_models import NoiseModel, video_noise_model
from tgvac.sampling.params import FAST


@pytest.fixture(scope="module")
def pipe() -> VideoAmodalCompletionPipeline:
    return tiny_pipeline()


def refused(pipe: VideoAmodalCompletionPipeline, message: str, **call: Any) -> None:
    with pytest.raises(BadInput, match=message):
        pipe(*VIDEO, PROMPT, **call)


def test_latents_are_those_of_the_formulas_and_pictures_are_decoded_from_them(
    pipe: VideoAmodalCompletionPipeline,
) -> None:
    found = latents(pipe)
    torch.testing.assert_close(found, by_hand(), rtol=0, atol=1e-4)
    assert np.array_equal(rgb(pipe), decode_images(pipe.vae, found, 4))


def test_a_negative_prompt_is_what_guidance_goes_away_from(pipe: VideoAmodalCompletionPipeline) -> None:
    found = latents(pipe, negative_prompt="a brown cat")
    torch.testing.assert_close(found, by_hand("a brown cat"), rtol=0, atol=1e-4)
    assert float((found - by_hand()).abs().max()) > 1e-2
    assert torch.equal(latents(pipe, negative_prompt=""), latents(pipe))


def test_a_negative_prompt_equal_to_the_prompt_leaves_the_prompt_alone(pipe: VideoAmodalCompletionPipeline) -> None:
    assert torch.equal(latents(pipe, negative_prompt=PROMPT), latents(pipe, guidance_scale=1))


def test_a_negative_prompt_without_effect_is_refused(pipe: VideoAmodalCompletionPipeline) -> None:
    refused(
        pipe, "^negative_prompt has no effect with a guidance_scale of 1", negative_prompt="a cat", guidance_scale=1
    )
    without_text = tiny_pipeline(text=False)
    refused(without_text, "^negative_prompt is given, and this model was trained without text", negative_prompt="a cat")


def test_a_generator_gives_one_seed_a_call(pipe: VideoAmodalCompletionPipeline) -> None:
    given, drawn = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    seeds = [int(torch.randint(2**63 - 1, (1,), generator=drawn)) for _ in range(2)]
    first, second = (rgb(pipe, seed=None, generator=given) for _ in range(2))
    assert np.array_equal(first, rgb(pipe, seed=seeds[0]))
    assert np.array_equal(second, rgb(pipe, seed=seeds[1]))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, rgb(pipe, seed=None, generator=given.manual_seed(5)))


def test_without_seed_and_generator_the_seed_is_0(pipe: VideoAmodalCompletionPipeline) -> None:
    assert np.array_equal(rgb(pipe, seed=None), rgb(pipe, seed=0))
    assert not np.array_equal(rgb(pipe, seed=1), rgb(pipe, seed=0))


def test_a_refused_call_takes_nothing_from_the_generator(pipe: VideoAmodalCompletionPipeline) -> None:
    given = torch.Generator().manual_seed(5)
    before = given.get_state()
    refused(pipe, "stride", generator=given, stride=5)
    with pytest.raises(BadInput, match="empty in every frame"):
        pipe(VIDEO[0], np.zeros_like(VIDEO[1]), PROMPT, generator=given)
    assert torch.equal(given.get_state(), before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"generator": [torch.Generator()]}, "^generator is a list, and a call completes one video; give one"),
        ({"generator": 5}, "^generator is 5; give a torch.Generator"),
        ({"generator": torch.Generator(), "seed": 0}, "^Both seed 0 and a generator are given; give one"),
        ({"clip_length": 17}, "^clip_length 17 is longer than the 16 frames that .* positions for; give at most 16"),
        ({"clip_length": 0}, "^clip_length is 0; give a whole number"),
        ({"clip_length": 1}, "^stride 2 is longer than the clip_length 1, .* give a stride of at most 1"),
        ({"stride": 5}, "^stride 5 is longer than the clip_length 4"),
        ({"stride": 2, "fast": True}, "^stride has no effect with fast"),
        ({"output_type": "numpy"}, "^output_type is 'numpy'; give one of np, pil, pt, latent"),
        ({"callback_on_step_end": 3}, "^callback_on_step_end is 3; give a function"),
        ({"callback_on_step_end_tensor_inputs": ["prompt_embeds"]}, "names 'prompt_embeds', .* known are: latents"),
        ({"callback_on_step_end_tensor_inputs": "latents"}, "is 'latents'; give a list"),
        ({"callback_on_step_end": lambda *_: None}, "returned NoneType at step 0; return the dict"),
        ({"callback_on_step_end": lambda *_: {"image": 0}}, "returned 'image' at step 0; only latents"),
        (
            {"callback_on_step_end": lambda *_: {"latents": torch.zeros(2)}},
            r"latents \[2\] at step 0; return a tensor \[4",
        ),
        ({"callback_on_step_end": lambda *_: {"latents": None}}, "returned latents NoneType at step 0"),
    ],
)
def test_bad_arguments_are_refused_by_name(
    pipe: VideoAmodalCompletionPipeline, call: dict[str, Any], message: str
) -> None:
    refused(pipe, message, **call)


def test_clip_length_and_stride_are_those_of_the_sampler(pipe: VideoAmodalCompletionPipeline) -> None:
    completer = pipe.completer(stride=np.int64(3), clip_length=np.int64(5), guidance_scale=np.float32(2.5))
    assert completer.sampler == SAMPLER.model_copy(update={"clip_frames": 5, "stride": 3, "guidance": 2.5})


def test_fast_sets_the_preset_and_other_arguments_go_before_it(pipe: VideoAmodalCompletionPipeline) -> None:
    # The model's own steps are fewer than the preset's.
    fast = SAMPLER.model_copy(update={**FAST, "steps": SAMPLER.steps})
    assert pipe.completer(fast=True).sampler == fast
    changed = pipe.completer(4, 2.0, clip_length=1, fast=True).sampler
    # Windows that do not overlap need no stride.
    assert changed == fast.model_copy(update={"steps": 4, "guidance": 2.0, "clip_frames": 1, "stride": 1})
    assert np.isfinite(latents(pipe, num_inference_steps=2, fast=True).numpy()).all()


@pytest.mark.parametrize(("length", "frames"), [(2, 2), (16, 5)])
def test_windows_are_as_long_as_the_call_says_or_as_the_video(
    length: int, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()

    def noted(network: Any) -> NoiseModel:
        model = video_noise_model(network)

        def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
            seen.add(x_BCFhw.shape[2])
            return model(x_BCFhw, t_B, text_BND)

        return predict

    monkeypatch.setattr(module, "video_noise_model", noted)
    tiny_pipeline()(*video(5, 32, 32), PROMPT, clip_length=length, stride=2, num_inference_steps=2)
    assert seen == {frames}


def test_relative_positions_have_no_longest_clip() -> None:
    pipe = tiny_pipeline("paper")
    assert pipe.completer(clip_length=99).sampler.clip_frames == 99


def test_the_callback_is_given_each_step_as_in_diffusers(pipe: VideoAmodalCompletionPipeline) -> None:
    seen: list[tuple[Any, int, int]] = []
    each: list[torch.Tensor] = []

    def callback(given: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        assert (given.num_timesteps, given.guidance_scale) == (SAMPLER.steps, SAMPLER.guidance)
        seen.append((given, step, timestep))
        each.append(kwargs["latents"].clone())
        return kwargs

    found = latents(pipe, callback_on_step_end=callback)
    assert seen == [(pipe, 0, 751), (pipe, 1, 501), (pipe, 2, 251), (pipe, 3, 1)]
    by_hands: list[torch.Tensor] = []
    by_hand(after_step=lambda index, z: by_hands.append(z) or z)
    torch.testing.assert_close(torch.stack(each), torch.stack(by_hands), rtol=0, atol=1e-4)
    assert torch.equal(found, each[-1])
    assert torch.equal(found, latents(pipe))


def test_without_tensor_inputs_the_callback_is_given_none(pipe: VideoAmodalCompletionPipeline) -> None:
    given: list[dict[str, Any]] = []

    def callback(_: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        given.append(kwargs)
        return kwargs

    rgb(pipe, callback_on_step_end=callback, callback_on_step_end_tensor_inputs=[])
    assert given == [{}] * SAMPLER.steps


def test_latents_that_the_callback_returns_are_gone_on_with(pipe: VideoAmodalCompletionPipeline) -> None:
    def callback(_: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"latents": (kwargs["latents"] * 0.5).double()} if step == 1 else kwargs

    found = latents(pipe, callback_on_step_end=callback)
    expected = by_hand(after_step=lambda index, z: z * 0.5 if index == 1 else z)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert found.dtype == torch.float32
    assert float((found - latents(pipe)).abs().max()) > 1e-2


def test_an_interrupted_call_returns_the_latents_of_its_last_step(pipe: VideoAmodalCompletionPipeline) -> None:
    steps: list[int] = []

    def callback(given: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        steps.append(step)
        given._interrupt = step == 1
        return kwargs

    each: list[torch.Tensor] = []
    by_hand(after_step=lambda index, z: each.append(z) or z)
    torch.testing.assert_close(latents(pipe, callback_on_step_end=callback), each[1], rtol=0, atol=1e-4)
    assert steps == [0, 1]
    assert len(latents(pipe)) == 4  # the next call runs to its end
    assert not pipe.interrupt


def test_guidance_that_the_callback_changes_is_refused(pipe: VideoAmodalCompletionPipeline) -> None:
    def callback(given: Any, step: int, timestep: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        given._guidance_scale = 0.0
        return kwargs

    refused(pipe, "changed the guidance at step 0, which this pipeline keeps", callback_on_step_end=callback)


def test_callbacks_of_diffusers_that_need_other_tensors_are_refused(pipe: VideoAmodalCompletionPipeline) -> None:
    from diffusers.callbacks import SDCFGCutoffCallback

    refused(pipe, "names 'prompt_embeds'", callback_on_step_end=SDCFGCutoffCallback(cutoff_step_ratio=0.5))


def test_all_kinds_of_output_show_the_same_completion(pipe: VideoAmodalCompletionPipeline) -> None:
    done = pipe(*VIDEO, PROMPT, seed=SEED)
    assert done.rgb_FHW3.shape == VIDEO[0].shape
    images = pipe(*VIDEO, PROMPT, seed=SEED, output_type="pil")
    assert [image.mode for image in (images.rgb[0], images.amodal[0], images.rgba[0])] == ["RGB", "L", "RGBA"]
    for name, expected in (("rgb", done.rgb_FHW3), ("amodal", done.amodal_FHW), ("rgba", done.rgba_FHW4)):
        assert all(isinstance(image, Image.Image) for image in getattr(images, name))
        assert np.array_equal(np.stack([np.asarray(image) for image in getattr(images, name)]), expected)
    tensors = pipe(*VIDEO, PROMPT, seed=SEED, output_type="pt")
    assert tensors.rgb_F3HW.dtype == tensors.amodal_F1HW.dtype == torch.float32
    assert tensors.rgba_F4HW.shape == (4, 4, 32, 32)
    assert float(tensors.rgba_F4HW.min()) >= 0
    assert float(tensors.rgba_F4HW.max()) <= 1
    assert np.array_equal((tensors.rgba_F4HW * 255).round().byte().permute(0, 2, 3, 1).numpy(), done.rgba_FHW4)


def test_without_return_dict_the_fields_are_a_tuple(pipe: VideoAmodalCompletionPipeline) -> None:
    done = pipe(*VIDEO, PROMPT, seed=SEED)
    rgb_FHW3, amodal_FHW = pipe(*VIDEO, PROMPT, seed=SEED, return_dict=False)
    assert np.array_equal(rgb_FHW3, done.rgb_FHW3)
    assert np.array_equal(amodal_FHW, done.amodal_FHW)
    (z_Fchw,) = pipe(*VIDEO, PROMPT, seed=SEED, output_type="latent", return_dict=False)
    assert torch.equal(z_Fchw, latents(pipe))


def test_one_frame_of_any_kind_is_completed(pipe: VideoAmodalCompletionPipeline) -> None:
    frame, mask = Image.fromarray(VIDEO[0][0]), VIDEO[1][0] > 0
    done = pipe(frame, mask, PROMPT)
    assert done.rgb_FHW3.shape == (1, 32, 32, 3)
    again = pipe(torch.from_numpy(VIDEO[0][:1]), torch.from_numpy(VIDEO[1][:1]), PROMPT)
    assert np.array_equal(again.rgb_FHW3, done.rgb_FHW3)


def test_what_the_encoder_does_not_read_of_either_text_is_said(pipe: VideoAmodalCompletionPipeline) -> None:
    long = " ".join(["a brown dog"] * STANDIN.text_tokens)
    with pytest.warns(UserWarning, match="does not read the end of prompt: '.*brown dog'; shorten it") as said:
        pipe(*VIDEO, long)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="does not read the end of negative_prompt: '.*brown dog'; shorten it"):
        pipe(*VIDEO, PROMPT, negative_prompt=long)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe(*VIDEO, PROMPT, negative_prompt="a brown cat")
