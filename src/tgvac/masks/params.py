"""Parameters of the masks: the segmenter for each kind of annotation, and its settings."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class ColourMemoryParams(Block):
    """The memory of colours of the object and of the rest (`masks.colours`)."""

    bins: int = Field(ge=2, le=64)
    keep: float = Field(gt=0, le=1)
    floor: float = Field(gt=0)
    background_below: float = Field(ge=0, le=1)
    blur: float = Field(gt=0)
    min_box_iou: float = Field(ge=0, le=1)


class GrabCutParams(Block):
    """Masks from boxes (`masks.grabcut`); lengths are fractions of the box's longer side."""

    margin: float = Field(ge=0)
    context: float = Field(gt=0)
    trust: float = Field(ge=0)
    warm_box_iou: float = Field(ge=0, le=1)
    iterations: int = Field(ge=1)
    cold_iterations: int = Field(ge=1)
    min_side: float = Field(ge=0)
    memory: ColourMemoryParams


class DenseFlowParams(Block):
    """Dense inverse search of OpenCV."""

    preset: Literal["ultrafast", "fast", "medium"]
    finest_scale: int = Field(ge=0, le=4)


class FlowParams(Block):
    """Masks between annotated frames (`masks.flow`)."""

    reach: int = Field(ge=1)
    consistency: float = Field(gt=0)
    colour: float = Field(gt=0)


class FollowParams(Block):
    """From the first frame to the end, without weights (`masks.follow`).

    Attributes:
        back: frames before a frame whose masks decide it.
        consistency, colour: as of flow.
        band: how far around the belief pixels are decided, in shares of its longer side.
        context: around a box, how far the background's colours are fitted.
        bins: of the colours of object and rest, for each channel.
        min_trust: mean agreement of flow on the object, below which it is lost.
        min_likeness: mean probability of the object given the colours on it, beside that of the first frame.
        max_change: of the area, from the frame before.
    """

    back: tuple[int, ...] = Field(min_length=1)
    consistency: float = Field(gt=0)
    colour: float = Field(gt=0)
    band: float = Field(gt=0, le=1)
    context: float = Field(gt=0)
    bins: int = Field(ge=2, le=64)
    min_trust: float = Field(ge=0, le=1)
    min_likeness: float = Field(ge=0, le=1)
    max_change: float = Field(ge=1)

    @model_validator(mode="after")
    def _looks_back_by_one(self) -> Self:
        if min(self.back) != 1:
            raise ValueError(
                f"back {list(self.back)} must have 1, the frame before, and no frame after; write [1, 2, 4, 8]"
            )
        return self


class RefineParams(Block):
    """Refinement of generated masks (`masks.refine`)."""

    radius: int = Field(ge=0)
    colour: float = Field(gt=0)
    band: float = Field(ge=0, le=1)
    context: float = Field(gt=0)
    bins: int = Field(ge=2, le=64)
    floor: float = Field(gt=0)
    doubt: float = Field(gt=0, le=0.5)
    min_part: float = Field(ge=0, le=1)
    max_hole: float = Field(ge=0, le=1)


class SamParams(Block):
    """Masks from boxes, frame by frame, by SAM (`masks.sam`)."""

    weights: str = Field(min_length=1)
    revision: str
    batch: int = Field(ge=1)
    choice: Literal["single", "score", "box"]
    precision: Literal["float32", "bfloat16"]


class Sam2Params(Block):
    """Masks of a video by SAM 2, from boxes, from some masks or from the first frame (`masks.sam2_*`)."""

    weights: str = Field(min_length=1)
    revision: str
    model: Literal["sam2.1_hiera_t", "sam2.1_hiera_s", "sam2.1_hiera_b+", "sam2.1_hiera_l"]
    image_size: int = Field(ge=64, multiple_of=64)
    prompt_every: int = Field(ge=1)
    prompts: int = Field(ge=2)
    reach: int = Field(ge=1)
    join: Literal["weighted", "nearest"]
    offload: bool
    precision: Literal["float32", "bfloat16"]


class GateParams(Block):
    """When a generated mask fails (`masks.gates`)."""

    min_inside: float = Field(ge=0, le=1)
    min_box_iou: float = Field(ge=0, le=1)
    max_jump: float = Field(ge=1)
    max_failed: float = Field(ge=0, le=1)


class MasksParams(Block):
    """The source of visible masks: a segmenter for each of the four kinds of annotation that a track may have."""

    full: Literal["given"]
    sparse: Literal["sam2", "flow", "given"]
    first: Literal["sam2", "follow", "flow", "given"]
    boxes: Literal["sam", "sam2", "grabcut"]
    sam: SamParams
    sam2: Sam2Params
    grabcut: GrabCutParams
    dense_flow: DenseFlowParams
    flow: FlowParams
    follow: FollowParams
    refine: RefineParams
    gates: GateParams
