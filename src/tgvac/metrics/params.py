"""Parameters of the metrics; their values are in ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.masks.params import DenseFlowParams


class MetricsParams(Block):
    """How completions are scored, and how scores are averaged.

    Attributes:
        lpips_net: backbone of LPIPS. The paper does not name one; ``alex`` is the default of the LPIPS authors for
            evaluation, ``vgg`` the other choice.
        hard_from: occlusion rate in (0, 1] from which a frame is hard; the paper says "greater than 50%" and
            does not say what exactly 50% is.
        white_psnr_cap: upper bound of every PSNR in dB. Identical pixels get it, whose PSNR would be infinite; and no
            single frame dominates a mean.
        bootstrap: number of resamples of the bootstrap over source videos.
        confidence: probability mass of the intervals, in (0, 1).
        flow: optical flow of the warp error.
        batch: frames that go through a network at once; only changes memory and speed.
    """

    lpips_net: Literal["alex", "vgg"]
    hard_from: Annotated[float, Field(gt=0, le=1)]
    white_psnr_cap: Annotated[float, Field(gt=0)]
    bootstrap: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    flow: DenseFlowParams
    batch: Annotated[int, Field(ge=1)]
