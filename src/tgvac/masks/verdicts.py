"""The words for a frame's mask, and which of them mean that it is not to be believed."""

from __future__ import annotations

from collections.abc import Sequence

GIVEN = "given"
"""Annotated, with the object in it."""
EMPTY = "empty"
"""Annotated, without the object."""
ABSENT = "absent"
"""The source says that the object is not there."""
UNKNOWN = "unknown"
"""Too far from any annotation; the mask is empty, whatever the frame shows."""
MADE = "made"
"""Made by a segmenter, and past every gate."""
LOST = "lost"
"""The object should be there, but no mask of it was found."""
OUTSIDE = "outside"
"""Too much of the mask lies outside of the given box."""
BOX = "box"
"""The mask's own box is not the given one."""
JUMP = "jump"
"""The area jumps from the frame before."""

FAILED = frozenset({LOST, OUTSIDE, BOX, JUMP})
"""Frames of these verdicts are never training data."""


def failed_share(verdicts: Sequence[str]) -> float:
    """The share of failed frames among those whose mask was made, in [0, 1]; 0 where none was."""
    failed = sum(v in FAILED for v in verdicts)
    judged = failed + sum(v == MADE for v in verdicts)
    return failed / judged if judged else 0.0
