"""The parameters of the metrics room; their values stand in ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block


class MetricsParams(Block):
    """How completions are scored and how scores become numbers with intervals.

    Attributes:
        lpips_net: backbone of LPIPS; the paper doesn't name one, ``alex`` is the default of the LPIPS authors
            for evaluation and ``vgg`` a second column.
        hard_from: occlusion rate in (0, 1] from which a frame is hard; the paper says "greater than 50%" and
            leaves exactly 50% open.
        white_psnr_cap: PSNR in dB given to identical pixels, which would be infinite otherwise, and the upper
            bound of every PSNR, so that one frame cannot rule a mean.
        bootstrap: number of resamples of the bootstrap over source videos.
        confidence: probability mass of the intervals, in (0, 1).
        batch: frames that go through a network at once; changes memory and speed only.
    """

    lpips_net: Literal["alex", "vgg"]
    hard_from: Annotated[float, Field(gt=0, le=1)]
    white_psnr_cap: Annotated[float, Field(gt=0)]
    bootstrap: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    batch: Annotated[int, Field(ge=1)]
