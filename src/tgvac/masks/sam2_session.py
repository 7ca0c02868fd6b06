"""Runs SAM 2's video predictor over a track, and only keeps what later frames can still attend to.

The package's own ``init_state`` reads a folder of JPEG files and keeps all frames and memories: 12.6 MB and 0.8 MB per
frame at 1,024 pixels, or 24 GB for 1,800 frames. Here, a frame is decoded on demand, and a memory is dropped as soon as
the network can no longer attend to it. This does not change any bit: a frame attends to the last few frames, to the
pointers of the last sixteen, and to the nearest few prompts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.devices import network_step
from tgvac.masks.params import Sam2Params

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Per channel, from ImageNet, as in the training of SAM 2."""


class Images:
    """A track's frames as input of the network, decoded on demand and not cached."""

    def __init__(self, track: Track, size: int) -> None:
        self._track, self._size = track, size

    def __len__(self) -> int:
        return self._track.meta.frames

    def __getitem__(self, i: int) -> torch.Tensor:
        """Frame ``i``, ``float32 [3,size,size]``, normalised."""
        image = Image.fromarray(np.ascontiguousarray(self._track.frame(i))).resize((self._size, self._size))
        pixels_HW3 = (np.asarray(image) / 255.0).astype(np.float32)
        pixels_3HW = torch.from_numpy(pixels_HW3).permute(2, 0, 1)
        mean_311, deviation_311 = (torch.tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
        return (pixels_3HW - mean_311) / deviation_311


class Session:
    """Prompts and propagation over one track, in one direction."""

    def __init__(
        self, predictor: SAM2VideoPredictor, device: torch.device, track: Track, params: Sam2Params, forget: bool = True
    ) -> None:
        """
        Args:
            forget: drop what can no longer be attended to; otherwise memory grows with every frame.
        """
        self._predictor, self._device, self._params, self._forget = predictor, device, params, forget
        self._reach = max(
            predictor.num_maskmem * predictor.memory_temporal_stride_for_eval, predictor.max_obj_ptrs_in_encoder
        )
        self._state = fresh_state(track, params, device)

    @property
    def held(self) -> set[int]:
        """The frames that are in memory with features, memories, masks or prompts."""
        found = set(self._state["cached_features"])
        for name in ("point_inputs_per_obj", "mask_inputs_per_obj", "frames_tracked_per_obj"):
            found.update(*self._state[name].values())
        for name in ("output_dict_per_obj", "temp_output_dict_per_obj"):
            for outputs in self._state[name].values():
                found.update(*outputs.values())
        return found

    def prompt_box(self, i: int, box: Box, number: int = 0) -> None:
        """Prompt object ``number`` in frame ``i`` with a box; the frame is segmented without memories."""
        corners = np.array([box.x, box.y, box.x + box.w, box.y + box.h], np.float32)
        with network_step(self._device, self._params.precision):
            self._predictor.add_new_points_or_box(self._state, frame_idx=i, obj_id=number, box=corners)
            self._remember()

    def prompt_mask(self, i: int, mask_HW: np.ndarray, number: int = 0) -> None:
        """Prompt object ``number`` in frame ``i`` with a mask ``uint8 [H,W]``; 0 is outside."""
        with network_step(self._device, self._params.precision):
            self._predictor.add_new_mask(
                self._state, frame_idx=i, obj_id=number, mask=torch.from_numpy(np.ascontiguousarray(mask_HW > 0))
            )
            self._remember()

    def _remember(self) -> None:
        """Encode the memory of a prompt immediately, while the features of its frame are available."""
        self._predictor.propagate_in_video_preflight(self._state)

    def follow(self, start: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
        """Propagate from frame ``start`` to ``last``, both included; backwards if ``last`` is before ``start``.

        Yields:
            The position, and the logits ``float32 [N,H,W]`` of the objects in the order of their first prompts.
        """
        _silence()
        backwards = last < start
        steps = self._predictor.propagate_in_video(
            self._state, start_frame_idx=start, max_frame_num_to_track=abs(last - start), reverse=backwards
        )
        while True:
            with network_step(self._device, self._params.precision):
                step = next(steps, None)
            if step is None:
                return
            i, _, logits_N1HW = step
            if self._forget:
                self._drop(i, backwards)
            yield i, logits_N1HW[:, 0].float().cpu().numpy()

    def _drop(self, i: int, backwards: bool) -> None:
        """Drop everything that no frame after ``i`` can attend to."""
        ahead = -1 if backwards else 1
        state = self._state
        for number, outputs in state["output_dict_per_obj"].items():
            prompts = sorted(outputs["cond_frame_outputs"], key=lambda t: t * ahead)
            # One more than it attends to: without a choice, the order of prompts and the rounding differ.
            keep = set(prompts[-self._params.prompts - 1 :])
            far = {t for t in (*prompts, *outputs["non_cond_frame_outputs"]) if (i - t) * ahead >= self._reach} - keep
            for held in (*outputs.values(), state["frames_tracked_per_obj"][number]):
                for t in far & set(held):
                    del held[t]
            for name in ("point_inputs_per_obj", "mask_inputs_per_obj"):
                # The input of a prompt is not needed after its output was computed.
                for t in set(state[name][number]) & set(outputs["cond_frame_outputs"]):
                    del state[name][number][t]


def fresh_state(track: Track, params: Sam2Params, device: torch.device) -> dict[str, Any]:
    """A state like that of ``init_state`` of sam2 1.1, except that frames are decoded on demand."""
    by_object = (
        "point_inputs_per_obj",
        "mask_inputs_per_obj",
        "cached_features",
        "constants",
        "output_dict_per_obj",
        "temp_output_dict_per_obj",
        "frames_tracked_per_obj",
    )
    return {
        "images": Images(track, params.image_size),
        "num_frames": track.meta.frames,
        "offload_video_to_cpu": True,
        "offload_state_to_cpu": params.offload,
        "video_height": track.meta.height,
        "video_width": track.meta.width,
        "device": device,
        "storage_device": torch.device("cpu") if params.offload else device,
        "obj_id_to_idx": OrderedDict(),
        "obj_idx_to_id": OrderedDict(),
        "obj_ids": [],
        **{name: {} for name in by_object},
    }


def _silence() -> None:
    """Disable the package's progress bars (one per call), because a stage reports its own progress."""
    from sam2 import sam2_video_predictor

    sam2_video_predictor.tqdm = lambda steps, **_: steps
