"""Masks from boxes by SAM, frame by frame (paper, section 3.2: LaSOT's boxes prompt SAM).

Frames are independent, so masks may jump between them; refinement and gates handle that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.devices import network_step
from tgvac.masks.beliefs import belief, drawn, quantised
from tgvac.masks.boxes import given_box
from tgvac.masks.params import SamParams
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam_weights import load_sam
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import ABSENT


class Sam:
    """Segments a track with boxes and without masks; one batch of frames is in memory."""

    name = "sam"

    def __init__(self, params: SamParams, runtime: Runtime) -> None:
        self._params = params
        self._model, self._processor, self._device = load_sam(params, runtime)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Yields an empty mask if the object is absent, or if SAM finds nothing (``lost``)."""
        empty_HW = np.zeros((track.meta.height, track.meta.width), np.uint8)
        for start in range(0, track.meta.frames, self._params.batch):
            positions = range(start, min(start + self._params.batch, track.meta.frames))
            boxes = {i: box for i in positions if (box := given_box(track, i)) is not None}
            logits = self.draw([track.frame(i) for i in boxes], list(boxes.values())) if boxes else []
            found = dict(zip(boxes, logits, strict=True))
            for i in positions:
                yield drawn(quantised(belief(found[i])), boxes[i]) if i in found else RawMask(empty_HW, ABSENT)

    def draw(self, frames: Sequence[np.ndarray], boxes: Sequence[Box]) -> list[np.ndarray]:
        """The logits ``float32 [H,W]`` of each frame ``uint8 [H,W,3]`` for its box."""
        corners = [[[box.x, box.y, box.x + box.w, box.y + box.h]] for box in boxes]
        with network_step(self._device, "float32"):
            # Frames are copied, because torch warns about read-only memory.
            inputs = self._processor(images=[*map(np.array, frames)], input_boxes=corners, return_tensors="pt")
        sizes, reshaped = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        with network_step(self._device, self._params.precision):
            out = self._model(
                pixel_values=inputs["pixel_values"].to(self._device, torch.float32),
                input_boxes=inputs["input_boxes"].to(self._device, torch.float32),
                multimask_output=self._params.choice != "single",
            )
            # One box a frame, K candidates: [B,1,K,h,w] and [B,1,K].
            logits_BKhw, scores_BK = out.pred_masks[:, 0].float().cpu(), out.iou_scores[:, 0].float().cpu().numpy()
            candidates = self._processor.post_process_masks(
                [logits_Khw[None] for logits_Khw in logits_BKhw], sizes, reshaped, binarize=False
            )
        return [
            choose(logits_1KHW[0].numpy(), scores_K, box, self._params.choice)
            for logits_1KHW, scores_K, box in zip(candidates, scores_BK, boxes, strict=True)
        ]


def choose(logits_KHW: np.ndarray, scores_K: np.ndarray, box: Box, choice: str) -> np.ndarray:
    """The best of a frame's candidates, ``float32 [H,W]``.

    Args:
        logits_KHW: the candidates, ``float32 [K,H,W]``.
        scores_K: the network's score of each candidate.
        box: the given box.
        choice: ``box`` takes the candidate whose box has the highest IoU with the given box, and the higher score if
            equal; otherwise the highest score.
    """

    def quality(k: int) -> tuple[float, float]:
        own = Box.of_mask(logits_KHW[k] >= 0) if choice == "box" else None
        return (own.iou(box) if own else 0.0), float(scores_K[k])

    return np.asarray(logits_KHW[max(range(len(logits_KHW)), key=quality)])
