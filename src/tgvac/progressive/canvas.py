"""A frame with room around it, on which squares are painted one after the other.

Coordinates are the frame's own: what is left of it or above is negative. Masks are ``uint8`` in {0, 255}.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.framing import Window, frame_mask, frame_rgb, unframe_mask, unframe_rgb
from tgvac.masks.segmenter import Rectangle

# H, W of the canvas; S the side of the square that is painted.

WHITE = 255


@dataclass(frozen=True)
class Square:
    """What is painted in one go.

    Attributes:
        picture_SS3: as it is before, ``uint8``.
        object_SS: what is known of the object.
        hole_SS: what is painted.
    """

    picture_SS3: np.ndarray
    object_SS: np.ndarray
    hole_SS: np.ndarray


@dataclass(frozen=True)
class Painted:
    """A painted square.

    Attributes:
        picture_SS3: all of it, ``uint8``.
        object_SS: where the clusters found the object, as coarse as the latents.
    """

    picture_SS3: np.ndarray
    object_SS: np.ndarray


@dataclass(frozen=True)
class Canvas:
    """The state of one frame.

    Attributes:
        picture_HW3: ``uint8``; white where nothing is known.
        object_HW: what is known of the object.
        occluder_HW: what is in front of it and is not painted over yet.
        unknown_HW: where there is no picture yet.
        known: the rectangle at whose sides the object may be cut: the frame, then the square that was painted last.
        top, left: where the frame begins in these arrays.
        height, width: of the frame.
    """

    picture_HW3: np.ndarray
    object_HW: np.ndarray
    occluder_HW: np.ndarray
    unknown_HW: np.ndarray
    known: Rectangle
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(
        cls,
        frame_HW3: np.ndarray,
        visible_HW: np.ndarray,
        occluder_HW: np.ndarray,
        outside_HW: np.ndarray | None = None,
    ) -> Canvas:
        """A frame before anything is painted.

        Args:
            outside_HW: the part of a cut that is beyond its video's frame; None if there is none.
        """
        height, width = visible_HW.shape
        unknown_HW = np.zeros_like(visible_HW) if outside_HW is None else outside_HW
        box = Box.of_mask(unknown_HW == 0) or Box(x=0, y=0, w=width, h=height)
        known = Rectangle(int(box.y), int(box.x), int(box.y + box.h), int(box.x + box.w))
        picture_HW3 = np.where(unknown_HW[..., None] > 0, np.uint8(WHITE), frame_HW3)
        return cls(
            picture_HW3, visible_HW, occluder_HW & ~visible_HW, unknown_HW & ~visible_HW, known, 0, 0, height, width
        )

    def widened(self, window: Window) -> Canvas:
        """The canvas with room for a square; what is added is unknown."""
        height, width = self.object_HW.shape
        at = self._own(window)
        above, before = max(0, -at.top), max(0, -at.left)
        below, after = max(0, at.top + at.side - height), max(0, at.left + at.side - width)
        room = (above, below), (before, after)
        return replace(
            self,
            picture_HW3=np.pad(self.picture_HW3, (*room, (0, 0)), constant_values=WHITE),
            object_HW=np.pad(self.object_HW, room),
            occluder_HW=np.pad(self.occluder_HW, room),
            unknown_HW=np.pad(self.unknown_HW, room, constant_values=255),
            top=self.top + above,
            left=self.left + before,
        )

    def square(self, window: Window, hole_HW: np.ndarray, size: int) -> Square:
        """A square, to be painted in a hole of the canvas."""
        at = self._own(window)
        return Square(
            frame_rgb(self.picture_HW3, at, size, WHITE),
            frame_mask(self.object_HW, at, size),
            frame_mask(hole_HW, at, size),
        )

    def painted(self, window: Window, picture_SS3: np.ndarray, object_SS: np.ndarray) -> Canvas:
        """The canvas after a square was painted; all that is known there of object and occluders is in the square."""
        at, shape = self._own(window), self.object_HW.shape
        inside_HW = np.zeros(shape, np.uint8)
        inside_HW[at.top : at.top + at.side, at.left : at.left + at.side] = 255
        picture_HW3 = unframe_rgb(picture_SS3, at, shape[0], shape[1], fill=WHITE)
        known = Rectangle(window.top, window.left, window.top + window.side, window.left + window.side)
        return replace(
            self,
            picture_HW3=np.where(inside_HW[..., None] > 0, picture_HW3, self.picture_HW3),
            object_HW=unframe_mask(object_SS, at, *shape),
            occluder_HW=self.occluder_HW & ~inside_HW,
            unknown_HW=self.unknown_HW & ~inside_HW,
            known=known,
        )

    def in_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Picture and object in the frame, ``uint8 [height,width,3]`` and ``[height,width]``."""
        part = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        return self.picture_HW3[part], self.object_HW[part]

    def _own(self, window: Window) -> Window:
        """A window of the frame in the coordinates of the arrays."""
        return Window(window.top + self.top, window.left + self.left, window.side)
