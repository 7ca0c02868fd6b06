"""Noise on training masks: drawn by name, bounded, the same for a whole clip, and off by default."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import box, noise
from tests.unit.clips_in_memory import ClipsInMemory
from tests.unit.tiny_models import EXACT_MASKS, FRAMING, vae
from tgvac.latents.encoding import encode_clips
from tgvac.latents.mask_noise import noisy_masks
from tgvac.latents.params import MaskNoiseParams
from tgvac.synthesis.compositing import composite

MASKS = np.stack([box(60, 80, 15, 20 + i, 45, 60 + i) for i in range(4)])


def params(**changes: Any) -> MaskNoiseParams:
    return EXACT_MASKS.model_copy(update={"share": 1.0, "leak_share": 0.0, **changes})


def test_without_a_share_masks_are_the_same_object_and_latents_the_same_bits() -> None:
    assert noisy_masks(EXACT_MASKS, "s", MASKS) is MASKS
    small = np.stack([box(32, 32, 8, 8, 20, 20)])
    clip = composite("s", "v", "t", noise(1, 1, 32, 32, 3), small, [])
    given = ClipsInMemory(clip), ["s"], FRAMING, 2
    plain, same = encode_clips(vae(), *given), encode_clips(vae(), *given, EXACT_MASKS)
    assert all(bool((plain[k] == same[k]).all()) for k in plain)
    faulty = encode_clips(vae(), *given, params(leak_share=1.0, leak=1.0))
    assert not bool((faulty["mask"] == plain["mask"]).all())
    for what in ("frame", "target_mean", "target_std"):
        assert bool((faulty[what] == plain[what]).all())


def test_the_share_of_faulty_clips_is_that_asked_for_half_of_them_smaller() -> None:
    found = [noisy_masks(params(share=0.4), f"s{k}", MASKS[:1]) for k in range(400)]
    change = np.sign([int(m.astype(bool).sum()) - int(MASKS[0].astype(bool).sum()) for m in found])
    # A few of the faulty ones are drawn below half a pixel.
    assert np.mean(change != 0) == pytest.approx(0.4, abs=0.08)
    assert np.mean(change < 0) == pytest.approx(0.2, abs=0.06)


def test_faults_are_bounded_by_their_shares_of_the_longer_side() -> None:
    grown = [noisy_masks(params(erode=0.0, dilate=0.1), f"s{k}", MASKS) for k in range(60)]
    shrunk = [noisy_masks(params(erode=0.1, dilate=0.0), f"s{k}", MASKS) for k in range(60)]
    limit = 4  # a tenth of 40 pixels
    for found in grown:
        outer = np.stack([box(60, 80, 15 - limit, 20 + i - limit, 45 + limit, 60 + i + limit) for i in range(4)])
        assert not (MASKS & ~found).any()
        assert not (found & ~outer).any()
    for found in shrunk:
        inner = np.stack([box(60, 80, 15 + limit, 20 + i + limit, 45 - limit, 60 + i - limit) for i in range(4)])
        assert not (found & ~MASKS).any()
        assert not (inner & ~found).any()
    assert any((a != MASKS).any() for a in grown)
    assert any((a != MASKS).any() for a in shrunk)


def test_a_leak_is_a_blob_on_the_outline_that_goes_along_with_the_object() -> None:
    found = [noisy_masks(params(erode=0.0, dilate=0.0, leak_share=1.0, leak=0.2), f"s{k}", MASKS) for k in range(40)]
    leaked = [each & ~MASKS for each in found]
    assert np.mean([bool(each.any()) for each in leaked]) > 0.8
    for each in leaked:
        # The object moves a pixel to the right each frame, and so does what leaks.
        for f in range(3):
            assert np.array_equal(np.roll(each[f], 1, axis=1), each[f + 1])
        # No farther than a fifth of 40 pixels.
        outer = np.stack([box(60, 80, 15 - 8, 20 + i - 8, 45 + 8, 60 + i + 8) for i in range(4)])
        assert not (each & ~outer).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 12), st.floats(0, 0.49), st.floats(0, 1))
def test_empty_masks_stay_empty_and_others_never_become_empty(
    seed: int, height: int, width: int, change: float, leak: float
) -> None:
    masks = np.where(noise(seed, 3, height, width) > 200, 255, 0).astype(np.uint8)
    it = params(erode=change, dilate=change, leak_share=1.0, leak=leak)
    found = noisy_masks(it, f"s{seed}", masks)
    assert (found.shape, found.dtype) == (masks.shape, masks.dtype)
    assert set(np.unique(found)) <= {0, 255}
    assert np.array_equal(found.any(axis=(1, 2)), masks.any(axis=(1, 2)))
    assert np.array_equal(found, noisy_masks(it, f"s{seed}", masks))


def test_another_name_or_seed_draws_other_faults() -> None:
    one = noisy_masks(params(leak_share=1.0), "a", MASKS)
    assert not np.array_equal(one, noisy_masks(params(leak_share=1.0), "b", MASKS))
    assert not np.array_equal(one, noisy_masks(params(leak_share=1.0, seed=2), "a", MASKS))
