"""ProgressiveAmodal as a completer: each frame by itself, square after square, until the object is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.errors import BadInput
from tgvac.progressive.amodal_mask import FindObject
from tgvac.progressive.canvas import Canvas
from tgvac.progressive.mixed_context import MixedContext, Names
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.region import next_region

# F frames, H, W of the video.


@dataclass(frozen=True)
class ProgressiveAmodal:
    """Completes an object of which the visible part and its occluders are known (Xu et al. 2024).

    Attributes:
        find: the whole object in a painted square.
    """

    painter: MixedContext
    find: FindObject
    params: ProgressiveParams

    def complete(
        self,
        frames_FHW3: np.ndarray,
        visible_FHW: np.ndarray,
        occluder_FHW: np.ndarray,
        text: str,
        seed: int,
        outside_FHW: np.ndarray | None = None,
        first: int = 0,
    ) -> Completion:
        """Complete one object: cut out by its amodal mask, on white.

        A frame that shows nothing of the object stays white. One in which nothing hides it is cut from the input; in
        others, what is seen is painted, too, as the network returns it.

        Args:
            frames_FHW3: ``uint8``.
            visible_FHW: what is seen of the object, ``uint8`` in {0, 255}.
            occluder_FHW: what is in front of it, likewise.
            text: what the object is; "" for nothing.
            seed: of the noise. Each frame has its own, as the authors complete single images.
            outside_FHW: of frames that are cuts, what is beyond their video's frame; None if they are none.
            first: the number of the first frame in its video, for the noise.

        Raises:
            BadInput: when a mask differs from the video in size, or has other values.
        """
        for name, mask_FHW in (("visible", visible_FHW), ("occluder", occluder_FHW)):
            _check_masks(name, mask_FHW, frames_FHW3)
        canvases = [
            Canvas.of(*each, None if outside_FHW is None else outside_FHW[i])
            for i, each in enumerate(zip(frames_FHW3, visible_FHW, occluder_FHW, strict=True))
        ]
        for turn in range(self.params.iterations):
            self._turn(canvases, text, [(seed, first + i, turn) for i in range(len(canvases))])
        done = [canvas.in_frame() for canvas in canvases]
        amodal_FHW = np.stack([object_HW for _, object_HW in done])
        return Completion(on_white(np.stack([picture_HW3 for picture_HW3, _ in done]), amodal_FHW), amodal_FHW)

    def _turn(self, canvases: list[Canvas], text: str, names: Sequence[Names]) -> None:
        """Paint the next square of each frame that needs one, in place."""
        regions = {i: region for i, canvas in enumerate(canvases) if (region := next_region(canvas, self.params))}
        for start in range(0, len(regions), self.params.batch):
            group = list(regions.items())[start : start + self.params.batch]
            squares = [region.canvas.square(region.window, region.hole_HW, self.params.size) for _, region in group]
            mine = [names[i] for i, _ in group]
            made = self.painter.paint(squares, text, mine)
            for (i, region), square, painted, name in zip(group, squares, made, mine, strict=True):
                object_SS = self.find(square, painted, ("progressive", *name))
                canvases[i] = region.canvas.painted(region.window, painted.picture_SS3, object_SS)


def _check_masks(name: str, mask_FHW: np.ndarray, frames_FHW3: np.ndarray) -> None:
    if mask_FHW.shape != frames_FHW3.shape[:3]:
        raise BadInput(
            f"The {name} masks are {mask_FHW.shape}, the video is {frames_FHW3.shape[:3]}; give one mask a frame, of"
            " the frame's size."
        )
    if not np.isin(mask_FHW, (0, 255)).all():
        raise BadInput(f"The {name} masks hold values other than 0 and 255; write masks as pure black and white.")
