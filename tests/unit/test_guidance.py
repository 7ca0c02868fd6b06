"""Classifier-free guidance: what the model is called with, and how both predictions are weighed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.unit.sampling_toys import condition, toy
from tests.unit.tiny_models import CPU, SAMPLER, randn
from tgvac.models.noise_models import NoiseModel
from tgvac.sampling.guidance import guided
from tgvac.sampling.params import SamplerParams


def called(sampler: SamplerParams, model: NoiseModel = toy) -> tuple[list[tuple[torch.Tensor, ...]], torch.Tensor]:
    """The calls of one step on one window, and its result."""
    calls: list[tuple[torch.Tensor, ...]] = []

    def spy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        calls.append((x_BCFhw, t_B, text_BND))
        return model(x_BCFhw, t_B, text_BND)

    return calls, guided(spy, condition(4), randn(4, 4, 4, 4, seed=9), 700, [range(4)], sampler, 1000, CPU)[0]


def test_the_model_is_given_noised_latents_then_frame_then_mask() -> None:
    given, z = condition(4), randn(4, 4, 4, 4, seed=9)
    x_BCFhw = called(SAMPLER)[0][0][0]
    assert x_BCFhw.shape == (2, 12, 4, 4, 4)
    for part, expected in zip(x_BCFhw[1].split(4), (z, given.frame_Fchw, given.mask_Fchw), strict=True):
        assert torch.equal(part, expected.transpose(0, 1))


@pytest.mark.parametrize(("unconditional", "keeps"), [("text", True), ("text_and_image", False)])
def test_the_null_has_no_text_and_keeps_the_channels_as_its_key_says(unconditional: str, keeps: bool) -> None:
    given = condition(4)
    ((x_BCFhw, t_B, text_BND),), _ = called(SAMPLER.model_copy(update={"unconditional": unconditional}))
    assert t_B.tolist() == [700, 700]
    assert torch.equal(text_BND, torch.cat([given.null_text_1ND, given.text_KND]))
    assert torch.equal(x_BCFhw[0, :4], x_BCFhw[1, :4])
    expected = x_BCFhw[1, 4:] if keeps else torch.zeros_like(x_BCFhw[1, 4:])
    assert torch.equal(x_BCFhw[0, 4:], expected)


@pytest.mark.parametrize(("guidance", "expected"), [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (7.5, 16.0)])
def test_guidance_goes_from_the_null_through_the_conditional(guidance: float, expected: float) -> None:
    null_text = condition(4).null_text_1ND[0]

    def model(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        values = [1.0 if torch.equal(text, null_text) else 3.0 for text in text_BND]
        return torch.tensor(values).view(-1, 1, 1, 1, 1).expand(-1, 4, *x_BCFhw.shape[2:])

    _, noise = called(SAMPLER.model_copy(update={"guidance": guidance}), model)
    assert torch.equal(noise, torch.full((4, 4, 4, 4), expected))


def test_guidance_of_one_does_not_ask_for_the_null() -> None:
    calls, _ = called(SAMPLER.model_copy(update={"guidance": 1.0}))
    assert len(calls) == 1
    assert torch.equal(calls[0][2], condition(4).text_KND)


@pytest.mark.parametrize(("unconditional", "rows"), [("text", 1), ("text_and_image", 2)])
def test_a_second_pass_is_made_only_where_it_differs(unconditional: str, rows: int) -> None:
    without = replace(condition(4), text_KND=condition(4).null_text_1ND)
    calls = []

    def spy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        calls.append(len(x_BCFhw))
        return toy(x_BCFhw, t_B, text_BND)

    sampler = SAMPLER.model_copy(update={"guidance": 3.0, "unconditional": unconditional})
    z = randn(4, 4, 4, 4, seed=9)
    noise = guided(spy, without, z, 700, [range(4)], sampler, 1000, CPU)
    assert calls == [rows]
    if unconditional == "text":
        unguided = guided(toy, without, z, 700, [range(4)], sampler.model_copy(update={"guidance": 1.0}), 1000, CPU)
        assert torch.equal(noise, unguided)


@pytest.mark.parametrize(("t", "rows"), [(199, 1), (299, 2), (499, 2), (699, 2), (700, 1), (999, 1)])
def test_guidance_is_applied_within_its_noise_levels_alone(t: int, rows: int) -> None:
    sampler = SAMPLER.model_copy(update={"guidance": 3.0, "guided_levels": (0.3, 0.7)})
    calls: list[int] = []

    def spy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        calls.append(len(x_BCFhw))
        return toy(x_BCFhw, t_B, text_BND)

    z = randn(4, 4, 4, 4, seed=9)
    found = guided(spy, condition(4), z, t, [range(4)], sampler, 1000, CPU)
    assert calls == [rows]
    alone = guided(toy, condition(4), z, t, [range(4)], sampler.model_copy(update={"guidance": 1.0}), 1000, CPU)
    assert torch.equal(found, alone) == (rows == 1)
