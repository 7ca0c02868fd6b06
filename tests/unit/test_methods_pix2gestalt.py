"""Pix2gestalt as a method: its conditions, what guidance leaves out, its noise, and its vote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.params_project import ROOT
from tests.unit.tiny_models import vae
from tgvac.clips.completion import Completion
from tgvac.config import parse
from tgvac.errors import BadInput
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.pix2gestalt import voted
from tgvac.methods.registry import label_of
from tgvac.methods.sampler import sampler_of_frames
from tgvac.models.image_encoder import PictureBackbones
from tgvac.models.latents import encode_conditions
from tgvac.params import Params, load_params
from tgvac.report.methods import answer_to

CPU = torch.device("cpu")
FRAMES, SIZE, WIDE = 3, 64, 5
TINY = load_params(ROOT, "tiny")


class Recorded:
    """A network that predicts no noise, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        self.given.append((x_BCFhw, text_BND))
        return torch.zeros_like(x_BCFhw[:, :4])


class Embedding:
    """An image encoder whose embedding is the mean grey of a picture."""

    width = WIDE

    def __call__(self, pictures_FSS3: np.ndarray) -> torch.Tensor:
        mean_F = torch.tensor([float(picture.mean()) for picture in pictures_FSS3])
        return mean_F[:, None, None].expand(-1, 1, WIDE).contiguous()


def model(**own: Any) -> tuple[TemporalDiffusion, Recorded]:
    method = TINY.methods["pix2gestalt/full"].model_copy(update={"steps": 2, **own})
    network, backbones = Recorded(), PictureBackbones(vae(), Embedding())  # type: ignore[arg-type]
    conditions = TINY.variants[method.trained].of(TINY.conditions)
    blocks = TINY.framing, TINY.diffusion, conditions, sampler_of_frames(method, TINY.sampler)
    same = bool(method.same_noise)
    made = TemporalDiffusion(network, backbones, *blocks, TINY.completion, TINY.compute, CPU, same_noise=same)
    return made, network


def given() -> tuple[np.ndarray, np.ndarray]:
    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, SIZE, SIZE, 3), np.uint8)
    frames[1] //= 2
    visible = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    visible[:, 8:40, 8:40] = 255
    return frames, visible


def first_call(**own: Any) -> tuple[torch.Tensor, torch.Tensor]:
    made, network = model(**own)
    made.sample(*given(), "a dog", 0)
    return network.given[0]


def test_noise_frame_and_mask_are_in_this_order_and_the_conditions_are_not_scaled() -> None:
    x_BCFhw, _ = first_call()
    frame_Fchw, mask_Fchw = encode_conditions(vae(), *given(), TINY.compute.vae_batch)
    # The second half of a batch has the conditions.
    with_all = x_BCFhw[FRAMES:, :, 0]
    assert torch.equal(with_all[:, 4:8], frame_Fchw)
    assert torch.equal(with_all[:, 8:12], mask_Fchw)
    assert float(vae().config.scaling_factor) != 1.0


def test_each_frame_attends_to_its_own_embedding() -> None:
    _, text_BND = first_call()
    wanted = Embedding()(given()[0])
    assert torch.equal(text_BND[FRAMES:], wanted)
    assert len(wanted[:, 0, 0].unique()) == FRAMES


def test_guidance_leaves_out_all_conditions_at_once() -> None:
    x_BCFhw, text_BND = first_call()
    assert not text_BND[:FRAMES].any()
    assert not x_BCFhw[:FRAMES, 4:].any()
    assert torch.equal(x_BCFhw[:FRAMES, :4], x_BCFhw[FRAMES:, :4])


def test_frames_begin_with_noise_of_their_own_unless_they_share_it() -> None:
    own, shared = first_call()[0][FRAMES:, :4], first_call(same_noise=True)[0][FRAMES:, :4]
    assert not torch.equal(own[0], own[1])
    assert torch.equal(shared[0], shared[1])
    assert torch.equal(shared[0], own[0])


@pytest.mark.parametrize("same", [False, True])
def test_fresh_noise_is_shared_where_the_first_noise_is(same: bool) -> None:
    made, network = model(same_noise=same, guidance=1.0)
    frames, visible = given()
    made.sample(frames, visible, "", 0)
    first, second = (x_BCFhw[:, :4] for x_BCFhw, _ in network.given)
    # The network predicts nothing, so a step is the same share of each frame's latents, and fresh noise.
    share = ((first[0] * second[0]).mean() / (first[0] ** 2).mean()).item()
    fresh = second - share * first
    assert torch.allclose(fresh[0], fresh[1], atol=1e-4) is same


def completion(rows: list[list[int]], colour: int) -> Completion:
    mask = np.array([rows], np.uint8) * 255
    return Completion(np.full((1, *mask.shape[1:], 3), colour, np.uint8), mask)


def test_the_mask_is_the_majority_and_the_picture_the_sample_that_is_nearest_to_it() -> None:
    samples = [
        completion([[1, 1, 0, 0]], 10),
        completion([[1, 1, 1, 0]], 20),
        completion([[0, 1, 1, 0]], 30),
    ]
    done = voted(samples)
    # Seen 2, 3, 2 and 0 times of 3; IoU with [1 1 1 0]: 2/3, 3/3, 2/3.
    assert (done.amodal_FHW[0, 0] > 0).tolist() == [True, True, True, False]
    assert int(done.rgb_FHW3[0, 0, 0, 0]) == 20


def test_half_of_the_samples_are_no_majority() -> None:
    done = voted([completion([[1, 1]], 1), completion([[1, 0]], 2)])
    assert (done.amodal_FHW[0, 0] > 0).tolist() == [True, False]
    assert int(done.rgb_FHW3[0, 0, 0, 0]) == 2


def test_all_frames_of_a_group_of_windows_go_through_the_network_at_once() -> None:
    sampler = sampler_of_frames(TINY.methods["pix2gestalt/full"], TINY.sampler)
    assert (sampler.clip_frames, sampler.stride, sampler.eta, sampler.guidance) == (1, 1, 1.0, 2.0)
    assert sampler.batch_windows == TINY.sampler.batch_windows * TINY.sampler.clip_frames


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"trained": "full"}, "attends to the text"),
        ({"trained": "image_conditioned", "motion": False, "votes": 0}, "greater than or equal to 1"),
    ],
)
def test_params_of_another_network_are_refused(entry: dict[str, Any], says: str) -> None:
    tree = TINY.model_dump(mode="json")
    tree["methods"]["pix2gestalt/full"] = entry
    with pytest.raises(BadInput, match=says):
        parse(Params, tree, "params")


def test_guidance_needs_a_training_that_dropped_all_conditions_together() -> None:
    tree = TINY.model_dump(mode="json")
    tree["variants"]["image_conditioned"]["drop_both"] = 0.0
    with pytest.raises(BadInput, match="never went without"):
        parse(Params, tree, "params")


def test_only_pix2gestalt_votes() -> None:
    tree = TINY.model_dump(mode="json")
    tree["methods"]["ours/full"]["votes"] = 3
    with pytest.raises(BadInput, match="only pix2gestalt's mask"):
        parse(Params, tree, "params")


def test_windows_of_several_frames_cannot_attend_to_one_frame() -> None:
    from tgvac.sampling.guidance import _attended

    condition: Any = SimpleNamespace(text_KND=torch.zeros(3, 1, WIDE))
    with pytest.raises(ValueError, match="window of 2 frames"):
        _attended(condition, [[0, 1], [2]])


def test_published_weights_answer_for_the_method_before_a_stand_in_does() -> None:
    names = ["ours/full", "pix2gestalt/full", "pix2gestalt/published"]
    assert answer_to("table2.pix2gestalt", names) == "pix2gestalt/published"
    assert answer_to("table2.pix2gestalt", names[:2]) == "pix2gestalt/full"
    assert label_of("pix2gestalt/full") == "Pix2gestalt, stand-in"


@pytest.mark.parametrize(
    ("scale", "origin"),
    [("paper", "pretrained"), ("smoke", "train")],
)
def test_the_stand_in_is_refused_beside_other_backbones_than_the_shipped(scale: str, origin: str) -> None:
    tree = load_params(ROOT, scale).model_dump(mode="json")
    tree["evaluation"]["methods"].append("pix2gestalt/full")
    with pytest.raises(BadInput, match=rf"fits the shipped backbones alone, but backbones\.origin is {origin}"):
        parse(Params, tree, "params")


def test_a_sampler_that_cannot_sample_is_refused_before_anything_runs() -> None:
    tree = TINY.model_dump(mode="json")
    tree["methods"]["pix2gestalt/full"]["solver"] = "multistep"
    with pytest.raises(BadInput, match="pix2gestalt/full cannot sample"):
        parse(Params, tree, "params")


@pytest.mark.parametrize("key", ["eta", "same_noise", "solver"])
def test_keys_of_sampling_are_refused_where_nothing_is_sampled(key: str) -> None:
    tree = TINY.model_dump(mode="json")
    tree["methods"]["copy_visible/plain"][key] = {"eta": 0.5, "same_noise": True, "solver": "ddim"}[key]
    with pytest.raises(BadInput, match=f"copy_visible/plain.{key} is set, but the method is not trained"):
        parse(Params, tree, "params")
