"""Parameters of the metrics; their values are in ``params.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.masks.params import DenseFlowParams

View = Literal["frame", "box"]
"""Squares in the source's own coordinates: see :mod:`tgvac.metrics.views`."""


class MetricsParams(Block):
    """How completions are scored, and how scores are averaged.

    Attributes:
        lpips_net: backbone of LPIPS. The paper does not name one; ``alex`` is the default of the LPIPS authors for
            evaluation, ``vgg`` the other choice.
        lpips_also: backbones whose LPIPS has rows of its own, ``lpips_<net>``.
        views: where CLIP and LPIPS are also measured, beside the windows of the headline.
        box_margin: of view ``box``, on each side, by the box's longer side.
        hard_from: occlusion rate in (0, 1] from which a frame is hard; the paper says "greater than 50%" and
            does not say what exactly 50% is.
        white_psnr_cap: upper bound of every PSNR in dB. Identical pixels get it, whose PSNR would be infinite; and no
            single frame dominates a mean.
        bootstrap: number of resamples of the bootstrap over source videos.
        confidence: probability mass of the intervals, in (0, 1).
        flow: optical flow of the warp error.
        batch: frames that go through a network at once; only changes memory and speed.
        kept_gib: GiB of LPIPS's features and optical flow of the truth that a scale keeps on disk at most; decides no
            result.
    """

    lpips_net: Literal["alex", "vgg"]
    lpips_also: tuple[Literal["alex", "vgg"], ...]
    views: tuple[View, ...]
    box_margin: Annotated[float, Field(ge=0)]
    hard_from: Annotated[float, Field(gt=0, le=1)]
    white_psnr_cap: Annotated[float, Field(gt=0)]
    bootstrap: Annotated[int, Field(ge=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    flow: DenseFlowParams
    batch: Annotated[int, Field(ge=1)]
    kept_gib: Annotated[float, Field(ge=0)]
