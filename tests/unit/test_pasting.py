"""Pasting back what is seen: one rule for a user's video and for methods, and never exact masks for tracked ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.unit.builders import box, noise
from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.tiny_models import context, write_scale
from tgvac.clips.completion import Completion, Completions
from tgvac.clips.pasting import beyond_seen, pasted, seen_share
from tgvac.completion import completion_stage
from tgvac.completion.params import EvaluationParams, LongParams
from tgvac.methods.params import MethodParams
from tgvac.synthesis.clips import recipe_clips

FRAMES_FHW3 = noise(1, 2, 20, 24, 3)
SEEN_FHW = np.stack([box(20, 24, 4, 4, 14, 12)] * 2)
WHOLE_FHW = np.stack([box(20, 24, 4, 4, 14, 20)] * 2)
PAINTED = Completion(np.where(WHOLE_FHW[..., None] > 0, 90, 255).repeat(3, axis=-1).astype(np.uint8), WHOLE_FHW)


def test_a_hard_seam_takes_all_that_is_seen_from_the_input_and_nothing_else() -> None:
    done = pasted(PAINTED, FRAMES_FHW3, SEEN_FHW, 0.0)
    seen = SEEN_FHW > 0
    assert np.array_equal(done.rgb_FHW3[seen], FRAMES_FHW3[seen])
    assert np.array_equal(done.rgb_FHW3[~seen], PAINTED.rgb_FHW3[~seen])
    assert np.array_equal(done.amodal_FHW, WHOLE_FHW)


def test_a_soft_seam_is_only_towards_what_the_method_alone_painted() -> None:
    done = pasted(PAINTED, FRAMES_FHW3, SEEN_FHW, 4.0)
    # Column 11 touches the painted part: a quarter of the input. At the object's own outline, column 4, all of it.
    expected = np.rint(FRAMES_FHW3[:, 6:12, 11] * 0.25 + 90 * 0.75)
    assert np.abs(done.rgb_FHW3[:, 6:12, 11] - expected).max() <= 5
    assert np.array_equal(done.rgb_FHW3[:, 4:14, 4:8], FRAMES_FHW3[:, 4:14, 4:8])
    assert np.array_equal(done.rgb_FHW3[SEEN_FHW == 0], PAINTED.rgb_FHW3[SEEN_FHW == 0])


def test_what_is_seen_belongs_to_the_mask_also_where_nothing_was_painted() -> None:
    nothing = Completion(np.full_like(FRAMES_FHW3, 255), np.zeros_like(SEEN_FHW))
    done = pasted(nothing, FRAMES_FHW3, SEEN_FHW, 4.0)
    assert np.array_equal(done.amodal_FHW, SEEN_FHW)
    assert np.array_equal(done.rgb_FHW3[SEEN_FHW > 0], FRAMES_FHW3[SEEN_FHW > 0])
    assert not seen_share(np.zeros((3, 3), np.uint8), np.full((3, 3), 255, np.uint8), 2.0).any()


EVALUATION = EvaluationParams(
    split="val",
    frames=3,
    per_video=0,
    long=LongParams(frames=3, videos=0),
    mask_source="given",
    methods=("white/plain", "white/pasted"),
    train_seeds=(0,),
    sample_seed=0,
)


def test_a_method_with_paste_is_the_method_and_the_visible_part(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 3, 24, 30, ("world/a/1",))
    methods = {"white/plain": MethodParams(), "white/pasted": MethodParams(paste=0.0)}
    done = {}
    for name in methods:
        method, variant = name.split("/")
        options = {"method": method, "variant": variant, "seed": "0"}
        ctx = context(tmp_path, "completion", shard=0, shards=1, options=options)
        completion_stage.run(ctx, methods=methods, evaluation=EVALUATION)
        shard = scale.results / "completion" / method / variant / "seed0" / "shard-000.zip"
        done[variant] = Completions(shard).read("world/a/1/r0")
    clip = recipe_clips(scale).render("world/a/1/r0")
    assert not done["plain"].amodal_FHW.any()
    assert np.array_equal(done["pasted"].amodal_FHW, clip.visible_FHW)
    seen = clip.visible_FHW > 0
    assert np.array_equal(done["pasted"].rgb_FHW3[seen], clip.frames_FHW3[seen])
    assert (done["pasted"].rgb_FHW3[~seen] == 255).all()


def test_a_method_whose_masks_are_tracked_cannot_paste_by_exact_ones(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, "extends: smoke\nmethods: {ours_tracked/mask: {paste: 1.0}}\n")
    assert "methods.ours_tracked/mask.paste is set, but the method's masks are tracked" in refusal(tmp_path)


def test_a_thin_rim_around_a_seen_outline_is_no_hidden_part() -> None:
    seen, painted = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    seen[10:30, 10:30] = 255
    painted[8:32, 8:32] = 255
    assert beyond_seen(seen, painted, 0).sum() == 24 * 24 - 20 * 20
    assert not beyond_seen(seen, painted, 3).any()
    assert (seen_share(seen, painted, 4, rim=3) == (seen > 0)).all()


def test_a_hidden_half_counts_to_its_root_and_loses_only_the_rim_elsewhere() -> None:
    seen, painted = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    seen[10:30, 10:30] = 255
    painted[8:32, 8:50] = 255
    hidden = beyond_seen(seen, painted, 3)
    assert hidden[10:30, 30:50].all(), "all of the hidden half, to where it is seen"
    assert not hidden[:, 8:24].any(), "no rim away from it"
    share = seen_share(seen, painted, 4, rim=3)
    assert share[20, 10] == 1
    assert 0 < share[20, 29] < 1


def test_a_gap_between_two_seen_parts_counts_however_narrow() -> None:
    seen, painted = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    seen[8:32, 10:28] = seen[8:32, 30:50] = 255
    painted[8:32, 10:50] = 255
    hidden = beyond_seen(seen, painted, 3)
    assert hidden[8:32, 28:30].all()


def test_a_hidden_limb_counts_to_its_root() -> None:
    seen, painted = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    seen[10:30, 10:30] = 255
    painted[10:30, 10:30] = painted[18:21, 10:50] = 255
    assert beyond_seen(seen, painted, 3)[18:21, 30:50].all()


def test_all_that_is_painted_counts_where_nothing_is_seen() -> None:
    painted = np.full((8, 8), 255, np.uint8)
    assert beyond_seen(np.zeros((8, 8), np.uint8), painted, 3).all()
