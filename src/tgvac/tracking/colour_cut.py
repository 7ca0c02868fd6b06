"""An object from points, by colour: cut out around them, or a tracked mask that they correct."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

from tgvac.clips.box import Box
from tgvac.masks.grabcut import grown
from tgvac.masks.opencv import cut, disc
from tgvac.tracking.prompts import Point

_CLICK = 0.005
"""Radius of what a click surely means, in shares of the frame's longer side."""
_REACHES, _CUTS = (0.018, 0.033, 0.066, 0.13), 5
"""Without a box: how far around the points the object may be at first, in shares of the frame's longer side; and rounds
of cutting. Several points say how large it is, within bounds, so that all reaches vote; one does not, and the largest
is best."""
_EDGE = 15.0
"""Difference of neighbours in L*a*b*, in grey levels, that is hardly passed."""
_ALIKE = 25.0
"""Difference from a click's colour in L*a*b*, in grey levels, up to which a pixel may follow the click."""
_HOLD, _FOLLOW = 0.01, 1e-6
"""How much a pixel keeps of the tracked mask: where it is not like a click, and where it is."""
_BLUR = 1.0
"""Pixels over which colours are averaged, since one pixel is unreliable."""


def cut_around(
    frame_HW3: np.ndarray, points: Sequence[Point], not_points: Sequence[Point], box: Box | None
) -> np.ndarray:
    """The object at some points of a frame ``uint8 [H,W,3]``: what has their colours, and is joined to them.

    Args:
        points, not_points: on the object and on something else, in pixels.
        box: around the object, if it is known; nothing outside of it belongs to the object.

    Returns:
        ``uint8 [H,W]`` in {0, 255}.
    """
    shape = frame_HW3.shape[:2]
    on_HW, off_HW = _clicks(points, shape), _clicks(not_points, shape)
    reaches = _REACHES if len(points) > 1 else _REACHES[-1:]
    starts = [_inside(box, shape)] if box else [_around(points, reach, shape) for reach in reaches]
    votes = []
    for labels_HW in starts:
        labels_HW[off_HW] = cv2.GC_BGD
        labels_HW[on_HW] = cv2.GC_FGD
        found_HW = cut(frame_HW3, labels_HW, _CUTS, "points")
        votes.append(_joined(found_HW, on_HW) if points else found_HW)
    mask_HW = np.where(np.mean(votes, axis=0) >= 0.5, 255, 0).astype(np.uint8)
    # One click has few colours beside those of all that is cut: alone, cutting would only take its own pixels off.
    return corrected(frame_HW3, mask_HW, points, not_points) if not_points and mask_HW.any() else mask_HW


def _inside(box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Labels for cutting an object out of its box."""
    labels_HW = np.full(shape, cv2.GC_BGD, np.uint8)
    labels_HW[grown(box, 0.0, *shape).slices] = cv2.GC_PR_FGD
    return labels_HW


def _around(points: Sequence[Point], reach: float, shape: tuple[int, ...]) -> np.ndarray:
    """Labels for cutting out what is around points; what touches the border of the frame is most often background."""
    near_HW = cv2.dilate(_hull(points, shape), disc(reach * max(shape))) > 0
    labels_HW = np.full(shape, cv2.GC_BGD, np.uint8)
    labels_HW[2:-2, 2:-2] = cv2.GC_PR_BGD
    labels_HW[near_HW] = cv2.GC_PR_FGD
    return labels_HW


def corrected(
    frame_HW3: np.ndarray, mask_HW: np.ndarray, points: Sequence[Point], not_points: Sequence[Point]
) -> np.ndarray:
    """A tracked mask after points said what it lacks and what does not belong to it.

    A random walk (Grady, 2006) between the clicks decides. Pixels that are unlike all clicks hold on to the mask; those
    that it contradicts, near it and of its colours, go where the walk ends that passes no edge.

    Args:
        frame_HW3: ``uint8 [H,W,3]``.
        mask_HW: ``uint8 [H,W]`` in {0, 255}; not empty.
        points, not_points: in pixels.

    Returns:
        ``uint8 [H,W]`` in {0, 255}.
    """
    shape = mask_HW.shape
    on_HW = _clicks(points, shape)
    off_HW = _clicks(not_points, shape) & ~on_HW
    lab_HW3 = cv2.cvtColor(frame_HW3, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab_HW3 = cv2.GaussianBlur(lab_HW3, (0, 0), _BLUR)
    reach = 2 * np.sqrt(np.count_nonzero(mask_HW))
    like_HW = np.zeros(shape, np.float32)
    inside_HW = mask_HW > 0
    for point, against_HW in [*((p, ~inside_HW) for p in points), *((p, inside_HW) for p in not_points)]:
        click_HW = _clicks([point], shape)
        apart_HW = np.linalg.norm(lab_HW3 - lab_HW3[click_HW].mean(axis=0), axis=2) / _ALIKE
        far_HW = cv2.distanceTransform(np.where(click_HW, 0, 1).astype(np.uint8), cv2.DIST_L2, 5) / reach
        like_HW = np.maximum(like_HW, against_HW * np.exp(-(apart_HW**4) - far_HW**4))
    # On an edge a pixel's colour is a mixture, and says nothing.
    flat_HW = np.exp(-((_slope(lab_HW3) / _EDGE) ** 2))
    hold_HW = _HOLD * flat_HW * (1 - like_HW) ** 2 + _FOLLOW
    chance_HW = _walk(lab_HW3, on_HW, off_HW, (mask_HW > 0).astype(np.float64), hold_HW)
    return np.where(chance_HW >= 0.5, 255, 0).astype(np.uint8)


def _slope(lab_HW3: np.ndarray) -> np.ndarray:
    """How much the colour changes from pixel to pixel, ``float32 [H,W]``, in grey levels."""
    down_HW3, across_HW3 = np.gradient(lab_HW3, axis=(0, 1))
    return np.asarray(np.sqrt((down_HW3**2 + across_HW3**2).sum(axis=2)))


def _walk(
    lab_HW3: np.ndarray, on_HW: np.ndarray, off_HW: np.ndarray, prior_HW: np.ndarray, hold_HW: np.ndarray
) -> np.ndarray:
    """The chance that a walk from a pixel ends on the object, ``float64 [H,W]``.

    A step is likelier to a neighbour of like colour; at each pixel the walk may end, by ``hold_HW``, as the prior says.
    """
    height, width = prior_HW.shape
    count, at_HW = height * width, np.arange(height * width).reshape(height, width)
    pairs = [(at_HW[:, :-1], at_HW[:, 1:]), (at_HW[:-1], at_HW[1:])]
    a_E, b_E = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    lab_P3 = lab_HW3.reshape(-1, 3)
    apart_E = np.linalg.norm(lab_P3[a_E] - lab_P3[b_E], axis=1) / _EDGE
    weight_E = np.exp(-(apart_E**2)) + 1e-6
    steps = coo_array((np.r_[weight_E, weight_E], (np.r_[a_E, b_E], np.r_[b_E, a_E])), (count, count)).tocsr()
    hold_P = hold_HW.ravel().astype(np.float64)
    system = (diags_array(np.asarray(steps.sum(axis=1)).ravel() + hold_P) - steps).tocsr()
    known_P, chance_P = (on_HW | off_HW).ravel(), on_HW.ravel().astype(np.float64)
    free_P = np.flatnonzero(~known_P)
    ends_P = hold_P * prior_HW.ravel() + steps @ chance_P
    chance_P[free_P] = spsolve(system[free_P][:, free_P].tocsc(), ends_P[free_P], permc_spec="MMD_AT_PLUS_A")
    return chance_P.reshape(height, width)


def _clicks(points: Sequence[Point], shape: tuple[int, ...]) -> np.ndarray:
    """Small discs at points, ``bool [H,W]``."""
    out_HW = np.zeros(shape, np.uint8)
    for x, y in points:
        cv2.circle(out_HW, (int(x), int(y)), round(_CLICK * max(shape)), 1, -1)
    return out_HW > 0


def _hull(points: Sequence[Point], shape: tuple[int, ...]) -> np.ndarray:
    """The smallest convex area around points, ``uint8 [H,W]`` in {0, 1}."""
    out_HW = np.zeros(shape, np.uint8)
    corners = cv2.convexHull(np.array([[int(x), int(y)] for x, y in points], np.int32))
    cv2.fillConvexPoly(out_HW, corners, 1)
    return out_HW


def _joined(found_HW: np.ndarray, on_HW: np.ndarray) -> np.ndarray:
    """The parts that have a click, ``bool [H,W]``."""
    _, parts_HW = cv2.connectedComponents(found_HW.astype(np.uint8), connectivity=8)
    return np.asarray(np.isin(parts_HW, np.unique(parts_HW[on_HW & found_HW])))
