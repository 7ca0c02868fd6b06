"""Windows over a long video (paper, section 3.4: clips of the training length, one stride apart), and their average."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

# Shapes: F frames of the video, n frames of a window, B windows of a group, c latent channels, h, w latents.


def windows(frames: int, length: int, stride: int) -> list[range]:
    """Windows of ``length`` frames, ``stride`` apart, that together cover every frame.

    If the last window does not end at the last frame, one more window does. A video shorter than a window is one window
    of its own length. ``stride == length`` means no overlap.

    >>> windows(10, 4, 3)
    [range(0, 4), range(3, 7), range(6, 10)]
    >>> windows(9, 4, 3)
    [range(0, 4), range(3, 7), range(5, 9)]
    """
    if frames < 1 or length < 1 or not 1 <= stride <= length:
        raise ValueError(
            f"cannot cover {frames} frames with windows of {length}, {stride} apart; give 1 <= stride <= length"
        )
    if frames <= length:
        return [range(frames)]
    starts = list(range(0, frames - length + 1, stride))
    if starts[-1] != frames - length:
        starts.append(frames - length)
    return [range(s, s + length) for s in starts]


def average_windows(
    predict: Callable[[Sequence[range]], torch.Tensor], z_Fchw: torch.Tensor, spans: Sequence[range], group: int
) -> torch.Tensor:
    """Average the predictions of all windows that contain a frame, ``[F,c,h,w]``.

    Args:
        predict: returns the predictions ``[B,n,c,h,w]`` of a group of windows of one length, on the CPU.
        z_Fchw: the latents of the whole video; only their shape is used.
        spans: the windows.
        group: windows that are predicted at once; changes memory use, and the last bits.
    """
    total = torch.zeros_like(z_Fchw)
    counts = torch.zeros(len(z_Fchw), 1, 1, 1)
    for first in range(0, len(spans), group):
        some = spans[first : first + group]
        for span, noise in zip(some, predict(some), strict=True):
            total[span.start : span.stop] += noise
            counts[span.start : span.stop] += 1
    return total / counts
