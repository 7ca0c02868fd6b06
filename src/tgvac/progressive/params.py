"""Parameters of ProgressiveAmodal; steps and guidance are the method's (:class:`tgvac.methods.params.MethodParams`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block

SIDE = 512
"""The side of its authors' square. Lengths are given for a frame whose longer side is this, and scale with it."""


class ProgressiveParams(Block):
    """How the baseline paints (``params.yaml`` documents each key).

    Attributes:
        revision: of the whole inpainting model, where the method's ``published`` is a hub's name.
        size: side of the square that is painted, in pixels.
        iterations: at most so many squares a frame are painted, each around what was found before.
        margin: around the object's box, in pixels of a frame of ``SIDE``, as the next three.
        touched_margin: more of it on the sides where the object touches the border of what is known.
        gap: an object as near as this to a border touches it.
        grow: how far the hole is grown, so that no edge of an occluder stays.
        canvas: what may be painted, in sides of the frame, which is in its middle.
        grey: level of the plain background that the object is put on at first.
        removal: what takes the object and its occluders out of the picture, for the background of the later steps.
        telea_radius: neighbourhood of Telea's method, in pixels of the square.
        lama: TorchScript file of LaMa.
        swap: share of the steps after which the background is swapped.
        block: decoder block of the UNet whose features are clustered, from 0.
        clusters: how many clusters.
        cluster_share: a cluster is the object's if it covers more than this share of what is seen of it.
        reencode: whether swapped latents go through the autoencoder.
        amodal: how the whole object is found in a painted picture.
        near: occluders ``around``: how far around what is seen, in longer sides of its box.
        near_share: occluders ``around``: how much more a colour must be near than beyond, as a share of both.
        batch: squares that are painted at once; decides last bits.
    """

    revision: str
    size: int = Field(ge=16)
    iterations: int = Field(ge=1)
    margin: float = Field(ge=0)
    touched_margin: float = Field(ge=0)
    gap: float = Field(ge=0)
    grow: float = Field(ge=0)
    canvas: float = Field(ge=1)
    grey: int = Field(ge=0, le=255)
    removal: Literal["telea", "lama"]
    telea_radius: float = Field(gt=0)
    lama: str
    swap: float = Field(ge=0, lt=1)
    block: int = Field(ge=0)
    clusters: int = Field(ge=1)
    cluster_share: float = Field(ge=0, lt=1)
    reencode: bool
    amodal: Literal["sam", "grabcut", "clusters"]
    near: float = Field(gt=0)
    near_share: float = Field(gt=0, le=1)
    batch: int = Field(ge=1)

    def pixels(self, at_side: float, height: int, width: int) -> int:
        """A length in pixels of a frame; one that is not 0 is at least one pixel.

        Args:
            at_side: the length where the frame's longer side is ``SIDE``.
        """
        return max(1, round(at_side * max(height, width) / SIDE)) if at_side else 0
