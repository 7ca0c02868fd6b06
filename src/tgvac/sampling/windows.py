"""Windows over a long video (paper, section 3.4: clips of the training length, one stride apart), and their average."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from tgvac.sampling.params import SamplerParams

# Shapes: F frames of the video, n frames of a window, B windows of a group, c latent channels, h, w latents.


def windows(frames: int, length: int, stride: int, shift: int = 0, beyond: bool = False) -> list[range]:
    """Windows of ``length`` frames, ``stride`` apart, that together cover every frame, in the order of their starts.

    A video shorter than a window is one window of its own length. ``stride == length`` means no overlap.

    Args:
        shift: a multiple of ``stride`` from here is where windows start.
        beyond: windows go on over both ends, so that each frame is in as many windows as one in the middle. Otherwise
            one more window begins at the first frame, or ends at the last, where the others leave frames out.

    >>> windows(10, 4, 3)
    [range(0, 4), range(3, 7), range(6, 10)]
    >>> windows(9, 4, 3)
    [range(0, 4), range(3, 7), range(5, 9)]
    >>> windows(9, 4, 4, shift=2)
    [range(0, 4), range(2, 6), range(5, 9)]
    >>> windows(9, 4, 4, shift=2, beyond=True)
    [range(-2, 2), range(2, 6), range(6, 10)]
    """
    if frames < 1 or length < 1 or not 1 <= stride <= length:
        raise ValueError(
            f"cannot cover {frames} frames with windows of {length}, {stride} apart; give 1 <= stride <= length"
        )
    if frames <= length:
        return [range(frames)]
    if beyond:
        starts = list(range((shift - 1 + length) % stride + 1 - length, frames, stride))
    else:
        last = frames - length
        starts = sorted({0, *range(shift % stride, last + 1, stride), last})
    return [range(s, s + length) for s in starts]


def windows_at(step: int, frames: int, sampler: SamplerParams) -> list[range]:
    """The windows of a denoising step, from 0.

    The first ``overlap`` of the steps have windows ``stride`` apart at the same places. The others have windows that
    do not overlap, at other places in each step, so that no border between two windows stays.
    """
    length, beyond = sampler.clip_frames, sampler.ends == "reflect"
    if step < round(sampler.overlap * sampler.steps):
        return windows(frames, length, sampler.stride, 0, beyond)
    return windows(frames, length, length, shift_at(step, length), beyond)


def shift_at(step: int, length: int) -> int:
    """Where windows without overlap begin in a step: all places in turn, far from those of the steps before.

    >>> [shift_at(k, 14) for k in range(14)]
    [0, 9, 4, 13, 8, 3, 12, 7, 2, 11, 6, 1, 10, 5]
    """
    # The golden section spreads any number of steps evenly; a divisor of the length would miss places.
    apart = round(length * 0.618)
    while np.gcd(apart, length) > 1:
        apart += 1
    return step * apart % length


def frames_of(span: range, frames: int) -> list[int]:
    """The frames that a window shows: beyond an end, the video runs backwards.

    >>> frames_of(range(-2, 2), 9)
    [2, 1, 0, 1]
    """
    if frames == 1:
        return [0] * len(span)
    around = 2 * (frames - 1)
    return [min(i % around, around - i % around) for i in span]


def weights_of(length: int, kind: str) -> torch.Tensor:
    """How much each frame of a window counts in the average, ``float32 [n]``."""
    if kind == "flat":
        return torch.ones(length)
    place = torch.arange(length)
    return torch.minimum(place + 1, length - place).float()


def average_windows(
    predict: Callable[[Sequence[range]], torch.Tensor],
    frames: int,
    spans: Sequence[range],
    group: int,
    kind: str = "flat",
) -> Iterator[tuple[range, torch.Tensor]]:
    """Average the predictions of all windows that contain a frame.

    Yields frames, and their average ``[n,c,h,w]``, as soon as no later window contains them, in the order of the video.
    Only windows of one group are in memory.

    Args:
        predict: returns the predictions ``[B,n,c,h,w]`` of a group of windows of one length, on the CPU.
        frames: of the video.
        spans: the windows, in the order of their starts.
        group: windows that are predicted at once; changes memory use, and the last bits.
        kind: how frames of a window are weighted: ``flat``, or ``triangular``, least at its ends.
    """
    begin, total, counts = 0, torch.zeros(0), torch.zeros(0)
    weight_n111 = weights_of(len(spans[0]), kind).view(-1, 1, 1, 1)
    for first in range(0, len(spans), group):
        some, later = spans[first : first + group], spans[first + group :]
        found = predict(some)
        end = min(frames, some[-1].stop)
        total, counts = _longer(total, end - begin, found.shape[2:]), _longer(counts, end - begin, (1, 1, 1))
        for span, noise in zip(some, found, strict=True):
            inside = range(max(0, span.start), min(frames, span.stop))
            to = slice(inside.start - begin, inside.stop - begin)
            at = slice(inside.start - span.start, inside.stop - span.start)
            total[to] += weight_n111[at] * noise[at]
            counts[to] += weight_n111[at]
        done = max(0, later[0].start) if later else frames
        if done > begin:
            yield range(begin, done), total[: done - begin] / counts[: done - begin]
            total, counts, begin = total[done - begin :], counts[done - begin :], done


def _longer(x: torch.Tensor, length: int, shape: tuple[int, ...]) -> torch.Tensor:
    """``x`` with zeros added up to a length."""
    return torch.cat([x.view(len(x), *shape), torch.zeros(length - len(x), *shape)])
