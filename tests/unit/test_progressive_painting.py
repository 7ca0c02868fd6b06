"""ProgressiveAmodal's sampling: channels, scales, null condition, and the swap of the background."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from torch.nn import functional

from tests.unit.progressive_toys import PARAMS, painter, square, unet_9
from tests.unit.tiny_models import CPU, SAMPLER, backbones, randn, vae
from tgvac.errors import BadInput
from tgvac.models.noise_models import frame_noise_model
from tgvac.models.runtime import normal
from tgvac.models.text import encode_text
from tgvac.progressive import mixed_context
from tgvac.progressive.canvas import Square
from tgvac.progressive.inpainting import Condition, condition_of, predict
from tgvac.progressive.mixed_context import swap_step
from tgvac.progressive.taps import Tap

TEXTS = torch.stack([torch.zeros(3, 2), torch.ones(3, 2)])
"""States of the empty sentence are 0, those of the text 1."""


class Spy:
    """A noise model that keeps what it is given and returns the mean of the text, everywhere."""

    def __init__(self) -> None:
        self.seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def __call__(self, x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        self.seen.append((x_BCFhw, t_B, text_BND))
        return text_BND.mean((1, 2)).view(-1, 1, 1, 1, 1).expand_as(x_BCFhw[:, :4])


def condition() -> Condition:
    return Condition(torch.full((2, 1, 4, 4), 5.0), torch.full((2, 4, 4, 4), 7.0))


def test_the_network_gets_noised_latents_then_the_hole_then_the_picture_in_nine_channels() -> None:
    spy, z_Bchw = Spy(), torch.full((2, 4, 4, 4), 3.0)
    predict(spy, z_Bchw, 9, condition(), TEXTS, 2.0, CPU)
    ((x, t, _),) = spy.seen
    assert x.shape == (4, 9, 1, 4, 4)
    assert x[:, :, 0, 0, 0].tolist() == [[3, 3, 3, 3, 5, 7, 7, 7, 7]] * 4
    assert t.tolist() == [9] * 4


def test_without_condition_the_sentence_is_empty_and_hole_and_picture_stay() -> None:
    spy = Spy()
    found = predict(spy, randn(2, 4, 4, 4), 9, condition(), TEXTS, 3.0, CPU)
    ((x, _, text),) = spy.seen
    assert text.mean((1, 2)).tolist() == [0, 0, 1, 1]
    assert torch.equal(x[:2], x[2:])
    assert torch.equal(found, torch.full((2, 4, 4, 4), 3.0)), "three times from 0 to 1"


@pytest.mark.parametrize(("texts", "guidance"), [(TEXTS[:1].repeat(2, 1, 1), 3.0), (TEXTS, 1.0)])
def test_the_network_is_called_once_where_there_is_nothing_to_guide_by(texts: torch.Tensor, guidance: float) -> None:
    spy = Spy()
    found = predict(spy, randn(2, 4, 4, 4), 9, condition(), texts, guidance, CPU)
    ((x, _, text),) = spy.seen
    assert len(x) == 2
    assert torch.equal(text, texts[1:].expand(2, -1, -1)), "with the text"
    assert torch.equal(found, torch.full((2, 4, 4, 4), float(texts[1].mean())))


def test_latents_of_the_picture_are_scaled_and_what_is_missing_is_grey() -> None:
    one = square()
    found = condition_of(vae(scaling=0.25), [one.picture_SS3], [one.hole_SS], 4)
    picture = torch.from_numpy(one.picture_SS3).permute(2, 0, 1)[None] / 127.5 - 1
    picture[:, :, one.hole_SS > 0] = 0
    expected = 0.25 * vae(scaling=0.25).encode(picture).latent_dist.mean
    torch.testing.assert_close(found.holed_Bchw, expected, rtol=1e-4, atol=1e-5)
    side = expected.shape[-1]
    assert torch.equal(found.hole_B1hw[0, 0], torch.from_numpy(one.hole_SS[:: 32 // side, :: 32 // side] > 0).float())


def holed(picture_SS3: np.ndarray, one: Square) -> torch.Tensor:
    """Scaled latents of a picture without the square's hole, by the autoencoder itself."""
    x = torch.from_numpy(picture_SS3.copy()).permute(2, 0, 1)[None] / 127.5 - 1
    x[:, :, one.hole_SS > 0] = 0
    return backbones().vae.encode(x).latent_dist.mean * backbones().vae.config.scaling_factor


def background(one: Square) -> np.ndarray:
    """The square without object and occluders, by the removal itself, with the object laid on it."""
    found = painter().remove(one.picture_SS3, np.maximum(one.object_SS, one.hole_SS)).copy()
    found[one.object_SS > 0] = one.picture_SS3[one.object_SS > 0]
    return found


@pytest.mark.parametrize(("swap", "steps", "expected"), [(0.7, 50, 35), (0.7, 10, 7), (0.7, 1, 0), (0.4, 50, 20)])
def test_the_swap_is_at_the_authors_share_of_any_number_of_steps(swap: float, steps: int, expected: int) -> None:
    assert swap_step(swap, steps) == expected


def test_the_object_is_on_grey_up_to_the_swap_and_on_its_background_after() -> None:
    unet, one = unet_9(), square()
    given: list[torch.Tensor] = []

    def model(x: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        given.append(x[:1, 5:, 0].clone())
        return frame_noise_model(unet)(x, t, text)

    painter(unet, model, steps=5, swap=0.4).paint([one], "a dog", [("n",)])
    grey = np.where(one.object_SS[..., None] > 0, one.picture_SS3, 128).astype(np.uint8)
    expected = [holed(grey, one)] * 3 + [holed(background(one), one)] * 2
    for k, (found, wanted) in enumerate(zip(given, expected, strict=True)):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4, msg=f"step {k}")
    assert (expected[0] - expected[-1]).abs().max() > 0.01


@pytest.mark.parametrize("reencode", [True, False])
def test_the_swap_keeps_the_object_and_steps_with_the_prediction_from_before(
    monkeypatch: pytest.MonkeyPatch, reencode: bool
) -> None:
    """All steps once more, with diffusers' own scheduler and networks."""
    unet, one, parts, steps, at, name = unet_9(), square(), backbones(), 4, 2, "n"
    # One cluster is the left half, which holds all that is seen; the hole is in the other one.
    clusters = np.repeat(np.arange(2), 4)[None].repeat(8, 0).astype(np.int32)
    monkeypatch.setattr(mixed_context, "clustered", lambda features, count, seed: clusters)
    (found,) = painter(unet, steps=steps, swap=0.5, reencode=reencode).paint([one], "a brown dog", [(name,)])

    scheduler = DDIMScheduler(
        beta_start=8.5e-4,
        beta_end=1.2e-2,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    scheduler.set_timesteps(steps)
    grey = np.where(one.object_SS[..., None] > 0, one.picture_SS3, 128).astype(np.uint8)
    hole = functional.interpolate(torch.from_numpy(one.hole_SS > 0)[None, None].float(), size=(8, 8))
    texts = torch.cat([encode_text(parts, [""]), encode_text(parts, ["a brown dog"])])
    factor, z = parts.vae.config.scaling_factor, normal((4, 8, 8), "progressive", "start", name)[None]
    scene = torch.from_numpy(background(one)).permute(2, 0, 1)[None] / 127.5 - 1
    kept = torch.from_numpy((one.object_SS > 0)[::4, ::4])
    with torch.no_grad():
        for k, t in enumerate(scheduler.timesteps):
            masked = holed(grey if k <= at else background(one), one)
            x = torch.cat([z, hole, masked], 1)
            null, text = unet(torch.cat([x, x]), t, texts).sample.chunk(2)
            noise = null + SAMPLER.guidance * (text - null)
            if k == at:
                fresh = normal((4, 8, 8), "progressive", "swap", name)[None]
                behind = scheduler.add_noise(parts.vae.encode(scene).latent_dist.mean * factor, fresh, t[None])
                z = torch.where(kept, z, behind)
                if reencode:
                    picture = (parts.vae.decode(z / factor).sample * 127.5 + 127.5).round().clamp(0, 255)
                    z = parts.vae.encode(picture / 127.5 - 1).latent_dist.mean * factor
            z = scheduler.step(noise, t, z).prev_sample
        expected = (parts.vae.decode(z / factor).sample[0] * 127.5 + 127.5).round().clamp(0, 255).permute(1, 2, 0)
    assert np.abs(found.picture_SS3.astype(int) - expected.numpy().astype(int)).max() <= 1
    assert np.array_equal(found.object_SS > 0, kept.repeat_interleave(4, 0).repeat_interleave(4, 1).numpy())


def test_squares_are_painted_in_a_batch_as_by_themselves() -> None:
    squares, names = [square(seed=1), square(seed=2)], [("a",), ("b",)]
    together = painter().paint(squares, "a dog", names)
    for one, name, found in zip(squares, names, together, strict=True):
        (alone,) = painter().paint([one], "a dog", [name])
        assert np.abs(alone.picture_SS3.astype(int) - found.picture_SS3.astype(int)).max() <= 1


def test_features_are_those_of_the_named_block_and_only_while_they_are_read() -> None:
    unet, x = unet_9(), randn(2, 9, 8, 8)
    text = encode_text(backbones(), ["", ""])
    seen: list[Any] = []
    handle = unet.up_blocks[1].register_forward_hook(lambda block, given, output: seen.append(output))
    with Tap(unet, 1) as tap:
        unet(x, 5, text)
    handle.remove()
    assert tap.features_BChw is not None
    assert torch.equal(tap.features_BChw, seen[0])
    unet(x + 1, 5, text)
    assert torch.equal(tap.features_BChw, seen[0])


def test_a_block_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match=r"progressive.block is 2, but the inpainting network has 2 decoder blocks"):
        painter(block=2).paint([square()], "", [("n",)])
    assert PARAMS.block == 1
