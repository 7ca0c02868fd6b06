"""A sentence by BLIP-2 of what is seen of the object alone: ``caption: visible`` of a method.

The object's own sentence is of a frame in which it is whole, which nobody has of a video to be completed.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np

from tgvac.captions.blip2 import Blip2, identity
from tgvac.captions.looks import crop_on_white
from tgvac.captions.params import Blip2Params, CaptionsParams
from tgvac.captions.remembered import Remembered
from tgvac.captions.sentences import tidy
from tgvac.clips.clip import Clip
from tgvac.completion.given import Source


class Pinned(Protocol):
    """The used keys of the block ``compute``."""

    @property
    def threads(self) -> int: ...

    @property
    def tf32(self) -> bool: ...


def load(source: Source, *, captions: CaptionsParams, compute: Pinned) -> SeenCaptions:
    """The captioner, which is loaded when the first sentence is needed."""
    params = captions.blip2
    model = identity(params)
    generate = partial(Blip2, params, source.ctx.device, compute.threads, compute.tf32)
    database = source.folder / f"sentences-{source.ctx.shard or 0:03d}.sqlite"
    return SeenCaptions(source, params, model, Remembered(database, model, generate, params.batch))


class SeenCaptions:
    """A :class:`tgvac.completion.given.Change` of sentences.

    Args:
        model: a digest of the model.
    """

    def __init__(self, source: Source, params: Blip2Params, model: str, describe: Remembered) -> None:
        self._source, self._params, self._model, self._describe = source, params, model, describe

    def key(self, sample: str) -> Any:
        # A folder's weights may change while its name, which is all that params have, does not.
        return self._model

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        look_SS3 = most_seen(clip, self._params.min_area, self._params.margin)
        if look_SS3 is None:
            return clip, ""
        if self._describe.find(look_SS3) is None:
            # The next samples are described together with this one, to fill the batch.
            samples = list(self._source.recipes)
            ahead = islice(samples, samples.index(sample) + 1, samples.index(sample) + self._params.batch)
            looks = (most_seen(self._source.render(s), self._params.min_area, self._params.margin) for s in ahead)
            self._describe.fill([look_SS3, *(look for look in looks if look is not None)])
        return clip, tidy(self._describe(look_SS3), self._params.drop)

    def close(self) -> None:
        self._describe.close()


def most_seen(clip: Clip, min_area: float, margin: float) -> np.ndarray | None:
    """What is seen in the frame that shows most of the object, cropped on white, ``uint8 [S,S,3]``.

    None if that is less than ``min_area`` of the frame, from which a model only guesses.
    """
    area_F = np.count_nonzero(clip.visible_FHW, axis=(1, 2))
    at = int(area_F.argmax())
    if area_F[at] == 0 or area_F[at] < min_area * clip.visible_FHW[at].size:
        return None
    return crop_on_white(clip.frames_FHW3[at], clip.visible_FHW[at], margin)
