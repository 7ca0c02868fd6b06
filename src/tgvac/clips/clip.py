"""Contract 2, second half: the clip. Recipes render to clips, and training and evaluation read clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# F frames, H height, W width; masks are 0 or 255.


@dataclass(frozen=True)
class Clip:
    """One synthesised occlusion video, at working resolution.

    Attributes:
        sample: the id of the recipe or the pair.
        video: the target's source video ``<source>/<video>``, the unit of splits and confidence intervals.
        track: the target's track id, the key of its caption.
        frames_FHW3: the input video, ``uint8``; identical to the source wherever there is no occluder.
        visible_FHW: the mask of the visible part of the object, ``uint8`` in {0, 255}.
        whole_FHW3: the whole object on white, ``uint8``.
        amodal_FHW: the mask of the whole object.
        occluder_FHW: the mask of everything in front of it, including all of a soft edge.
    """

    sample: str
    video: str
    track: str
    frames_FHW3: np.ndarray
    visible_FHW: np.ndarray
    whole_FHW3: np.ndarray
    amodal_FHW: np.ndarray
    occluder_FHW: np.ndarray

    @property
    def hidden_FHW(self) -> np.ndarray:
        """The mask of the hidden part of the object, ``uint8`` in {0, 255}."""
        return np.asarray(self.amodal_FHW & ~self.visible_FHW)

    @property
    def occlusion_F(self) -> np.ndarray:
        """The occlusion rate of each frame: see :func:`occlusion_rate`."""
        return occlusion_rate(self.visible_FHW, self.amodal_FHW)

    def check(self) -> None:
        """Check the contract: shapes, values, and visible = amodal minus occluder.

        Raises:
            ValueError: names the sample and the broken rule.
        """
        frames, height, width = self.amodal_FHW.shape
        for name in ("visible_FHW", "amodal_FHW", "occluder_FHW"):
            mask = getattr(self, name)
            if mask.shape != (frames, height, width) or mask.dtype != np.uint8:
                raise ValueError(
                    f"{self.sample}: {name} is {mask.dtype} {mask.shape}, not uint8 {frames, height, width}"
                )
            if not np.isin(mask, (0, 255)).all():
                raise ValueError(f"{self.sample}: {name} has values other than 0 and 255")
        for name in ("frames_FHW3", "whole_FHW3"):
            image = getattr(self, name)
            if image.shape != (frames, height, width, 3) or image.dtype != np.uint8:
                raise ValueError(
                    f"{self.sample}: {name} is {image.dtype} {image.shape}, not uint8 {frames, height, width, 3}"
                )
        if (self.visible_FHW & self.occluder_FHW).any():
            raise ValueError(f"{self.sample}: a visible pixel is under the occluder")
        if not np.array_equal(self.visible_FHW | (self.amodal_FHW & self.occluder_FHW), self.amodal_FHW):
            raise ValueError(f"{self.sample}: the visible and the occluded parts do not add up to the whole object")


def occlusion_rate(visible_FHW: np.ndarray, amodal_FHW: np.ndarray) -> np.ndarray:
    """1 - |visible| / |amodal| of each frame, ``float64 [F]``; NaN where the object is absent (paper, section 4.2)."""
    visible = np.count_nonzero(visible_FHW, axis=(1, 2)).astype(np.float64)
    amodal = np.count_nonzero(amodal_FHW, axis=(1, 2)).astype(np.float64)
    return np.where(amodal > 0, 1.0 - visible / np.maximum(amodal, 1.0), np.nan)
