"""Several completions of one video: which is in their middle, and where they disagree.

What is hidden may be many things. Where completions from different noise agree, the video decides; where they do not,
the model guesses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Shapes: N completions, F frames, S the model's square.

_FULL = 64
"""Mean levels apart that are drawn white."""


def middle(made: Sequence[Sequence[np.ndarray]]) -> int:
    """The completion that differs least from the others, in mean levels over all frames; of equals, the first.

    Args:
        made: completions ``uint8 [F,S,S,3]`` of one video; two frames are read at a time.
    """
    apart_NN = np.zeros((len(made), len(made)))
    for i in range(len(made[0])):
        frames = [each[i].astype(np.int16) for each in made]
        for a in range(len(made)):
            for b in range(a):
                apart_NN[a, b] = apart_NN[b, a] = apart_NN[a, b] + np.abs(frames[a] - frames[b]).mean()
    return int(apart_NN.sum(axis=1).argmin())


def disagreement(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Where completions of one frame disagree, ``uint8 [S,S]``: how far they are from their median in the mean.

    Args:
        frames: ``uint8 [S,S,3]``, one of each completion.
    """
    frames_NSS3 = np.stack(frames).astype(np.float32)
    apart_SS = np.abs(frames_NSS3 - np.median(frames_NSS3, axis=0)).mean(axis=(0, 3))
    return np.asarray((apart_SS * (255 / _FULL)).clip(0, 255).round(), np.uint8)
