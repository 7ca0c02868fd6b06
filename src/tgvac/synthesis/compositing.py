"""Composites occluders over a target: computes the pixels of a clip from the pixels of its tracks."""

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

    In the paper (Figure 2) the coordinates are the same: the frame is only resized to the target's. It can also be
    mirrored, scaled about its centre and shifted; parts outside of the target's frame are cut off.

    Args:
        progress: position in the clip, from 0 to 1; only used if the occluder drifts.
    """
    resize = resize_mask if image.ndim == 2 else resize_rgb
    tall, wide = _size(placement, height, width)
    return _shift(resize(_flip(image, placement), tall, wide), placement, height, width, progress)


def layer_of(
    frame_HW3: np.ndarray,
    mask_HW: np.ndarray,
    placement: Placement,
    height: int,
    width: int,
    progress: float = 0.5,
    feather: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """An occluder's colours ``uint8 [height,width,3]`` and alpha ``uint8 [height,width]`` in the target's frame.

    Args:
        feather: width in pixels of the ramp on either side of the edge; 0: a hard edge, alpha is 0 or 255.
    """
    if feather == 0:
        return (
            place(frame_HW3, placement, height, width, progress),
            place(mask_HW, placement, height, width, progress),
        )
    resized = resize_covered(_flip(frame_HW3, placement), _flip(mask_HW, placement), *_size(placement, height, width))
    colours_HW3, coverage_HW = (_shift(image, placement, height, width, progress) for image in resized)
    return soft_layer(colours_HW3, coverage_HW, feather)


def alpha_of(
    mask_HW: np.ndarray, placement: Placement, height: int, width: int, progress: float = 0.5, feather: int = 0
) -> np.ndarray:
    """The alpha of :func:`layer_of`, which only needs the mask, ``uint8 [height,width]``."""
    if feather == 0:
        return place(mask_HW, placement, height, width, progress)
    coverage_HW = resize_coverage(_flip(mask_HW, placement), *_size(placement, height, width))
    return soft_alpha(_shift(coverage_HW, placement, height, width, progress), feather)


def _flip(image: np.ndarray, placement: Placement) -> np.ndarray:
    return image[:, ::-1] if placement.flip else image


def _size(placement: Placement, height: int, width: int) -> tuple[int, int]:
    return max(1, round(height * placement.scale)), max(1, round(width * placement.scale))


def _shift(image: np.ndarray, placement: Placement, height: int, width: int, progress: float) -> np.ndarray:
    """Shift a scaled image to its position in the target's frame, by whole pixels, so that nothing is resampled."""
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
    """Composite a target and its occluders to a clip, the last occluder on top.

    The occluder's mask contains every pixel that a layer changes, including all of a soft edge. All other pixels are
    the target's, to the bit, and only they can be visible.

    Args:
        target_FHW3: the target's frames, ``uint8 [H,W,3]`` each; read one at a time and not changed.
        layers: for each occluder and each frame, its colours ``uint8 [H,W,3]`` and its alpha ``uint8 [H,W]``.
    """
    # Frame by frame: allocating whole clips for every step would take as long as the compositing.
    frames_FHW3, whole_FHW3 = (np.empty((*amodal_FHW.shape, 3), np.uint8) for _ in range(2))
    occluder_FHW = np.zeros_like(amodal_FHW)
    for f, (amodal_HW, target_HW3, *occluders) in enumerate(zip(amodal_FHW, target_FHW3, *layers, strict=True)):
        frames_FHW3[f] = target_HW3
        whole_FHW3[f] = 255
        paint(whole_FHW3[f], target_HW3, amodal_HW)
        for colours_HW3, alpha_HW in occluders:
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
    """Paint a layer on a frame, all ``uint8``; only the box around the alpha is processed.

    Args:
        frame_HW3: written to; contiguous.
        soft: whether alpha may have values between 0 and 255. Checking for them takes longer than painting.
    """
    x, y, w, h = cv2.boundingRect(alpha_HW)
    if not w:
        return
    part_HW3, colours_HW3, alpha_HW = (image[y : y + h, x : x + w] for image in (frame_HW3, colours_HW3, alpha_HW))
    # Plus one, 255 becomes 0 and 0 becomes 1; only values in between are larger than 1.
    edge_HW = alpha_HW + np.uint8(1) > 1 if soft else None
    if edge_HW is None or not edge_HW.any():
        paint(part_HW3, colours_HW3, alpha_HW)
        return
    paint(part_HW3, colours_HW3, np.where(edge_HW, np.uint8(0), alpha_HW))
    alpha_E1 = alpha_HW[edge_HW][:, None].astype(np.uint32)
    mixed_E3 = alpha_E1 * colours_HW3[edge_HW] + (255 - alpha_E1) * part_HW3[edge_HW]
    part_HW3[edge_HW] = (mixed_E3 + 127) // 255


def covered(alpha_HW: np.ndarray) -> np.ndarray:
    """The mask of all pixels that a layer changes, including all of a soft edge, ``uint8 [H,W]`` in {0, 255}."""
    return np.asarray(cv2.threshold(alpha_HW, 0, 255, cv2.THRESH_BINARY)[1])
