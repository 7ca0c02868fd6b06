"""Finds the object in a noised picture: clusters of the UNet's features that cover what is seen of it."""

from __future__ import annotations

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

_STARTS = 10
"""K-means starts so often, and keeps the best."""


def clustered(features_Chw: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """The cluster of each pixel by K-means over its features, ``int32 [h,w]`` from 0.

    Args:
        features_Chw: ``float32``.
        clusters: fewer where there are not as many different features.
        seed: of the starts.
    """
    from sklearn.cluster import KMeans

    channels, height, width = features_Chw.shape
    rows = np.ascontiguousarray(features_Chw.reshape(channels, -1).T.astype(np.float64))
    found = min(clusters, len(np.unique(rows, axis=0)))
    # Several threads would add in any order, and so change last bits.
    with threadpool_limits(1):
        means = KMeans(n_clusters=found, n_init=_STARTS, random_state=seed % 2**32).fit(rows)
    return np.asarray(means.labels_, np.int32).reshape(height, width)


def of_the_object(clusters_hw: np.ndarray, object_hw: np.ndarray, hole_hw: np.ndarray, share: float) -> np.ndarray:
    """Where the object is, ``bool [h,w]``: clusters that cover more than a share of what is seen, and that itself.

    Only what is seen of it and the hole can be the object.

    Args:
        clusters_hw: of any size; the nearest pixel counts.
        object_hw, hole_hw: what is seen of the object, and what is painted, ``bool``.
    """
    height, width = object_hw.shape
    at_hw = cv2.resize(clusters_hw.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST).astype(int)
    seen = np.bincount(at_hw[object_hw], minlength=at_hw.max() + 1)
    kept = np.flatnonzero(seen > share * np.count_nonzero(object_hw))
    return np.asarray((np.isin(at_hw, kept) | object_hw) & (object_hw | hole_hw))


def reduced(mask_SS: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask at the size of the latents, ``bool [h,w]``: the nearest pixel; all that it touches, if it would vanish."""
    found_hw = cv2.resize(mask_SS, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    if not found_hw.any():
        rows, columns = np.nonzero(mask_SS)
        found_hw[rows * height // len(mask_SS), columns * width // len(mask_SS)] = True
    return np.asarray(found_hw)
