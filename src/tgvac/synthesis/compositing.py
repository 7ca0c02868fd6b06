"""Putting occluders before a target: the pixels of a clip from the pixels of its tracks."""

from __future__ import annotations

import numpy as np

from tgvac.clip.clip import Clip
from tgvac.clip.images import on_white, resize_mask, resize_rgb
from tgvac.clip.recipe import Placement


def place(image: np.ndarray, placement: Placement, height: int, width: int) -> np.ndarray:
    """An occluder's frame or mask in the target's coordinates, ``uint8 [height,width(,3)]``.

    The paper's placement (Figure 2) is the same coordinates: the frame is resized to the target's. Beyond it,
    the frame may be mirrored, scaled about its centre and shifted; what falls outside is cut off.
    """
    resize = resize_mask if image.ndim == 2 else resize_rgb
    if placement.flip:
        image = image[:, ::-1]
    tall, wide = max(1, round(height * placement.scale)), max(1, round(width * placement.scale))
    image = resize(image, tall, wide)
    top = round((height - tall) / 2 + placement.dy * height)
    left = round((width - wide) / 2 + placement.dx * width)
    if (tall, wide, top, left) == (height, width, 0, 0):
        return image
    out = np.zeros((height, width, *image.shape[2:]), np.uint8)
    y0, y1, x0, x1 = max(top, 0), min(top + tall, height), max(left, 0), min(left + wide, width)
    if y0 < y1 and x0 < x1:
        out[y0:y1, x0:x1] = image[y0 - top : y1 - top, x0 - left : x1 - left]
    return out


def composite(
    sample: str,
    video: str,
    track: str,
    target_FHW3: np.ndarray,
    amodal_FHW: np.ndarray,
    layers: list[tuple[np.ndarray, np.ndarray]],
) -> Clip:
    """A clip from a target and occluder layers ``(frames [F,H,W,3], masks [F,H,W])``, the last on top.

    Every pixel under no occluder is the target's own, to the bit.
    """
    frames_FHW3 = target_FHW3.copy()
    occluder_FHW = np.zeros_like(amodal_FHW)
    for layer_FHW3, mask_FHW in layers:
        frames_FHW3 = np.where(mask_FHW[..., None] > 0, layer_FHW3, frames_FHW3)
        occluder_FHW = occluder_FHW | mask_FHW
    return Clip(
        sample=sample,
        video=video,
        track=track,
        frames_FHW3=frames_FHW3,
        visible_FHW=amodal_FHW & ~occluder_FHW,
        whole_FHW3=on_white(target_FHW3, amodal_FHW),
        amodal_FHW=amodal_FHW,
        occluder_FHW=occluder_FHW,
    )
