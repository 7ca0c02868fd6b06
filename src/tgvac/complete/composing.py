"""From completed squares to layers in the video's own coordinates and resolution.

What is seen of the object is the input's own pixels, up to a soft seam. Alpha is what is seen together with what the
model painted, so it never cuts what is seen, also where that is white.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tgvac.clips.framing import Window, unframe_rgb
from tgvac.clips.images import grey
from tgvac.clips.pasting import beyond_seen
from tgvac.clips.pasting import paste as paste_seen

# Shapes: H, W of the video, S the model's square.

_RIM = 1.5
"""Pixels of the square by which a model may paint a seen outline too large."""


@dataclass(frozen=True)
class Layer:
    """One completed frame.

    Attributes:
        rgb_HW3: the object's colours, ``uint8``; white where there is nothing of it.
        alpha_HW: how much of it is there, ``uint8`` in [0, 255].
    """

    rgb_HW3: np.ndarray
    alpha_HW: np.ndarray

    @property
    def rgba_HW4(self) -> np.ndarray:
        """Colours with straight alpha, ``uint8 [H,W,4]``."""
        return np.dstack([self.rgb_HW3, self.alpha_HW])

    @property
    def amodal_HW(self) -> np.ndarray:
        """Where the object is, ``uint8 [H,W]`` in {0, 255}."""
        return np.where(self.alpha_HW >= 128, 255, 0).astype(np.uint8)

    def over(self, background_HW3: np.ndarray) -> np.ndarray:
        """The layer over a picture, ``uint8 [H,W,3]``."""
        share_HW1 = self.alpha_HW[..., None].astype(np.float32) / 255
        mixed = self.rgb_HW3 * share_HW1 + background_HW3 * (1 - share_HW1)
        return np.asarray(mixed.round(), np.uint8)


def darker(square_SS3: np.ndarray, threshold: int) -> np.ndarray:
    """Where a picture's grey is below a threshold, ``uint8 [S,S]`` in {0, 255}: how pix2gestalt finds the object."""
    return np.where(grey(square_SS3) < threshold, 255, 0).astype(np.uint8)


def compose(
    square_SS3: np.ndarray,
    object_SS: np.ndarray,
    window: Window,
    frame_HW3: np.ndarray,
    visible_HW: np.ndarray,
    seam: float,
    paste: bool = True,
) -> Layer:
    """One frame's layer.

    Args:
        square_SS3, object_SS: the completed object on white, ``uint8``, and where it is, in {0, 255}.
        window: where the square is in the frame.
        frame_HW3, visible_HW: the input, and what is seen of the object in {0, 255}.
        seam: width of the transition between the input's pixels and the model's, in pixels of the frame.
        paste: whether what is seen is taken from the input.
    """
    height, width = visible_HW.shape
    # Enlarged as a picture is, so that the outline is smooth.
    soft_HW = unframe_rgb(np.repeat(object_SS[..., None], 3, axis=2), window, height, width, fill=0)[..., 0]
    painted_HW3 = without_white(unframe_rgb(square_SS3, window, height, width, fill=255), soft_HW)
    if not paste or not visible_HW.any():
        return Layer(painted_HW3, np.maximum(soft_HW, visible_HW))
    rim = _RIM * window.side / len(square_SS3)
    hidden_HW = beyond_seen(visible_HW, soft_HW, rim)
    # With the soft edge of what is hidden, but without the rim around what is seen.
    near_HW = cv2.dilate(hidden_HW.astype(np.uint8), _disc(rim)) > 0
    alpha_HW = np.maximum(np.where(near_HW, soft_HW, 0), visible_HW)
    rgb_HW3 = paste_seen(painted_HW3, soft_HW, frame_HW3, visible_HW, seam, rim)
    return Layer(np.where(alpha_HW[..., None] > 0, rgb_HW3, 255).astype(np.uint8), alpha_HW)


def nothing(height: int, width: int) -> Layer:
    """The layer of a frame without the object."""
    return Layer(np.full((height, width, 3), 255, np.uint8), np.zeros((height, width), np.uint8))


def without_white(rgb_HW3: np.ndarray, alpha_HW: np.ndarray) -> np.ndarray:
    """The colours of a picture on white where it is half transparent, ``uint8 [H,W,3]``: what white added is taken off.

    Otherwise the layer has a white fringe over anything that is darker.
    """
    share_HW1 = alpha_HW[..., None].astype(np.float32) / 255
    own = 255 - (255 - rgb_HW3.astype(np.float32)) / np.maximum(share_HW1, np.float32(1 / 255))
    return np.asarray(np.where(share_HW1 > 0, own, 255).round().clip(0, 255), np.uint8)


def _disc(radius: float) -> np.ndarray:
    side = 2 * int(np.ceil(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def checkerboard(height: int, width: int, side: int = 12) -> np.ndarray:
    """A grey checkerboard, ``uint8 [H,W,3]``, as editors show behind what is transparent."""
    dark_HW = (np.add.outer(np.arange(height) // side, np.arange(width) // side) % 2).astype(bool)
    return np.where(dark_HW[..., None], np.uint8(153), np.uint8(204)).repeat(3, axis=2)
