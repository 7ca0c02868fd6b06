"""Putting occluders before a target: the pixels of a clip from the pixels of its tracks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.images import paint, resize_mask, resize_rgb
from tgvac.clips.recipe import Placement
from tgvac.synthesis.edges import resize_coverage, resize_covered, soft_alpha, soft_layer


def place(image: np.ndarray, placement: Placement, height: int, width: int, progress: float = 0.5) -> np.ndarray:
    """An occluder's frame or mask in the target's coordinates, ``uint8 [height,width(,3)]``.

    The paper's placement (Figure 2) is the same coordinates: the frame is resized to the target's. Beyond it,
    the frame may be mirrored, scaled about its centre and shifted; what falls outside is cut off.

    Args:
        progress: where in the clip, from 0 to 1, which counts where the occluder drifts.
    """
    resize = resize_mask if image.ndim == 2 else resize_rgb
    tall, wide = _size(placement, height, width)
    return _put(resize(_turned(image, placement), tall, wide), placement, height, width, progress)


def layer_of(
    frame_HW3: np.ndarray,
    mask_HW: np.ndarray,
    placement: Placement,
    height: int,
    width: int,
    progress: float = 0.5,
    feather: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """An occluder's colours ``uint8 [height,width,3]`` and its alpha ``uint8 [height,width]`` in the target's frame.

    Args:
        feather: width in pixels of the ramp on either side of its edge; 0: a hard edge, alpha is 0 or 255.
    """
    if feather == 0:
        return (
            place(frame_HW3, placement, height, width, progress),
            place(mask_HW, placement, height, width, progress),
        )
    found = resize_covered(_turned(frame_HW3, placement), _turned(mask_HW, placement), *_size(placement, height, width))
    colours_HW3, coverage_HW = (_put(image, placement, height, width, progress) for image in found)
    return soft_layer(colours_HW3, coverage_HW, feather)


def alpha_of(
    mask_HW: np.ndarray, placement: Placement, height: int, width: int, progress: float = 0.5, feather: int = 0
) -> np.ndarray:
    """The alpha of :func:`layer_of` from the mask alone, ``uint8 [height,width]``."""
    if feather == 0:
        return place(mask_HW, placement, height, width, progress)
    coverage_HW = resize_coverage(_turned(mask_HW, placement), *_size(placement, height, width))
    return soft_alpha(_put(coverage_HW, placement, height, width, progress), feather)


def _turned(image: np.ndarray, placement: Placement) -> np.ndarray:
    return image[:, ::-1] if placement.flip else image


def _size(placement: Placement, height: int, width: int) -> tuple[int, int]:
    return max(1, round(height * placement.scale)), max(1, round(width * placement.scale))


def _put(image: np.ndarray, placement: Placement, height: int, width: int, progress: float) -> np.ndarray:
    """An image of the placement's size where it belongs in a frame; in whole pixels, so that nothing is resampled."""
    tall, wide = image.shape[:2]
    across, down = placement.shift(progress)
    top = round((height - tall) / 2 + down * height)
    left = round((width - wide) / 2 + across * width)
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
    target_FHW3: Iterable[np.ndarray],
    amodal_FHW: np.ndarray,
    layers: Sequence[Iterable[tuple[np.ndarray, np.ndarray]]],
) -> Clip:
    """A clip from a target and its occluders, the last on top.

    The occluder's mask is all that a layer changes, to the last trace of a soft edge: every pixel under no occluder is
    the target's own, to the bit, and what counts as visible is the target's alone.

    Args:
        target_FHW3: the target's frames, ``uint8 [H,W,3]`` each; taken one by one, and left as they are.
        layers: of each occluder, for each frame, its colours ``uint8 [H,W,3]`` and its alpha ``uint8 [H,W]``.
    """
    # Written to frame by frame: fresh memory for whole clips at every step would cost as much as the compositing.
    frames_FHW3, whole_FHW3 = (np.empty((*amodal_FHW.shape, 3), np.uint8) for _ in range(2))
    occluder_FHW = np.zeros_like(amodal_FHW)
    for f, (amodal_HW, target_HW3, *before) in enumerate(zip(amodal_FHW, target_FHW3, *layers, strict=True)):
        frames_FHW3[f] = target_HW3
        whole_FHW3[f] = 255
        paint(whole_FHW3[f], target_HW3, amodal_HW)
        for colours_HW3, alpha_HW in before:
            lay(frames_FHW3[f], colours_HW3, alpha_HW)
            occluder_FHW[f] |= covered(alpha_HW)
    visible_FHW = ~occluder_FHW
    visible_FHW &= amodal_FHW
    return Clip(
        sample=sample,
        video=video,
        track=track,
        frames_FHW3=frames_FHW3,
        visible_FHW=visible_FHW,
        whole_FHW3=whole_FHW3,
        amodal_FHW=amodal_FHW,
        occluder_FHW=occluder_FHW,
    )


def lay(frame_HW3: np.ndarray, colours_HW3: np.ndarray, alpha_HW: np.ndarray, soft: bool = True) -> None:
    """Put a layer on a frame, all ``uint8``; nothing outside of the alpha's box is looked at.

    Args:
        frame_HW3: written to; its pixels lie one after the other.
        soft: whether alpha may lie between 0 and 255; to look for that costs more than to paint.
    """
    x, y, w, h = cv2.boundingRect(alpha_HW)
    if not w:
        return
    part_HW3, colours_HW3, alpha_HW = (image[y : y + h, x : x + w] for image in (frame_HW3, colours_HW3, alpha_HW))
    # One more turns 255 to 0 and 0 to 1; only what lies between comes to lie above.
    edge_HW = alpha_HW + np.uint8(1) > 1 if soft else None
    if edge_HW is None or not edge_HW.any():
        paint(part_HW3, colours_HW3, alpha_HW)
        return
    paint(part_HW3, colours_HW3, np.where(edge_HW, np.uint8(0), alpha_HW))
    alpha_E1 = alpha_HW[edge_HW][:, None].astype(np.uint32)
    mixed_E3 = alpha_E1 * colours_HW3[edge_HW] + (255 - alpha_E1) * part_HW3[edge_HW]
    part_HW3[edge_HW] = (mixed_E3 + 127) // 255


def covered(alpha_HW: np.ndarray) -> np.ndarray:
    """The mask of all that a layer covers, to the last trace of a soft edge, ``uint8 [H,W]`` in {0, 255}."""
    return np.asarray(cv2.threshold(alpha_HW, 0, 255, cv2.THRESH_BINARY)[1])
