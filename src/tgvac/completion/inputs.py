"""What a method is given of each sample: its clip and its sentence, after the changes that the method's keys name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tgvac.clips.captions import read_captions
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.recipe import Recipe
from tgvac.completion.given import GIVEN, Change, Source, blocks_of, given_of
from tgvac.methods.contract import FromOwnMasks
from tgvac.methods.params import MethodParams
from tgvac.stage import Context


class Inputs:
    """The inputs of a shard's samples.

    Args:
        recipes: of the shard, by sample, in the order in which they are completed.
        every: the recipes of all shards.
        render: a sample's clip as it is.
        blocks: of params; each change gets those that it names.
        folder: where changes may keep what they made.
    """

    def __init__(
        self,
        ctx: Context,
        method: MethodParams,
        recipes: Mapping[str, Recipe],
        every: Iterable[Recipe],
        render: Callable[[str], Clip],
        blocks: Mapping[str, Any],
        folder: Path,
    ) -> None:
        self._recipes, self._render, self._changes = recipes, render, list[Change]()
        self._captions = read_captions(ctx.results / "captions" / "captions.parquet")
        objects = tuple(sorted({recipe.target for recipe in every}))
        for name in given_of(method):
            source = Source(ctx, method, recipes, objects, self._captions, self._after(len(self._changes)), folder)
            load = importlib.import_module(GIVEN[name].module).load
            self._changes.append(load(source, **blocks_of(GIVEN[name].params, blocks)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for change in self._changes:
            change.close()

    def text(self, sample: str) -> str:
        """The object's own sentence; "" if it has none."""
        track = self._recipes[sample].target
        return self._captions[track].text if track in self._captions else ""

    def key(self, sample: str) -> list[Any]:
        """What decides a sample's input besides its clip, params and code."""
        return [self.text(sample), *(change.key(sample) for change in self._changes)]

    def given(self, sample: str, clip: Clip) -> tuple[Clip, str]:
        """The clip and the sentence that the method is given, from the clip as it is.

        Raises:
            LeftOut: when there is nothing to give.
        """
        return self._changed(sample, clip, len(self._changes))

    def _changed(self, sample: str, clip: Clip, count: int) -> tuple[Clip, str]:
        text = self.text(sample)
        for change in self._changes[:count]:
            clip, text = change(sample, clip, text)
        return clip, text

    def _after(self, count: int) -> Callable[[str], Clip]:
        """A function that renders a sample after the first changes."""
        return lambda sample: self._changed(sample, self._render(sample), count)[0]


def mask_overlap(exact: Clip, given: Clip, done: Completion) -> list[float | None]:
    """Intersection over union of the masks that a method completed from with the exact ones, by frame.

    None where both are empty.
    """
    masks_FHW = done.given_FHW if isinstance(done, FromOwnMasks) else given.visible_FHW
    both_F = np.count_nonzero(exact.visible_FHW & masks_FHW, axis=(1, 2)).tolist()
    either_F = np.count_nonzero(exact.visible_FHW | masks_FHW, axis=(1, 2)).tolist()
    return [both / either if either else None for both, either in zip(both_F, either_F, strict=True)]
