"""OpenCV, made deterministic: one thread, and random numbers by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from tgvac.seeds import seed_of


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV work in one thread; shards are what runs in parallel.

    Dense inverse search cuts the image into as many stripes as there are threads, and hands flow on within a
    stripe only: another number of threads gives another flow.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def cut(image_HW3: np.ndarray, labels_HW: np.ndarray, iterations: int, *names: str | int) -> np.ndarray:
    """Divide an image in two by GrabCut (Rother et al., 2004), from labels.

    Args:
        image_HW3: ``uint8 [H,W,3]``.
        labels_HW: ``uint8 [H,W]`` of ``cv2.GC_BGD``, ``GC_FGD``, ``GC_PR_BGD``, ``GC_PR_FGD``; left as it is.
        iterations: of fitting colours and cutting.
        names: what the draw is for; k-means in GrabCut starts at random.

    Returns:
        ``bool [H,W]``, True in the foreground. Where the labels know no foreground or no background there is
        nothing to tell apart, and the labelled foreground comes back.
    """
    labels_HW = np.ascontiguousarray(labels_HW)
    sides = labels_HW & 1
    if sides.any() and not sides.all():
        # OpenCV reads its seed as an int.
        cv2.setRNGSeed(seed_of("masks", "cut", *names) % 2**31)
        labels_HW = labels_HW.copy()
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(np.ascontiguousarray(image_HW3), labels_HW, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels_HW & 1) == 1)


def disc(radius: float) -> np.ndarray:
    """A round structuring element, of one pixel's radius at least."""
    size = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
