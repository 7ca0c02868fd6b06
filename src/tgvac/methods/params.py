"""Parameters of the methods."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block

Prompt = Literal["mask", "box"]
"""What marks an object in a frame."""

Sentence = Literal["category", "colours", "mismatched", "visible"]
"""A sentence in place of the object's own."""


class MethodParams(Block):
    """One ``<method>/<variant>``: in what it differs from the method as the other blocks describe it.

    Attributes:
        trained: of methods that are trained, the variant whose weights it loads.
        motion: of methods with motion modules, whether they are used; without, frames are completed one by one.
        steps, guidance, stride, solver, eta, unconditional, overlap, guided_levels, weights, ends: in place of the
            sampler's own.
        same_noise: whether all frames of a video are sampled from the noise of its first one.
        published: in place of a training of this scale: a folder of converted weights, relative to the project; of
            methods that take a whole published model, its folder or its name on the hub.
        votes: samples whose majority is the amodal mask; the sample that is nearest to it is the picture.
        caption: of methods that read text, the sentence that they are given: the object's ``category`` alone, one of
            the ``colours`` of what is seen, one of what is ``visible`` by BLIP-2, or that of an object of another
            category (``mismatched``); None: the object's own.
        mask_noise: how far the outline of the visible masks that it is given is off, as a root mean square in pixels of
            the frame (:mod:`tgvac.completion.mask_errors`); None: not at all.
        prompt: of methods that track, what they are given in the first frame; None: its mask.
        occluders: of methods that know what is in front, who tells them (:mod:`tgvac.progressive.occluders`).
        one_window: the whole video in a single window.
        seeds: of a trained method, the training seeds that it is evaluated with; None for all that are trained.
        draws: completions of each clip, each from another noise. The first is the one that is compared; together they
            show how much a method's samples differ, and how good their best and their mean are.
        clips: which evaluated clips it completes; the long ones make Table 4.
        outputs: of the method ``external``, the folder of its outputs, below the project's.
        paste: what is seen is taken from the input, over a seam of so many pixels towards what is hidden; 0: without a
            seam; None: as the method painted it.
        completions_of: the evaluated method whose completions these are, pasted; nothing is sampled again, and all
            other keys are that method's.
    """

    trained: str = "full"
    motion: bool = True
    steps: int | None = Field(default=None, ge=1)
    guidance: float | None = Field(default=None, ge=0)
    stride: int | None = Field(default=None, ge=1)
    solver: Literal["ddim", "multistep"] | None = None
    eta: float | None = Field(default=None, ge=0, le=1)
    unconditional: Literal["text", "text_and_image"] | None = None
    overlap: float | None = Field(default=None, ge=0, le=1)
    guided_levels: tuple[float, float] | None = None
    weights: Literal["flat", "triangular"] | None = None
    ends: Literal["inside", "reflect"] | None = None
    same_noise: bool | None = None
    published: str | None = None
    votes: int | None = Field(default=None, ge=1)
    one_window: bool = False
    caption: Sentence | None = None
    mask_noise: float | None = Field(default=None, gt=0)
    prompt: Prompt | None = None
    occluders: Literal["oracle", "around", "outside"] | None = None
    seeds: tuple[int, ...] | None = Field(default=None, min_length=1)
    draws: int = Field(default=1, ge=1)
    clips: Literal["short", "long"] = "short"
    outputs: str | None = None
    paste: float | None = Field(default=None, ge=0)
    completions_of: str | None = None


class TrivialParams(Block):
    """How the trivial baselines fill what is hidden.

    Attributes:
        reach: temporal copy: the largest distance in frames from which pixels are copied.
        overlap: temporal copy: share of the smaller visible part that two frames must both show before they say
            how the object moved. Temporal flow: share of what two frames both show whose flow is trusted, or it is
            not used at all.
        speed: temporal copy: how far an object moves at most from frame to frame, in long sides of the frame.
        shape: mean colour: the outline that is filled; ``hull``, the convex hull of the visible part, or ``union``,
            the mask of temporal copy.
        radius: telea: how far known pixels around a pixel are averaged, in pixels.
        consistency: temporal flow: error of a flow there and back at which its trust is 1/e, in long sides.
    """

    reach: int = Field(ge=1)
    overlap: float = Field(ge=0, le=1)
    speed: float = Field(gt=0)
    shape: Literal["hull", "union"]
    radius: float = Field(gt=0)
    consistency: float = Field(gt=0)


class CompletionParams(Block):
    """How a network completes, and how its picture becomes a completion.

    Attributes:
        white_threshold: the amodal mask is whatever is darker.
        precision: of the products of the sampling network; None: as ``compute.tf32`` says.
    """

    white_threshold: int = Field(ge=1, le=255)
    precision: Literal["bfloat16"] | None = None
