"""Parameters of the masks: the segmenter for each kind of annotation, and its settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

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
    first: Literal["sam2", "flow", "given"]
    boxes: Literal["sam", "sam2", "grabcut"]
    sam: SamParams
    sam2: Sam2Params
    grabcut: GrabCutParams
    dense_flow: DenseFlowParams
    flow: FlowParams
    refine: RefineParams
    gates: GateParams
