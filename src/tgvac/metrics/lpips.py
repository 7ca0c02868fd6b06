"""LPIPS of each frame: the distance of deep features, which is the paper's low-level similarity.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, version 0.1.
The paper's tables print it as "LSIPS".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.arrays import check_frames, check_same

if TYPE_CHECKING:
    import torch


Features = Callable[[NDArray[np.uint8]], "list[torch.Tensor]"]
"""Features of a batch of frames, uint8 [B,H,W,3], as :func:`lpips_features` gives them."""


def lpips_per_frame(
    model: torch.nn.Module,
    a_FHW3: NDArray[np.uint8],
    b_FHW3: NDArray[np.uint8],
    batch: int,
    features_b: Features | None = None,
) -> NDArray[np.float64]:
    """LPIPS between two videos, frame by frame.

    Args:
        model: from ``load_lpips``, on any device.
        a_FHW3, b_FHW3: RGB frames, uint8 [F,H,W,3]; H and W at least 32, because the deep layers have no pixels for
            much smaller frames. The order of the two does not matter.
        batch: frames that go through the network at once, at least 1; does not change the values beyond float error.
        features_b: gives the features of a batch of ``b_FHW3``, for instance kept ones; None: they are computed.

    Returns:
        float64 [F], at least 0; 0 for identical frames, and about 0.1 to 0.7 for visibly different ones.

    Raises:
        ValueError: a shape or dtype that is not as above.
    """
    check_frames("a_FHW3", a_FHW3)
    check_frames("b_FHW3", b_FHW3)
    check_same(a_FHW3=a_FHW3, b_FHW3=b_FHW3)
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}")
    if len(a_FHW3) and min(a_FHW3.shape[1:3]) < 32:
        raise ValueError(f"LPIPS needs frames of at least 32x32 pixels, not {a_FHW3.shape[1]}x{a_FHW3.shape[2]}")
    out_F = np.empty(len(a_FHW3), np.float64)
    for start in range(0, len(a_FHW3), batch):
        part = slice(start, start + batch)
        b_L = lpips_features(model, b_FHW3[part]) if features_b is None else features_b(b_FHW3[part])
        out_F[part] = _between(model, lpips_features(model, a_FHW3[part]), b_L)
    return out_F


def lpips_features(model: torch.nn.Module, frames_BHW3: NDArray[np.uint8]) -> list[torch.Tensor]:
    """The activations that LPIPS compares, of unit length across channels.

    Args:
        model: from ``load_lpips``.
        frames_BHW3: RGB, uint8 [B,H,W,3].

    Returns:
        float32 [B,C,h,w] by layer, on the model's device.
    """
    import torch
    from lpips import normalize_tensor

    network: Any = model
    pixels_B3HW = torch.tensor(frames_BHW3, device=next(model.parameters()).device).permute(0, 3, 1, 2)
    with torch.inference_mode():
        # In [-1,1], as LPIPS was trained on.
        scaled_B3HW = network.scaling_layer(pixels_B3HW.to(torch.float32) / 127.5 - 1)
        return [normalize_tensor(each_BChw) for each_BChw in network.net(scaled_B3HW)]


def _between(model: torch.nn.Module, a_L: list[torch.Tensor], b_L: list[torch.Tensor]) -> NDArray[np.float64]:
    """LPIPS from the features of two batches: the weighted squares of their differences, averaged over pixels."""
    import torch

    network: Any = model
    with torch.inference_mode():
        layers = zip(network.lins, a_L, b_L, strict=True)
        total: Any = sum(weigh((a_BChw - b_BChw) ** 2).mean((2, 3)) for weigh, a_BChw, b_BChw in layers)
        value_B: NDArray[np.float64] = total.flatten().double().cpu().numpy()
    return value_B
