"""The phase `metrics`: rows from completions; completions that do not fit are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.tiny_models import COMPUTE, FRAMING, STANDIN, context, entry, tokenizer, write_scale
from tgvac.clips.captions import read_captions, write_captions
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, CompletionMeta, write_completion
from tgvac.clips.rows import Row, read_rows
from tgvac.errors import BadInput
from tgvac.masks.params import DenseFlowParams
from tgvac.metrics import metrics_stage, scorer
from tgvac.metrics.params import MetricsParams
from tgvac.models.small_networks import build_clip
from tgvac.report.scores import MORE, SCORES, TRUTH_TC
from tgvac.shards import write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips

FLOW = DenseFlowParams(preset="medium", finest_scale=0)
METRICS = MetricsParams(
    lpips_net="alex",
    lpips_also=(),
    views=("frame", "box"),
    box_margin=0.1,
    hard_from=0.5,
    white_psnr_cap=60.0,
    bootstrap=10,
    confidence=0.9,
    flow=FLOW,
    batch=3,
    kept_gib=1.0,
)
SAMPLE = "world/a/1/r0"
FRAMES = 4


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Two samples of four frames, and a CLIP that scores."""
    ctx = write_scale(tmp_path_factory.mktemp("scale"), FRAMES, 24, 30, ("world/a/1", "world/b/1"))
    for part in (*build_clip(STANDIN, len(tokenizer()), FRAMING.size, 0), tokenizer()):
        part.save_pretrained(ctx.results / "backbones" / "scoring_clip")
    return ctx


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def truth(clip: Clip) -> Completion:
    return Completion(clip.whole_FHW3, clip.amodal_FHW)


def nothing(clip: Clip) -> Completion:
    return Completion(np.full_like(clip.whole_FHW3, 255), np.zeros_like(clip.amodal_FHW))


def measured(
    scale: Context,
    variant: str,
    complete: Callable[[Clip], Completion] = truth,
    sample: str = SAMPLE,
    frames: int = FRAMES,
    more: Sequence[Callable[[Clip], Completion]] = (),
    metrics: MetricsParams = METRICS,
) -> list[Row]:
    """The rows of a method that completes one sample of the scale, and then again by each of ``more``."""
    clip = recipe_clips(scale).render(SAMPLE, [i % FRAMES for i in range(frames)])
    done = complete(clip)
    meta = CompletionMeta(
        sample=sample,
        method="mine",
        variant=variant,
        mask_source="given",
        train_seed=2,
        sample_seed=3,
        frames=frames,
        height=done.rgb_FHW3.shape[1],
        width=done.rgb_FHW3.shape[2],
    )
    name = Path("mine") / variant / "seed2" / "shard-000"
    base = scale.results / "completion"
    shard = (base / name).with_suffix(".zip")
    write_completion(shard, [done, *(again(clip) for again in more)], meta)
    write_index(shard.with_suffix(".json"), [entry(base, shard.stem, shard, samples={sample: frames})])
    options = {"method": "mine", "variant": variant, "seed": "2"}
    ctx = context(scale.root, "metrics", shard=0, shards=1, options=options)
    metrics_stage.run(ctx, framing=FRAMING, metrics=metrics, compute=COMPUTE)
    return read_rows((ctx.out / name).with_suffix(".parquet"))


def values(rows: list[Row], metric: str) -> dict[int, float]:
    return {row.frame: row.value for row in rows if row.metric == metric}


def test_the_truth_has_the_best_scores(scale: Context) -> None:
    rows = measured(scale, "truth")
    everywhere = range(FRAMES)
    assert values(rows, "clip") == pytest.approx(dict.fromkeys(everywhere, 1.0), abs=1e-5)
    assert values(rows, "lpips") == pytest.approx(dict.fromkeys(everywhere, 0.0), abs=1e-6)
    assert values(rows, "iou") == dict.fromkeys(everywhere, 1.0)
    assert values(rows, "hidden_psnr") == pytest.approx(dict.fromkeys(everywhere, 60.0))
    assert set(values(rows, "tc")) == {1, 2, 3}  # a pair belongs to the later frame


def test_an_empty_completion_has_worse_scores(scale: Context) -> None:
    rows = measured(scale, "nothing", nothing)
    assert values(rows, "iou") == dict.fromkeys(range(FRAMES), 0.0)
    assert max(values(rows, "clip").values()) < 0.99999  # a random CLIP finds everything alike
    assert min(values(rows, "lpips").values()) > 0.01
    assert max(values(rows, "hidden_psnr").values()) < 20
    assert values(rows, "tc") == pytest.approx(dict.fromkeys((1, 2, 3), 1.0), abs=1e-5)


def shifted(level: int) -> Callable[[Clip], Completion]:
    """The truth, some grey levels too dark."""
    return lambda clip: Completion(np.maximum(clip.whole_FHW3, level) - np.uint8(level), clip.amodal_FHW)


def test_several_draws_have_a_best_and_a_mean_and_differ_in_hidden_parts_alone(scale: Context) -> None:
    rows = measured(scale, "several", shifted(24), more=[shifted(8), shifted(40)])
    single, best, mean = (values(rows, name) for name in ("hidden_psnr", "hidden_psnr_best", "hidden_psnr_mean"))
    assert set(single) == set(best) == set(mean) == set(values(rows, "diversity"))
    assert best == pytest.approx(values(measured(scale, "best", shifted(8)), "hidden_psnr"))
    # 24, 8 and 40 levels too dark are 24 on average, as the first alone is; black stays black.
    assert mean == pytest.approx(single, abs=0.5)
    assert min(values(rows, "diversity").values()) > 0
    assert values(rows, "lpips") == values(measured(scale, "first", shifted(24)), "lpips"), "the first is compared"


def test_equal_draws_have_no_diversity_and_a_single_one_has_no_row_of_it(scale: Context) -> None:
    rows = measured(scale, "equal", shifted(24), more=[shifted(24)])
    assert values(rows, "diversity") == pytest.approx(dict.fromkeys(values(rows, "hidden_psnr"), 0.0), abs=1e-7)
    assert values(rows, "hidden_psnr_best") == values(rows, "hidden_psnr")
    names = {row.metric for row in measured(scale, "single", shifted(24))}
    assert names == {score.metric for score in (*SCORES, *MORE, TRUTH_TC)} - {"lpips_alex", "lpips_vgg"}


def test_rows_name_their_completion_and_have_its_occlusion_rate(scale: Context) -> None:
    rows = measured(scale, "named")
    whose = {
        (r.scale, r.method, r.variant, r.mask_source, r.train_seed, r.sample_seed, r.sample, r.video) for r in rows
    }
    assert whose == {("fake", "mine", "named", "given", 2, 3, SAMPLE, "world/a")}
    clip = recipe_clips(scale).render(SAMPLE)
    for row in rows:
        visible, whole = (np.count_nonzero(m[row.frame]) for m in (clip.visible_FHW, clip.amodal_FHW))
        assert row.rate == pytest.approx(1 - visible / whole)
    assert min(row.rate for row in rows) > 0


def test_a_completion_of_the_first_frames_is_measured_on_those_frames(scale: Context) -> None:
    rows = measured(scale, "short", frames=2)
    assert {row.frame for row in rows} == {0, 1}
    assert values(rows, "iou") == {0: 1.0, 1: 1.0}


def test_a_completion_of_an_unknown_sample_is_refused(scale: Context) -> None:
    with pytest.raises(BadInput, match="world/z/9/r0 is no sample of scale 'fake'"):
        measured(scale, "unknown", sample="world/z/9/r0")


def test_a_completion_with_more_frames_than_the_sample_is_refused(scale: Context) -> None:
    with pytest.raises(BadInput, match="has 5 frames, the sample 4"):
        measured(scale, "long", frames=5)


def test_a_completion_of_another_size_is_refused(scale: Context) -> None:
    def halved(clip: Clip) -> Completion:
        return Completion(clip.whole_FHW3[:, ::2, ::2], clip.amodal_FHW[:, ::2, ::2])

    with pytest.raises(BadInput, match="own resolution"):
        measured(scale, "halved", halved)


def test_the_truth_s_own_consistency_is_measured_with_every_method(scale: Context) -> None:
    truth_s = values(measured(scale, "ceiling"), "tc")
    assert values(measured(scale, "empty", nothing), "tc_truth") == truth_s
    assert len(truth_s) == FRAMES - 1


def test_kept_features_of_the_truth_change_no_bit(scale: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = scale.root / "scratch" / "fake" / "metrics" / "truth"
    shutil.rmtree(kept, ignore_errors=True)
    rows = {
        name: measured(scale, name, shifted(16), metrics=METRICS.model_copy(update={"kept_gib": gib}))
        for name, gib in (("unkept", 0.0), ("first", 1.0), ("second", 1.0))
    }
    assert len(list(kept.glob("*/large-*.safetensors"))) == 2 * 2 + 1, "two batches in each of two views, and the flow"
    for name in ("first", "second"):
        assert [replace(row, variant="") for row in rows[name]] == [replace(row, variant="") for row in rows["unkept"]]
    # A third method computes nothing of the truth again.
    passed: list[int] = []
    features = scorer.lpips_features
    monkeypatch.setattr(scorer, "lpips_features", lambda *given: passed.append(1) or features(*given))
    monkeypatch.setattr(scorer, "motions_of", lambda *_: pytest.fail("the flow was computed again"))
    measured(scale, "third", shifted(40))
    assert passed == []


def test_a_killed_shard_scores_again_only_what_is_missing(scale: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    first = measured(scale, "killed", shifted(16))
    (scale.results / "metrics" / "mine" / "killed" / "seed2" / "shard-000.parquet").unlink()
    monkeypatch.setattr(scorer.Scorer, "score", lambda *_: pytest.fail("the sample was scored again"))
    assert measured(scale, "killed", shifted(16)) == first


def test_another_completion_or_caption_is_scored_again(scale: Context) -> None:
    before = measured(scale, "changed", shifted(16))
    assert values(measured(scale, "changed", shifted(48)), "lpips") != values(before, "lpips")
    path = scale.results / "captions" / "captions.parquet"
    captions = read_captions(path)
    try:
        write_captions(path, [c.model_copy(update={"text": "a brown cat"}) for c in captions.values()])
        other = measured(scale, "changed", shifted(16))
        write_captions(path, [])
        without = measured(scale, "changed", shifted(16))
    finally:
        write_captions(path, captions.values())
    assert values(other, "lpips") == values(before, "lpips")
    assert values(other, "clip_t") != values(before, "clip_t")
    assert values(without, "clip_t") == {}, "an object without a caption has no CLIP-T"
