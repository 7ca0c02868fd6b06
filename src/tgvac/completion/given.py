"""What a method is given in place of the exact visible masks and the object's own sentence: the table of changes.

Each is one key of a method (:class:`tgvac.methods.params.MethodParams`) and one file with a function ``load(source,
**params)`` that returns a :class:`Change`. Code and params of a change decide only the completions that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tgvac.clips.captions import Caption
from tgvac.clips.clip import Clip
from tgvac.clips.recipe import Recipe
from tgvac.methods.params import MethodParams
from tgvac.stage import Context


@dataclass(frozen=True)
class Part:
    """A change: its file, and the params that decide it, named as in :class:`tgvac.phase_spec.Phase`."""

    module: str
    params: tuple[str, ...] = ()


GIVEN: Mapping[str, Part] = {
    # Masks come first, so that a sentence about the visible part is about what the method sees.
    "mask_noise": Part("tgvac.completion.mask_errors"),
    "caption_category": Part("tgvac.completion.category_captions", ("captions.template",)),
    "caption_colours": Part("tgvac.completion.colour_captions"),
    "caption_mismatched": Part("tgvac.completion.mismatched_captions"),
    "caption_visible": Part("tgvac.completion.seen_captions", ("captions.blip2", "compute.threads", "compute.tf32")),
}


def given_of(method: MethodParams) -> tuple[str, ...]:
    """The changes of a method, in the order in which they are made."""
    wanted = {f"caption_{method.caption}", *(["mask_noise"] if method.mask_noise is not None else [])}
    return tuple(name for name in GIVEN if name in wanted)


def blocks_of(names: Iterable[str], blocks: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some blocks of params that dotted names are in."""
    wanted = {name.partition(".")[0] for name in names}
    return {name: block for name, block in blocks.items() if name in wanted}


@dataclass(frozen=True)
class Source:
    """What ``load`` is given besides the params that the table names.

    Attributes:
        recipes: those of the shard, by sample, in the order in which they are completed.
        objects: the tracks that any shard completes, sorted.
        captions: by track.
        render: a sample's clip after the changes before this one.
        folder: where the change may keep what it made.
    """

    ctx: Context
    method: MethodParams
    recipes: Mapping[str, Recipe]
    objects: tuple[str, ...]
    captions: Mapping[str, Caption]
    render: Callable[[str], Clip]
    folder: Path


class Change(Protocol):
    """Changes what a method is given."""

    def key(self, sample: str) -> Any:
        """What decides the change besides the clip, the sample's own sentence, params and code."""
        ...

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        """The clip and the sentence that the method is given.

        Raises:
            LeftOut: when there is nothing to give for this sample; it has no completion then.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
