"""LPIPS of each frame: the distance of deep features, which is the paper's low-level similarity.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, version 0.1.
The paper's tables print it as "LSIPS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.arrays import check_frames, check_same

if TYPE_CHECKING:
    import torch


def lpips_per_frame(
    model: torch.nn.Module, a_FHW3: NDArray[np.uint8], b_FHW3: NDArray[np.uint8], batch: int
) -> NDArray[np.float64]:
    """LPIPS between two videos, frame by frame.

    Args:
        model: from ``load_lpips``, on any device.
        a_FHW3, b_FHW3: RGB frames, uint8 [F,H,W,3]; H and W at least 32, because the deep layers have no pixels for
            much smaller frames. The order of the two does not matter.
        batch: frames that go through the network at once, at least 1; does not change the values beyond float error.

    Returns:
        float64 [F], at least 0; 0 for identical frames, and about 0.1 to 0.7 for visibly different ones.

    Raises:
        ValueError: a shape or dtype that is not as above.
    """
    import torch

    check_frames("a_FHW3", a_FHW3)
    check_frames("b_FHW3", b_FHW3)
    check_same(a_FHW3=a_FHW3, b_FHW3=b_FHW3)
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    if len(a_FHW3) and min(a_FHW3.shape[1:3]) < 32:
        raise ValueError(f"LPIPS needs frames of at least 32x32 pixels, not {a_FHW3.shape[1]}x{a_FHW3.shape[2]}")
    device = next(model.parameters()).device

    def scaled(frames_BHW3: NDArray[np.uint8]) -> torch.Tensor:
        """Frames in [-1,1], channels first, as LPIPS was trained on."""
        pixels = torch.tensor(frames_BHW3, device=device).permute(0, 3, 1, 2)
        return pixels.to(torch.float32) / 127.5 - 1

    out_F = np.empty(len(a_FHW3), np.float64)
    with torch.inference_mode():
        for start in range(0, len(a_FHW3), batch):
            part = slice(start, start + batch)
            value_B111: torch.Tensor = model(scaled(a_FHW3[part]), scaled(b_FHW3[part]))
            out_F[part] = value_B111.flatten().double().cpu().numpy()
    return out_F
