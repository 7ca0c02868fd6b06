"""The model's squares of a video: framed frames and masks, read as they are needed, and what a model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from tgvac.clips.framing import FramingParams, Window, frame_mask, frame_rgb
from tgvac.complete.composing import darker
from tgvac.methods.ours import TemporalDiffusion
from tgvac.progress import Progress
from tgvac.sampling.evaluations import evaluations
from tgvac.sampling.kept import Kept

# Shapes: F frames, S the model's square, B windows, C channels, h, w latents, N tokens, D text width.


class Framed(Sequence[np.ndarray]):
    """The squares of a video, each made when it is asked for."""

    def __init__(self, make: Callable[[int], np.ndarray], count: int) -> None:
        self._make, self._count = make, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, i: int | slice) -> np.ndarray:  # type: ignore[override]  # a part is an array, too
        if isinstance(i, slice):
            return np.stack([self._make(k) for k in range(self._count)[i]])
        return self._make(range(self._count)[i])


@dataclass(frozen=True)
class Input:
    """A video as a model takes it.

    Attributes:
        frames_FSS3: ``uint8``.
        visible_FSS: what is seen of the object, ``uint8`` in {0, 255}.
        occluder_FSS: what a user marked in front of it, likewise; None if nothing.
        outside_FSS: what of the squares is beyond the video's frame, likewise; None if that is not known.
    """

    frames_FSS3: Framed
    visible_FSS: Framed
    occluder_FSS: Framed | None = None
    outside_FSS: Framed | None = None

    @classmethod
    def of(
        cls,
        framing: FramingParams,
        windows: Sequence[Window],
        frame: Callable[[int], np.ndarray],
        visible: Sequence[np.ndarray],
        occluder: Sequence[np.ndarray] | None = None,
    ) -> Input:
        """Frames and masks in their windows."""
        size, pad, count = framing.size, framing.pad, len(windows)
        front = None
        if occluder is not None:
            # Tracked by themselves, both masks may hold a pixel; then it is seen.
            front = Framed(lambda i: frame_mask(occluder[i] & ~visible[i], windows[i], size), count)
        return cls(
            Framed(lambda i: frame_rgb(frame(i), windows[i], size, pad), count),
            Framed(lambda i: frame_mask(visible[i], windows[i], size), count),
            front,
            Framed(lambda i: 255 - frame_mask(np.full_like(visible[i], 255), windows[i], size), count),
        )


@dataclass(frozen=True)
class Squares:
    """What a model made of a video: the whole object on white, and where it is.

    Attributes:
        rgb_FSS3: ``uint8``.
        object_FSS: ``uint8`` in {0, 255}.
    """

    rgb_FSS3: Sequence[np.ndarray]
    object_FSS: Sequence[np.ndarray]


class SquareCompleter(Protocol):
    """A model that completes squares."""

    @property
    def framing(self) -> FramingParams:
        """How it takes frames."""
        ...

    def squares(self, given: Input, text: str, seed: int, folder: Path) -> Squares:
        """Complete a video.

        Args:
            text: the whole object in a sentence, or "".
            seed: of the noise.
            folder: of this video and these settings alone; a stopped run goes on from it.
        """
        ...


@dataclass(frozen=True)
class Diffusing:
    """Our model."""

    model: TemporalDiffusion

    @property
    def framing(self) -> FramingParams:
        return self.model.framing

    def squares(self, given: Input, text: str, seed: int, folder: Path) -> Squares:
        """As in :class:`SquareCompleter`; latents are in files."""
        kept, model, frames = Kept(folder), self.model, len(given.frames_FSS3)
        if kept.done("squares") < frames:
            with Counters() as counters:
                sampling = self._counted(counters, kept, frames, self.guides(text))
                for part, label in (("conditions", "encoding"), ("squares", "decoding")):
                    counters.expect(part, label, frames, kept.done(part))
                kept = replace(kept, heard=counters.reach)
                sampling.complete_squares(given.frames_FSS3, given.visible_FSS, text, seed, kept)
        # Taken up where it is done, without a word.
        made = model.complete_squares(given.frames_FSS3, given.visible_FSS, text, seed, kept)
        threshold = model.completion.white_threshold
        return Squares(Framed(made.__getitem__, frames), Framed(lambda i: darker(made[i], threshold), frames))

    def guides(self, text: str) -> bool:
        """Whether the model is guided: by a text that it reads, or by the picture."""
        return bool(text and self.model.conditions.text) or self.model.sampler.unconditional != "text"

    def _counted(self, counters: Counters, kept: Kept, frames: int, guides: bool) -> TemporalDiffusion:
        """The model, whose evaluations are counted: a step of a long video takes minutes."""
        model = self.model
        total, left = (
            evaluations(frames, model.sampler, model.diffusion, guides, first) for first in (0, kept.done("steps"))
        )
        counters.expect("evaluations", "completing (UNet evaluations)", total, total - left)

        def counted(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
            found = model.model(x_BCFhw, t_B, text_BND)
            counters.add("evaluations", x_BCFhw.shape[0] * x_BCFhw.shape[2], f"noise level {int(t_B[0])}")
            return found

        return replace(model, model=counted)


class Counters:
    """Progress of the parts of a completion, each from its first step to its last; use it as a context manager."""

    def __init__(self) -> None:
        self._expected: dict[str, tuple[str, int]] = {}
        self._done: dict[str, int] = {}
        self._running: dict[str, Progress] = {}

    def __enter__(self) -> Counters:
        return self

    def __exit__(self, *error: object) -> None:
        for part in list(self._running):
            self._end(part)

    def expect(self, part: str, label: str, total: int, done: int) -> None:
        """A part, how many steps it has, and how many of them an earlier run took."""
        self._expected[part], self._done[part] = (label, total), done

    def add(self, part: str, steps: int, note: str = "") -> None:
        """Count steps of a part; of a part that is not expected, none."""
        if part not in self._expected:
            return
        label, total = self._expected[part]
        if part not in self._running:
            self._running[part] = Progress(label, total, start=self._done[part]).__enter__()
        self._done[part] += steps
        self._running[part].step(note, steps)
        if self._done[part] >= total:
            self._end(part)

    def reach(self, part: str, done: int) -> None:
        """Count a part up to so many steps."""
        self.add(part, done - self._done.get(part, 0))

    def _end(self, part: str) -> None:
        self._running.pop(part).__exit__(None, None, None)
