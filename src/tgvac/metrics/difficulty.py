"""The difficulty of a frame, from its occlusion rate.

The paper (section 4.2) calls frames with "less than 50% occlusion" easy and with "greater than 50%" hard.
A rate is 1 - |visible| / |amodal|; it is NaN if the object is absent, and absent frames are in neither class.
The paper says that it follows ProgressiveAmodal, whose bins are in fact 20-50 % and 50-80 %. These bins are groups
here, and so are the frames at exactly 0 and exactly 1, which the paper's two classes do not mention.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Difficulty = Literal["easy", "hard", "absent"]
"""The class of a frame; every frame has exactly one."""

Group = Literal["all", "easy", "hard", "visible", "hidden", "20-50", "50-80"]
"""A set of frames for a table; the sets overlap, and none has a frame without the object."""


def difficulty(rate_F: NDArray[np.float64], hard_from: float) -> NDArray[np.str_]:
    """The class of each frame.

    Args:
        rate_F: occlusion rates, float [F] in [0,1], NaN where the object is absent. A pair of consecutive frames
            has the rate of the later frame, so give ``rate_F[1:]`` for pairs.
        hard_from: rate from which a frame is hard, in (0, 1].

    Returns:
        str [F] of 'easy', 'hard' and 'absent'.

    Raises:
        ValueError: a rate outside [0,1], or ``hard_from`` outside (0,1].
    """
    _check(rate_F, hard_from)
    named_F: NDArray[np.str_] = np.where(np.isnan(rate_F), "absent", np.where(rate_F >= hard_from, "hard", "easy"))
    return named_F


def in_group(rate_F: NDArray[np.float64], group: Group, hard_from: float) -> NDArray[np.bool_]:
    """Which frames belong to a named set.

    Args:
        rate_F: occlusion rates, float [F] in [0,1], NaN where the object is absent.
        group: 'all' is every frame with the object; 'visible' is a rate of exactly 0 and 'hidden' of exactly 1
            (both also belong to 'easy' and 'hard'); '20-50' is [0.2, 0.5) and '50-80' is [0.5, 0.8].
        hard_from: rate from which a frame is hard, in (0, 1].

    Returns:
        bool [F].

    Raises:
        ValueError: an unknown group, a rate outside [0,1], or ``hard_from`` outside (0,1].
    """
    _check(rate_F, hard_from)
    inside_F: NDArray[np.bool_]
    match group:  # a comparison with NaN is False, so absent frames are left out
        case "all":
            inside_F = ~np.isnan(rate_F)
        case "easy":
            inside_F = rate_F < hard_from
        case "hard":
            inside_F = rate_F >= hard_from
        case "visible":
            inside_F = rate_F == 0
        case "hidden":
            inside_F = rate_F == 1
        case "20-50":
            inside_F = (rate_F >= 0.2) & (rate_F < 0.5)
        case "50-80":
            inside_F = (rate_F >= 0.5) & (rate_F <= 0.8)
        case _:
            raise ValueError(f"unknown group '{group}'; known are {', '.join(get_args(Group))}")
    return inside_F


def video_difficulty(rate_F: NDArray[np.float64], hard_from: float) -> Difficulty:
    """The class of a whole video, by the mean rate over the frames that have the object.

    The paper's user study has easy and hard videos, although its classes are of frames.
    """
    _check(rate_F, hard_from)
    present = rate_F[~np.isnan(rate_F)]
    if len(present) == 0:
        return "absent"
    return "hard" if present.mean() >= hard_from else "easy"


def _check(rate_F: NDArray[np.float64], hard_from: float) -> None:
    if not 0 < hard_from <= 1:
        raise ValueError(f"hard_from must be in (0, 1], not {hard_from}")
    wrong = rate_F[(rate_F < 0) | (rate_F > 1)]
    if len(wrong):
        raise ValueError(f"an occlusion rate must be in [0, 1], not {wrong[0]}")
