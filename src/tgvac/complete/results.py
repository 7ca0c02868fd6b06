"""The files that a completed video is written to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tgvac.clips.framing import Window, unframe_rgb
from tgvac.complete.composing import Layer, checkerboard, compose, nothing
from tgvac.complete.kept import BESIDE, DISAGREEMENT, SAMPLES
from tgvac.complete.outputs import Colour, write_layer, write_video
from tgvac.complete.several import disagreement
from tgvac.complete.squares import Squares
from tgvac.progress import with_progress
from tgvac.sources.frames import Frames


@dataclass(frozen=True)
class Results:
    """Writes layers and videos to look at, frame by frame.

    Attributes:
        out: the folder of the results.
        visible: what is seen of the object in each frame.
        windows: where the model's square is in each frame.
        seam: width of the transition to the model's pixels, in shares of the square's side.
        paste: whether what is seen is taken from the input.
        empty: frames whose layer has nothing in it.
    """

    out: Path
    frames: Frames
    visible: Sequence[np.ndarray]
    windows: Sequence[Window]
    seam: float
    paste: bool
    empty: Collection[int] = ()

    def write(self, made: Squares, formats: Sequence[str], colour: Colour) -> None:
        """The layer in each format, ``mp4`` on a colour, and the input beside it."""
        for name in formats:
            found = self._layers(made, f"layer ({name})")
            write_layer(self.out, name, (layer for _, layer in found), self.frames.fps, colour)
        self._write_video(BESIDE, self._beside(made, BESIDE))

    def write_samples(self, made: Sequence[Squares], seed: int) -> None:
        """Each completion to look at, and where they disagree, drawn white on the darkened input.

        Args:
            seed: of the first.
        """
        for number, each in enumerate(made):
            name = f"{SAMPLES}/{seed + number}.mp4"
            self._write_video(name, self._beside(each, name))
        self._write_video(DISAGREEMENT, self._apart(made))

    def _apart(self, made: Sequence[Squares]) -> Iterator[np.ndarray]:
        for i in with_progress(range(len(self.visible)), DISAGREEMENT, len(self.visible)):
            apart_SS3 = np.repeat(disagreement([each.rgb_FSS3[i] for each in made])[..., None], 3, axis=2)
            frame_HW3 = self.frames.frame(i)
            height, width = frame_HW3.shape[:2]
            yield np.maximum(frame_HW3 // 4, unframe_rgb(apart_SS3, self.windows[i], height, width, fill=0))

    def _beside(self, made: Squares, label: str) -> Iterator[np.ndarray]:
        """The input beside the object on a checkerboard."""
        for frame_HW3, layer in self._layers(made, label):
            yield np.concatenate([frame_HW3, layer.over(checkerboard(*frame_HW3.shape[:2]))], axis=1)

    def _layers(self, made: Squares, label: str) -> Iterator[tuple[np.ndarray, Layer]]:
        """Each frame of the input, and its layer."""
        for i in with_progress(range(len(self.visible)), label, len(self.visible)):
            frame_HW3, window = self.frames.frame(i), self.windows[i]
            if i in self.empty:
                yield frame_HW3, nothing(*frame_HW3.shape[:2])
                continue
            rgb_SS3, object_SS, seam = made.rgb_FSS3[i], made.object_FSS[i], self.seam * window.side
            yield frame_HW3, compose(rgb_SS3, object_SS, window, frame_HW3, self.visible[i], seam, self.paste)

    def _write_video(self, name: str, frames: Iterator[np.ndarray]) -> None:
        write_video(self.out / name, frames, self.frames.fps)
