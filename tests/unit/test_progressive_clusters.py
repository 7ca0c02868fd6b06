"""ProgressiveAmodal finds the object in a noised picture by clusters of features."""

from __future__ import annotations

import numpy as np

from tgvac.progressive.clusters import clustered, of_the_object, reduced


def marked(text: str) -> np.ndarray:
    """A mask from rows of # and dots."""
    return np.array([[letter == "#" for letter in row] for row in text.split()])


CLUSTERS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]], np.int32)


def test_clusters_that_cover_more_than_a_fifth_of_what_is_seen_are_the_object_s() -> None:
    # Five pixels are seen: three are in cluster 0, one in 1 and one in 2. A fifth of five is one, which is not more.
    seen, hole = marked("##.. #.#. #... ...."), marked(".... .#.# .#.# ....")
    assert seen.sum() == 5
    found = of_the_object(CLUSTERS, seen, hole, 0.2)
    assert np.array_equal(found, marked("##.. ###. #... ....")), "what is seen, and of the hole what is in cluster 0"
    # At 0.19 clusters 1 and 2 count, too, and of cluster 3 nothing is seen.
    assert np.array_equal(of_the_object(CLUSTERS, seen, hole, 0.19), marked("##.. #### ##.. ...."))


def test_nothing_but_what_is_seen_and_the_hole_is_the_object() -> None:
    seen, hole = marked("##.. .... .... ...."), marked(".... #... .... ....")
    assert np.array_equal(of_the_object(CLUSTERS, seen, hole, 0.2), marked("##.. #... .... ...."))


def test_coarse_clusters_count_by_their_nearest_pixel() -> None:
    coarse = np.array([[0, 1], [2, 3]], np.int32)
    seen, hole = marked("#... .... .... ...."), np.ones((4, 4), bool)
    assert np.array_equal(of_the_object(coarse, seen, hole, 0.2), marked("##.. ##.. .... ...."))


def test_k_means_parts_features_that_are_apart_and_depends_on_its_seed_alone() -> None:
    draw = np.random.Generator(np.random.PCG64(0))
    truth_hw = np.arange(64).reshape(8, 8) // 16
    features_Chw = (10.0 * np.eye(4)[truth_hw].transpose(2, 0, 1) + draw.normal(size=(4, 8, 8))).astype(np.float32)
    found = clustered(features_Chw, 4, 7)
    assert all(len(set(found[truth_hw == k])) == 1 for k in range(4))
    assert len(np.unique(found)) == 4
    state = np.random.get_state()[1].copy()  # the global generator is not touched
    assert np.array_equal(found, clustered(features_Chw, 4, 7))
    assert np.array_equal(state, np.random.get_state()[1])


def test_equal_features_are_one_cluster() -> None:
    assert not clustered(np.ones((3, 4, 4), np.float32), 4, 0).any()


def test_a_mask_is_reduced_to_its_nearest_pixels_and_never_vanishes() -> None:
    mask_SS = np.zeros((8, 8), np.uint8)
    mask_SS[0:4, 4] = 255
    assert np.array_equal(reduced(mask_SS, 4, 4), marked("..#. ..#. .... ...."))
    thin_SS = np.zeros((8, 8), np.uint8)
    thin_SS[5, 3] = 255
    assert np.array_equal(reduced(thin_SS, 4, 4), marked(".... .... .#.. ...."))
