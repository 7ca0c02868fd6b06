"""Contract 2, second half, the clip: what a recipe renders to, and what every training and test sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# F frames, H height, W width; masks are 0 or 255.


@dataclass(frozen=True)
class Clip:
    """One synthesised occlusion video, at working resolution.

    Attributes:
        sample: the recipe's (or pair's) id.
        video: the target's source video ``<source>/<video>``, the unit of splits and intervals.
        track: the target's track id, the key of its captions.
        frames_FHW3: the input video, ``uint8``; equal to the source to the bit wherever no occluder lies.
        visible_FHW: the part of the object that is seen, ``uint8`` in {0, 255}.
        whole_FHW3: the whole object on white, ``uint8``.
        amodal_FHW: the whole object's mask.
        occluder_FHW: the mask of all that was put before it, to the last trace of a soft edge.
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
        """The part of the object that is not seen, ``uint8`` in {0, 255}."""
        return np.asarray(self.amodal_FHW & ~self.visible_FHW)

    @property
    def occlusion_F(self) -> np.ndarray:
        """The occlusion rate of each frame: see :func:`occlusion_rate`."""
        return occlusion_rate(self.visible_FHW, self.amodal_FHW)

    def check(self) -> None:
        """Assert the contract: shapes, values, and visible = amodal without occluder.

        Raises:
            ValueError: naming the sample and the rule that is broken.
        """
        frames, height, width = self.amodal_FHW.shape
        for name in ("visible_FHW", "amodal_FHW", "occluder_FHW"):
            mask = getattr(self, name)
            if mask.shape != (frames, height, width) or mask.dtype != np.uint8:
                raise ValueError(
                    f"{self.sample}: {name} is {mask.dtype} {mask.shape}, not uint8 {frames, height, width}"
                )
            if not np.isin(mask, (0, 255)).all():
                raise ValueError(f"{self.sample}: {name} holds values other than 0 and 255")
        for name in ("frames_FHW3", "whole_FHW3"):
            image = getattr(self, name)
            if image.shape != (frames, height, width, 3) or image.dtype != np.uint8:
                raise ValueError(f"{self.sample}: {name} is {image.dtype} {image.shape}")
        if (self.visible_FHW & self.occluder_FHW).any():
            raise ValueError(f"{self.sample}: a visible pixel lies under the occluder")
        if not np.array_equal(self.visible_FHW | (self.amodal_FHW & self.occluder_FHW), self.amodal_FHW):
            raise ValueError(f"{self.sample}: visible and occluded parts do not make up the whole object")


def occlusion_rate(visible_FHW: np.ndarray, amodal_FHW: np.ndarray) -> np.ndarray:
    """1 - |visible| / |amodal| a frame, ``float64 [F]``; NaN where the object is absent (paper, section 4.2)."""
    visible = np.count_nonzero(visible_FHW, axis=(1, 2)).astype(np.float64)
    amodal = np.count_nonzero(amodal_FHW, axis=(1, 2)).astype(np.float64)
    return np.where(amodal > 0, 1.0 - visible / np.maximum(amodal, 1.0), np.nan)
