"""What a method's file offers: a function ``load`` that returns a function from a clip to a completion.

A method whose registry entry has ``local_weights`` also offers a function of that name, of the same arguments: digests
of what it loads that no phase made. A method whose entry is ``given`` ``outputs`` also offers ``digests(setup)``: a
function from a sample to the digest of what is read of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completer, Completion
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams

Complete = Callable[[Clip, str, int], Completion]
"""A clip, its sentence ("" for none) and the seed of the sampling noise to a completion."""


@dataclass(frozen=True)
class FromOwnMasks(Completion):
    """A completion by a method that made visible masks of its own.

    Attributes:
        given_FHW: these masks, ``uint8`` in {0, 255}.
    """

    given_FHW: np.ndarray


class LeftOut(BadInput):
    """A clip that the method has no completion of. It has no rows; the others keep theirs."""


@dataclass(frozen=True)
class Setup:
    """What ``load`` is given besides the params that the method's registry entry names.

    Attributes:
        method: the method's entry of the params' block ``methods``.
        backbones: the folder of the frozen networks; None for a method that names none.
        trained: the folder of the trained network; None for a method that is not trained.
        device: a torch device name.
        root: names of local weights in params are relative to this folder.
    """

    method: MethodParams
    backbones: Path | None = None
    trained: Path | None = None
    device: str = "cpu"
    root: Path = Path()


def from_input(completer: Completer) -> Complete:
    """Give a completer the input alone, never the clip, which holds the truth."""
    return lambda clip, text, seed: completer.complete(clip.frames_FHW3, clip.visible_FHW, text, seed)
