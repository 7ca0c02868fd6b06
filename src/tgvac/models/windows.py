"""Windows over a long video (paper, section 3.4: clips of the training length, a stride apart)."""

from __future__ import annotations


def windows(frames: int, length: int, hop: int) -> list[range]:
    """Windows of ``length`` frames, ``hop`` apart, that together cover every frame.

    Where the hops do not end at the last frame, one more window ends there; a video shorter than a
    window is one window of its own length. ``hop == length`` means no overlap.

    >>> windows(10, 4, 3)
    [range(0, 4), range(3, 7), range(6, 10)]
    >>> windows(9, 4, 3)
    [range(0, 4), range(3, 7), range(5, 9)]
    """
    if frames < 1 or length < 1 or not 1 <= hop <= length:
        raise ValueError(f"cannot cover {frames} frames with windows of {length}, {hop} apart: need 1 <= hop <= length")
    if frames <= length:
        return [range(frames)]
    starts = list(range(0, frames - length + 1, hop))
    if starts[-1] != frames - length:
        starts.append(frames - length)
    return [range(s, s + length) for s in starts]
