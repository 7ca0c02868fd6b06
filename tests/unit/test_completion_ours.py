"""Temporal diffusion as a completer: the contract, the seeds, and the same conditions as in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.unit.clips_in_memory import ClipsInMemory
from tests.unit.tiny_models import (
    COMPUTE,
    CONDITIONS,
    CPU,
    DIFFUSION,
    FRAMING,
    NEVER_DROPPED,
    SAMPLER,
    TRAINING,
    backbones,
    context,
    entry,
    recipe,
    unet_12,
    video,
    video_unet,
    write_synthesis,
)
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.images import grey, not_white
from tgvac.errors import BadInput
from tgvac.latents.encoding import encode_clips
from tgvac.latents.latent_clips import LatentClips
from tgvac.latents.text_states import TextStates
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.params import CompletionParams
from tgvac.models.latents import encode_mode, to_images, to_tensor
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model
from tgvac.models.schedule import alphas_cumprod
from tgvac.sampling.temporal_diffusion import initial_noise
from tgvac.shards import write_index
from tgvac.training.objective import make_batch

FOLLOW = FRAMING.model_copy(update={"mode": "follow", "margin": 0.25, "smooth": 2})


def completer(model: NoiseModel | None = None, **changed: Any) -> TemporalDiffusion:
    parts: dict[str, Any] = {
        "framing": FRAMING,
        "diffusion": DIFFUSION,
        "conditions": CONDITIONS,
        "sampler": SAMPLER,
        **changed,
    }
    return TemporalDiffusion(
        model=model or video_noise_model(video_unet()),
        backbones=backbones(),
        completion=CompletionParams(white_threshold=200),
        compute=COMPUTE,
        device=CPU,
        **parts,
    )


def same(a: Completion, b: Completion) -> bool:
    return np.array_equal(a.rgb_FHW3, b.rgb_FHW3) and np.array_equal(a.amodal_FHW, b.amodal_FHW)


@pytest.mark.parametrize("framing", [FRAMING, FOLLOW], ids=["frame", "follow"])
@pytest.mark.parametrize(("frames", "height", "width"), [(1, 32, 32), (2, 31, 45), (4, 53, 20), (7, 40, 71)])
def test_a_completion_has_the_inputs_shape_whatever_its_size(
    framing: Any, frames: int, height: int, width: int
) -> None:
    frames_FHW3, visible_FHW = video(frames, height, width)
    before = frames_FHW3.copy(), visible_FHW.copy()
    done = completer(framing=framing).complete(frames_FHW3, visible_FHW, "a red dog", 0)
    done.check(frames_FHW3)
    assert done.rgb_FHW3.std() > 1
    assert np.array_equal(done.amodal_FHW, not_white(done.rgb_FHW3, 200))
    assert np.array_equal(frames_FHW3, before[0])
    assert np.array_equal(visible_FHW, before[1])


def test_a_completion_is_white_outside_a_following_window() -> None:
    frames_FHW3, visible_FHW = video(3, 64, 64)
    done = completer(framing=FOLLOW).complete(frames_FHW3, visible_FHW, "", 0)
    assert (done.rgb_FHW3[:, 50:] == 255).all()
    assert not done.amodal_FHW[:, 50:].any()


def test_a_mask_that_is_empty_in_every_frame_is_refused_but_not_in_some_frames() -> None:
    frames_FHW3, visible_FHW = video(4, 32, 32)
    visible_FHW[1:3] = 0
    completer(framing=FOLLOW).complete(frames_FHW3, visible_FHW, "", 0).check(frames_FHW3)
    with pytest.raises(BadInput, match="empty in every frame"):
        completer().complete(frames_FHW3, np.zeros_like(visible_FHW), "", 0)


@pytest.mark.parametrize("shape", [(3, 32, 32), (5, 32, 32), (4, 32, 31), (4, 16, 16)])
def test_masks_of_another_size_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput, match="one mask a frame"):
        completer().complete(video(4, 32, 32)[0], np.full(shape, 255, np.uint8), "", 0)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_seed_decides_the_bytes_and_nothing_else_does(eta: float) -> None:
    method, given = completer(sampler=SAMPLER.model_copy(update={"eta": eta})), video(5, 32, 32)
    first = method.complete(*given, "a dog", 3)
    torch.manual_seed(123)
    assert same(method.complete(*given, "a dog", 3), first)
    assert not np.array_equal(method.complete(*given, "a dog", 4).rgb_FHW3, first.rgb_FHW3)


def test_frame_mask_and_text_all_reach_the_model() -> None:
    method, (frames_FHW3, visible_FHW) = completer(), video(4, 32, 32)
    plain = method.complete(frames_FHW3, visible_FHW, "a dog", 0).rgb_FHW3
    others = (
        method.complete(255 - frames_FHW3, visible_FHW, "a dog", 0),
        method.complete(frames_FHW3, np.roll(visible_FHW, 8, 1), "a dog", 0),
        method.complete(frames_FHW3, visible_FHW, "a striped cat", 0),
        method.complete(frames_FHW3, visible_FHW, "", 0),
    )
    assert not any(np.array_equal(other.rgb_FHW3, plain) for other in others)


def test_a_variant_without_mask_or_text_ignores_them() -> None:
    frames_FHW3, visible_FHW = video(4, 32, 32)
    blind = completer(conditions=CONDITIONS.model_copy(update={"mask": False}))
    first = blind.complete(frames_FHW3, visible_FHW, "a dog", 0)
    assert same(blind.complete(frames_FHW3, np.roll(visible_FHW, 8, 1), "a dog", 0), first)
    mute = completer(conditions=CONDITIONS.model_copy(update={"text": False}))
    first = mute.complete(frames_FHW3, visible_FHW, "a dog", 0)
    assert same(mute.complete(frames_FHW3, visible_FHW, "a striped cat", 0), first)


def test_a_longer_video_begins_alike_if_frames_are_independent() -> None:
    frames_FHW3, visible_FHW = video(9, 32, 32)
    method = completer(frame_noise_model(unet_12()))
    long = method.complete(frames_FHW3, visible_FHW, "a dog", 0).rgb_FHW3
    short = method.complete(frames_FHW3[:5], visible_FHW[:5], "a dog", 0).rgb_FHW3
    assert np.abs(long[:5].astype(int) - short).max() <= 1


def clip_of(frames: int) -> Clip:
    """A clip of the model's size: the visible square is the upper half of the whole object."""
    frames_FHW3, visible_FHW = video(frames, 32, 32)
    amodal_FHW = visible_FHW | np.roll(visible_FHW, 6, 1)
    whole_FHW3 = np.where(amodal_FHW[..., None] > 0, frames_FHW3 // 2, 255).astype(np.uint8)
    return Clip(
        "world/a/1/r0",
        "world/a",
        "world/a/1",
        frames_FHW3,
        visible_FHW,
        whole_FHW3,
        amodal_FHW,
        amodal_FHW & ~visible_FHW,
    )


@pytest.mark.parametrize("latents", ["unscaled", "scaled"])
@pytest.mark.parametrize("mask", [True, False])
def test_the_model_gets_the_same_conditions_in_training_and_inference(tmp_path: Path, latents: str, mask: bool) -> None:
    clip, parts = clip_of(3), backbones()
    conditions = NEVER_DROPPED.model_copy(update={"latents": latents, "mask": mask})

    # Training: encoded, cached, and read again.
    out = context(tmp_path, "latents").out
    path = out / "files" / "a.safetensors"
    path.parent.mkdir(parents=True)
    encoded = encode_clips(parts.vae, ClipsInMemory(clip), [clip.sample], FRAMING, COMPUTE.vae_batch)
    save_file({f"{clip.sample}|{what}": value for what, value in encoded.items()}, path)
    write_index(out / "index.json", [entry(out, clip.track, path, recipes={clip.sample: 3})])
    write_synthesis(tmp_path, [recipe(clip.sample, clip.track, 3)], {clip.track: "a dog"})
    clips = LatentClips(context(tmp_path, "motion"), "train", 3)
    texts, scaling = TextStates(parts), parts.vae.config.scaling_factor
    batch = make_batch(clips, texts, TRAINING, conditions, scaling, 1000, "motion", 0, range(TRAINING.batch))

    # Inference: the arguments of the model.
    calls: list[tuple[torch.Tensor, torch.Tensor]] = []

    def spy(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        calls.append((x_BCFhw, text_BND))
        return torch.zeros_like(x_BCFhw[:, :4])

    completer(spy, conditions=conditions).complete(clip.frames_FHW3, clip.visible_FHW, "a dog", 0)
    x_BCFhw, text_BND = calls[0]
    assert torch.equal(x_BCFhw[-1, 4:8], batch.frame_BcFhw[0])
    assert torch.equal(x_BCFhw[-1, 8:], batch.mask_BcFhw[0])
    assert torch.equal(text_BND[-1], batch.text_BND[0])
    assert torch.equal(text_BND[0], texts[""])
    assert bool(batch.mask_BcFhw.any()) == mask


def test_a_model_that_predicts_the_exact_noise_gives_the_ground_truth() -> None:
    """Scaling, schedule and decoding are those of training, so the exact noise of a target leads to that target."""
    clip, parts = clip_of(6), backbones()
    # as in training: latents of the whole object, scaled
    z_cFhw = encode_mode(parts.vae, to_tensor(clip.whole_FHW3), COMPUTE.vae_batch).transpose(0, 1)
    z_cFhw = z_cFhw * parts.vae.config.scaling_factor
    frame_cFhw = encode_mode(parts.vae, to_tensor(clip.frames_FHW3), COMPUTE.vae_batch).transpose(0, 1)
    alphas_T = alphas_cumprod(DIFFUSION).double()

    def knowing(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        out = []
        for x_CFhw, t in zip(x_BCFhw.double(), t_B, strict=True):
            length = x_CFhw.shape[1]
            # the window is found by its frames
            at = next(i for i in range(7 - length) if torch.equal(frame_cFhw[:, i : i + length].double(), x_CFhw[4:8]))
            a = alphas_T[t]
            out.append((x_CFhw[:4] - a.sqrt() * z_cFhw[:, at : at + length]) / (1 - a).sqrt())
        return torch.stack(out).float()

    done = completer(knowing).complete(clip.frames_FHW3, clip.visible_FHW, "a dog", 0)
    # Stable Diffusion's sampler stops at noise level 0, where a little of the initial noise is left.
    first, z_Fchw = alphas_T[751], z_cFhw.transpose(0, 1).double()
    start_Fchw = initial_noise(6, (4, 8, 8), "video", 0).double()
    noise_Fchw = (start_Fchw - first.sqrt() * z_Fchw) / (1 - first).sqrt()
    end_Fchw = alphas_T[0].sqrt() * z_Fchw + (1 - alphas_T[0]).sqrt() * noise_Fchw
    with torch.no_grad():
        expected = parts.vae.decode(end_Fchw.float() / parts.vae.config.scaling_factor).sample
    assert np.abs(done.rgb_FHW3.astype(int) - to_images(expected)).max() <= 1
    assert done.rgb_FHW3.std() > 1


def test_each_denoising_step_is_reported() -> None:
    steps: list[int] = []
    completer(on_step=lambda index, t, latents: steps.append(index)).complete(*video(5, 32, 32), "", 0)
    assert steps == list(range(SAMPLER.steps))


# The amodal mask.


def test_pixels_darker_than_the_threshold_are_object() -> None:
    picture = np.array([[[255, 255, 255], [0, 0, 0], [249, 249, 249], [255, 255, 0], [255, 0, 255], [251, 250, 249]]])
    # luminance: 255, 0, 249, 225.93, 105.315, 250.185
    assert not_white(picture[None].astype(np.uint8), 250).tolist() == [[[0, 255, 255, 255, 255, 0]]]
    golden = [255, 0, 249, 225.93, 105.315, 250.185]
    np.testing.assert_allclose(grey(picture[None].astype(np.uint8))[0, 0], golden, atol=1e-9)


def test_a_grey_is_object_if_it_is_below_the_threshold() -> None:
    greys_FHW3 = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    for threshold in range(1, 256):
        mask_FHW = not_white(greys_FHW3, threshold)
        assert mask_FHW.dtype == np.uint8
        assert np.count_nonzero(mask_FHW) == threshold, threshold
