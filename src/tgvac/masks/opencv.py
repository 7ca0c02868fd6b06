"""Deterministic OpenCV: one thread, and random numbers by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from tgvac.seeds import seed_of


@contextmanager
def one_thread() -> Iterator[None]:
    """Run OpenCV in one thread; shards run in parallel instead.

    Dense inverse search splits the image into one stripe per thread and propagates flow only within a stripe, so the
    flow depends on the number of threads.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def cut(image_HW3: np.ndarray, labels_HW: np.ndarray, iterations: int, *names: str | int) -> np.ndarray:
    """Separate foreground and background by GrabCut (Rother et al., 2004), from labels.

    Args:
        image_HW3: ``uint8 [H,W,3]``.
        labels_HW: ``uint8 [H,W]`` of ``cv2.GC_BGD``, ``GC_FGD``, ``GC_PR_BGD``, ``GC_PR_FGD``; not changed.
        iterations: number of rounds of fitting colours and cutting.
        names: name of the random draw; k-means in GrabCut has a random start.

    Returns:
        ``bool [H,W]``, True in the foreground. If the labels have no foreground or no background, the labelled
        foreground is returned.
    """
    labels_HW = np.ascontiguousarray(labels_HW)
    sides = labels_HW & 1
    if sides.any() and not sides.all():
        # OpenCV takes a 32-bit signed seed.
        cv2.setRNGSeed(seed_of("masks", "cut", *names) % 2**31)
        labels_HW = labels_HW.copy()
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(np.ascontiguousarray(image_HW3), labels_HW, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels_HW & 1) == 1)


def disc(radius: float) -> np.ndarray:
    """A round structuring element with a radius of at least one pixel."""
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
