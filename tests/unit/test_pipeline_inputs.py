"""What people give the pipeline: converted where its meaning is plain, refused in one sentence before it computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.tiny_models import tokenizer
from tgvac.completion.pipeline_inputs import check_call, frames_of, masks_of
from tgvac.errors import BadInput
from tgvac.models.text import unread

FRAMES = np.random.default_rng(1).integers(0, 256, (3, 6, 8, 3), np.uint8)
MASKS = np.zeros((3, 6, 8), np.uint8)
MASKS[:, 1:4, 2:6] = 255

VIDEOS: dict[str, Any] = {
    "array": FRAMES,
    "int64": FRAMES.astype(np.int64),
    "floats": FRAMES / 255.0,
    "PIL": [Image.fromarray(frame) for frame in FRAMES],
    "RGBA": [Image.fromarray(frame).convert("RGBA") for frame in FRAMES],
    "list of arrays": list(FRAMES),
    "tensor": torch.from_numpy(FRAMES),
    "tensor, channels first": torch.from_numpy(FRAMES).permute(0, 3, 1, 2),
    "float tensor": torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float() / 255,
    "half tensor": (torch.from_numpy(FRAMES).double() / 255),
    "list of tensors": list(torch.from_numpy(FRAMES)),
}
KINDS: dict[str, Any] = {
    "array": MASKS,
    "0 and 1": MASKS // 255,
    "boolean": MASKS > 0,
    "floats": MASKS / 255.0,
    "with a channel": MASKS[..., None],
    "channel first": MASKS[:, None],
    "PIL": [Image.fromarray(mask) for mask in MASKS],
    "PIL of one bit": [Image.fromarray(mask).convert("1") for mask in MASKS],
    "tensor": torch.from_numpy(MASKS),
    "boolean tensor": torch.from_numpy(MASKS) > 0,
    "float tensor": torch.from_numpy(MASKS).float() / 255,
}


@pytest.mark.parametrize("kind", VIDEOS)
def test_videos_of_every_kind_are_the_same_frames(kind: str) -> None:
    found = frames_of(VIDEOS[kind])
    assert found.dtype == np.uint8
    assert np.array_equal(found, FRAMES)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_every_kind_are_the_same_masks(kind: str) -> None:
    found = masks_of(KINDS[kind], FRAMES)
    assert found.dtype == np.uint8
    assert np.array_equal(found, MASKS)


def test_one_frame_is_a_video() -> None:
    for one in (FRAMES[0], Image.fromarray(FRAMES[0]), torch.from_numpy(FRAMES[0])):
        assert np.array_equal(frames_of(one), FRAMES[:1])
    assert np.array_equal(masks_of(MASKS[0], FRAMES[:1]), MASKS[:1])
    assert np.array_equal(masks_of(Image.fromarray(MASKS[0]), FRAMES[:1]), MASKS[:1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a.mp4", "The frames are str; give a list of PIL images"),
        ([], "The frames are list; give a list of PIL images"),
        (FRAMES[:, None], r"The frames are uint8 \[3, 1, 6, 8, 3\]; give RGB frames"),
        (FRAMES[:0], r"so there is no pixel"),
        (FRAMES.astype(float), r"The frames are float64 from 0 to 255; give uint8, or floats in \[0, 1\]"),
        (FRAMES.astype(int) + 9, "The frames are int64 from 9 to 264"),
        (np.full((1, 4, 4, 3), np.nan), "have numbers that are not finite"),
        (FRAMES > 9, "The frames are bool; give uint8"),
        ([FRAMES[0], FRAMES[1][:, :4]], r"The frames have different shapes, \(6, 4, 3\) and \(6, 8, 3\)"),
        (None, "The frames are NoneType"),
    ],
)
def test_what_is_no_video_is_refused(given: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        frames_of(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (MASKS[:2], "There are 2 masks for 3 frames; give one mask a frame"),
        (MASKS[:, :4], r"The masks are uint8 \[3, 4, 8\], the frames 8x6"),
        (MASKS.astype(int) * 2, "The masks have values from 0 to 510"),
        (np.full((3, 6, 8), 7), "neither 0 and 1 nor 0 and 255"),
        (np.full((3, 6, 8), np.nan), "The masks have values from nan to nan"),
        ("mask.png", "The masks are str"),
    ],
)
def test_masks_that_do_not_fit_are_refused(given: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        masks_of(given, FRAMES)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": None}, "prompt is None, not a text"),
        ({"prompt": ["a dog"]}, "prompt is .*, not a text"),
        ({"seed": 0.5}, "seed is 0.5, not a whole number"),
        ({"seed": True}, "seed is True, not a whole number"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0; give a whole number of at least 1"),
        ({"num_inference_steps": 2.0}, "num_inference_steps is 2.0"),
        ({"stride": -1}, "stride is -1; give a whole number"),
        ({"guidance_scale": float("nan")}, "guidance_scale is nan; give a number"),
        ({"guidance_scale": "high"}, "guidance_scale is 'high'"),
        ({"guidance_scale": -1}, "guidance_scale is -1"),
        ({"fast": 1}, "fast is 1; give True or False"),
        ({"guidance_scale": True}, "guidance_scale is True"),
        ({"negative_prompt": ["a cat"]}, "negative_prompt is .*, not a text"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check_call(**({"prompt": "a dog", "seed": 0} | changed))
    check_call("", "", np.int64(3), num_inference_steps=1, guidance_scale=np.float32(7.5), stride=np.int64(4))


def test_what_an_encoder_does_not_read_of_a_text_is_named() -> None:
    words = tokenizer()
    text = "a brown dog"
    count = len(words.tokenize(text))
    assert unread(words, count + 2, text) == ""
    lost = unread(words, count + 1, text)
    assert lost
    assert text.endswith(lost)
