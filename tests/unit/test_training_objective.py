"""The objective: which conditions the UNet gets in training, at which scale, and how often they are dropped."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from pydantic import ValidationError

from tests.unit.tiny_models import CONDITIONS, CPU, DIFFUSION, NEVER_DROPPED, TRAINING, backbones, randn, write_latents
from tgvac.errors import BadInput
from tgvac.latents.latent_clips import LatentClips
from tgvac.latents.text_states import TextStates
from tgvac.models.params import ConditionsParams
from tgvac.models.schedule import alphas_cumprod, noise_schedule
from tgvac.shards import write_index
from tgvac.training import objective
from tgvac.training.objective import Batch, dropped, make_batch, noise_level, noise_loss
from tgvac.training.params import TrainingParams

SCALING = 0.25
SCHEDULE = noise_schedule(DIFFUSION)
TRACKS = {"world/a/1": 9, "world/b/1": 7}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> LatentClips:
    return LatentClips(write_latents(tmp_path_factory.mktemp("exact"), TRACKS), "train", 1)


@pytest.fixture(scope="module")
def spread_clips(tmp_path_factory: pytest.TempPathFactory) -> LatentClips:
    return LatentClips(write_latents(tmp_path_factory.mktemp("spread"), TRACKS, deviation=2.0, size=16), "train", 1)


@pytest.fixture(scope="module")
def texts(clips: LatentClips) -> TextStates:
    return TextStates(backbones())


def batch_of(
    clips: LatentClips,
    texts: TextStates,
    conditions: ConditionsParams = NEVER_DROPPED,
    step: int = 0,
    stage: str = "motion",
    params: TrainingParams = TRAINING,
) -> Batch:
    rows = range(params.batch)
    return make_batch(clips, texts, params, conditions, SCALING, DIFFUSION.train_steps, stage, step, rows)


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    return {name: value for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}


@pytest.mark.parametrize("power", [1.0, 0.4])
def test_noise_levels_are_drawn_by_name_with_the_given_density(power: float) -> None:
    levels = [noise_level(1000, power, "frame", 1, step, 0) for step in range(4000)]
    assert levels == [noise_level(1000, power, "frame", 1, step, 0) for step in range(4000)]
    assert min(levels) >= 0
    assert max(levels) == 999
    # A share of x^(1 / power) is below x.
    for x in (0.25, 0.5, 0.75):
        assert sum(t < 1000 * x for t in levels) / 4000 == pytest.approx(x ** (1 / power), abs=0.025)


def test_the_noisiest_level_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "unit", lambda *names: 1 - 2.0**-53)
    assert noise_level(1000, 0.4, "frame") == noise_level(1000, 1.0, "frame") == 999


def test_a_batch_has_the_noise_levels_of_its_params(clips: LatentClips, texts: TextStates) -> None:
    def mean_level(power: float) -> float:
        params = TRAINING.model_copy(update={"level_power": power})
        return float(
            torch.cat([batch_of(clips, texts, step=step, params=params).t_B for step in range(60)]).double().mean()
        )

    assert mean_level(1.0) == pytest.approx(500, abs=60)
    assert mean_level(0.2) == pytest.approx(1000 / 1.2, abs=40)


def test_the_model_gets_noised_latents_then_frame_then_mask(clips: LatentClips, texts: TextStates) -> None:
    batch = batch_of(clips, texts)
    alphas_T = alphas_cumprod(DIFFUSION)
    given: list[torch.Tensor] = []

    def model(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        given.extend([x_BCFhw, t_B, text_BND])
        return torch.zeros_like(x_BCFhw[:, :4])

    noise_loss(model, batch, SCHEDULE, CPU)
    x_BCFhw, t_B, text_BND = given
    assert x_BCFhw.shape == (3, 12, 3, 4, 4)
    # the cache marks frames with tens and masks with twenties
    assert torch.equal(x_BCFhw[:, 4:8].div(10).floor(), torch.full((3, 4, 3, 4, 4), 1.0))
    assert torch.equal(x_BCFhw[:, 8:].div(10).floor(), torch.full((3, 4, 3, 4, 4), 2.0))
    a = alphas_T[t_B].view(-1, 1, 1, 1, 1)
    expected = a.sqrt() * batch.z_BcFhw + (1 - a).sqrt() * batch.noise_BcFhw
    torch.testing.assert_close(x_BCFhw[:, :4], expected)
    assert torch.equal(t_B, batch.t_B)
    assert torch.equal(text_BND, batch.text_BND)


def test_the_loss_is_the_mean_squared_error_of_the_noise(clips: LatentClips, texts: TextStates) -> None:
    batch = batch_of(clips, texts)
    assert noise_loss(lambda x, t, text: batch.noise_BcFhw, batch, SCHEDULE, CPU).mean == 0
    off = noise_loss(lambda x, t, text: batch.noise_BcFhw + 3, batch, SCHEDULE, CPU)
    torch.testing.assert_close(off.mean, torch.tensor(9.0))


def test_losses_are_logged_by_the_quarter_of_their_noise_level(clips: LatentClips, texts: TextStates) -> None:
    batch = dataclasses.replace(batch_of(clips, texts), t_B=torch.tensor([0, 249, 750]))
    offsets_B = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1, 1)
    found = noise_loss(lambda x, t, text: batch.noise_BcFhw + offsets_B, batch, SCHEDULE, CPU)
    assert found.parts == {"loss_quarter_1": pytest.approx([1, 4]), "loss_quarter_4": pytest.approx([9])}
    assert float(found.mean) == pytest.approx(14 / 3)


def test_rows_of_a_batch_are_those_of_the_whole(clips: LatentClips, texts: TextStates) -> None:
    whole = batch_of(clips, texts, CONDITIONS, 4)
    part = make_batch(clips, texts, TRAINING, CONDITIONS, SCALING, DIFFUSION.train_steps, "motion", 4, range(1, 3))
    for name, value in tensors(part).items():
        assert torch.equal(value, getattr(whole, name)[1:3]), name


@pytest.mark.parametrize(("latents", "factor"), [("unscaled", 1.0), ("scaled", SCALING)])
def test_targets_are_always_scaled_and_conditions_by_their_key(
    clips: LatentClips, texts: TextStates, latents: str, factor: float
) -> None:
    batch = batch_of(clips, texts, NEVER_DROPPED.model_copy(update={"latents": latents}))
    truth = batch.z_BcFhw / SCALING  # no deviation in this cache
    assert truth.min() >= 0
    assert truth.max() < 1.1
    torch.testing.assert_close(batch.frame_BcFhw / factor, truth + 10)
    torch.testing.assert_close(batch.mask_BcFhw / factor, truth + 20)


def test_clips_keep_their_frames_in_order_and_apart_by_the_frame_step(clips: LatentClips, texts: TextStates) -> None:
    for step in (1, 2):
        params = TRAINING.model_copy(update={"frame_step": step})
        z_BcFhw = batch_of(clips, texts, params=params).z_BcFhw / SCALING
        torch.testing.assert_close(z_BcFhw[:, :, 1:] - z_BcFhw[:, :, :-1], torch.full((3, 4, 2, 4, 4), step / 100))


def test_targets_are_drawn_from_the_posterior_independently_of_the_noise(
    spread_clips: LatentClips, texts: TextStates
) -> None:
    batch = batch_of(spread_clips, texts)
    mean = batch.frame_BcFhw - 10
    draw = ((batch.z_BcFhw / SCALING - mean) / 2.0).flatten()  # 9,216 standard normal numbers
    assert abs(float(draw.mean())) < 0.05
    assert abs(float(draw.std()) - 1) < 0.03
    assert abs(float(torch.corrcoef(torch.stack([draw, batch.noise_BcFhw.flatten()]))[0, 1])) < 0.05


def test_every_sample_is_a_function_of_stage_seed_step_and_row_only(clips: LatentClips, texts: TextStates) -> None:
    torch.manual_seed(1)
    first = batch_of(clips, texts, CONDITIONS, 5)
    torch.manual_seed(2)
    wide = batch_of(clips, texts, CONDITIONS, 5, params=TRAINING.model_copy(update={"batch": 5}))
    for name, value in tensors(first).items():
        assert torch.equal(value, getattr(wide, name)[:3]), name
    others = [
        batch_of(clips, texts, CONDITIONS, 6),
        batch_of(clips, texts, CONDITIONS, 5, stage="frame"),
        batch_of(clips, texts, CONDITIONS, 5, params=TRAINING.model_copy(update={"seed": 2})),
    ]
    assert not any(torch.equal(first.noise_BcFhw, other.noise_BcFhw) for other in others)
    assert not torch.equal(first.noise_BcFhw[0], first.noise_BcFhw[1])


def test_all_frames_of_a_clip_share_a_noise_level_and_levels_are_uniform(clips: LatentClips, texts: TextStates) -> None:
    params = TRAINING.model_copy(update={"batch": 100, "clip_frames": 1})
    levels_N = torch.cat([batch_of(clips, texts, step=step, params=params).t_B for step in range(20)])
    assert levels_N.shape == (2000,)
    assert levels_N.min() >= 0
    assert levels_N.max() <= 999
    tenths = torch.bincount(levels_N // 100, minlength=10)
    assert tenths.min() > 140  # 200 expected, deviation 13
    assert tenths.max() < 260


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("drop_text", "text"),
        ("drop_image", "frame mask"),
        ("drop_both", "frame mask text"),
        ("drop_mask", "mask"),
        ("drop_mask_and_text", "mask text"),
    ],
)
def test_dropped_conditions_become_the_empty_text_and_zero_channels(
    clips: LatentClips, texts: TextStates, key: str, gone: str
) -> None:
    plain = batch_of(clips, texts)
    batch = batch_of(clips, texts, NEVER_DROPPED.model_copy(update={key: 1.0}))
    nothing = torch.zeros_like(plain.frame_BcFhw)
    assert torch.equal(batch.frame_BcFhw, nothing if "frame" in gone else plain.frame_BcFhw)
    assert torch.equal(batch.mask_BcFhw, nothing if "mask" in gone else plain.mask_BcFhw)
    assert torch.equal(batch.text_BND, texts[""].expand(3, -1, -1) if "text" in gone else plain.text_BND)
    assert torch.equal(batch.z_BcFhw, plain.z_BcFhw)
    assert not torch.equal(plain.text_BND[0], texts[""])


def test_a_variant_without_mask_or_text_never_gets_them(clips: LatentClips, texts: TextStates) -> None:
    plain = batch_of(clips, texts)
    blind = batch_of(clips, texts, NEVER_DROPPED.model_copy(update={"mask": False}))
    assert not blind.mask_BcFhw.any()
    assert torch.equal(blind.frame_BcFhw, plain.frame_BcFhw)
    mute = batch_of(clips, texts, NEVER_DROPPED.model_copy(update={"text": False}))
    assert torch.equal(mute.text_BND, texts[""].expand(3, -1, -1))
    assert torch.equal(mute.mask_BcFhw, plain.mask_BcFhw)


def test_conditions_are_dropped_as_often_as_the_params_say_and_by_one_draw() -> None:
    count = 20_000
    seen = Counter(dropped(CONDITIONS, "frame", 1, step, 0) for step in range(count))
    # Two independent draws would lose both in 1.5 % of the cases instead of 5 %; deviations are below 0.21 %.
    expected = {"text": 0.10, "frame mask text": 0.05, "frame mask": 0.05, "": 0.80}
    for what, rate in expected.items():
        assert abs(seen[frozenset(what.split())] / count - rate) < 0.01, what
    assert dropped(CONDITIONS, "frame", 1, 7, 0) == dropped(CONDITIONS, "frame", 1, 7, 0)


def test_one_training_can_serve_every_variant_of_the_conditions() -> None:
    rates = {"drop_text": 0.3, "drop_mask": 0.3, "drop_mask_and_text": 0.1}
    conditions = NEVER_DROPPED.model_copy(update=rates)
    count = 20_000
    seen = Counter(dropped(conditions, "frame", 1, step, 0) for step in range(count))
    for what, rate in {"text": 0.3, "mask": 0.3, "mask text": 0.1, "": 0.3}.items():
        assert abs(seen[frozenset(what.split())] / count - rate) < 0.015, what


def test_rates_that_add_up_to_more_than_one_are_refused_by_name() -> None:
    rates = {"drop_text": 0.6, "drop_mask": 0.5}
    with pytest.raises(ValidationError, match=r"more than 1: drop_text 0\.6, drop_mask 0\.5; lower them"):
        ConditionsParams(**(NEVER_DROPPED.model_dump() | rates))
    assert ConditionsParams(**(NEVER_DROPPED.model_dump() | {"drop_text": 0.3, "drop_mask": 0.3, "drop_both": 0.4}))


def test_noise_is_added_as_in_ddpm() -> None:
    scheduler = DDPMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=8.5e-4, beta_end=1.2e-2
    )
    t_B = torch.tensor([0, 500, 999])
    z, noise = randn(3, 4, 2, 5, 5), randn(3, 4, 2, 5, 5, seed=1)
    ours = SCHEDULE.add_noise(z, noise, t_B)
    torch.testing.assert_close(ours, scheduler.add_noise(z, noise, t_B))


def test_windows_are_drawn_over_all_clips_and_all_starts(clips: LatentClips) -> None:
    drawn = Counter(clips.draw(3, 2, "test", i) for i in range(1200))
    starts = {(f"{track}/r0", start) for track, frames in TRACKS.items() for start in range(frames - 4)}
    assert set(drawn) == starts
    of_a = sum(count for (sample, _), count in drawn.items() if sample == "world/a/1/r0")
    assert 500 < of_a < 700  # clips equally likely, whatever their length


def test_if_all_clips_are_too_short_the_longest_and_the_needed_length_are_named(tmp_path: Path) -> None:
    ctx = write_latents(tmp_path, {"world/a/1": 10, "world/b/1": 7})
    assert LatentClips(ctx, "train", 10).samples == ("world/a/1/r0",)
    said = r"^The longest of 2 clips of the split 'train' has 10 frames, but clip_frames x frame_step need 14; lower "
    with pytest.raises(BadInput, match=said):
        LatentClips(ctx, "train", 14)


def test_a_split_without_clips_is_refused(tmp_path: Path) -> None:
    ctx = write_latents(tmp_path, TRACKS)
    with pytest.raises(BadInput, match=r"'dev' has no clips at all to train on: 0 were synthes.*; give more videos"):
        LatentClips(ctx, "dev", 14)
    write_index(ctx.results / "latents" / "index.json", [])
    with pytest.raises(BadInput, match=r"'train' has no clips at all.*: 2 were synthesized, and none is encoded; name"):
        LatentClips(ctx, "train", 1)


def test_a_truncated_cached_file_is_refused(tmp_path: Path) -> None:
    ctx = write_latents(tmp_path, TRACKS)
    path = next((ctx.results / "latents" / "files").iterdir())
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInput, match="missing or incomplete"):
        LatentClips(ctx, "train", 1)
