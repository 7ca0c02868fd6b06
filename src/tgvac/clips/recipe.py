"""Contract 2, first half: the recipe, which renders to a clip together with its tracks.

``recipes.parquet`` is the data set. It has one row per synthesised video, and no pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.clips.tables import read_table, write_table
from tgvac.errors import BadInput

RECIPE_FORMAT = "tgvac-recipe-3"
Split = Literal["train", "dev", "val"]


class Placement(BaseModel):
    """The placement of one occluder: its frame is resized to the target's, scaled about its centre, then shifted.

    Attributes:
        track: the occluder's track id.
        start: the occluder's frame that is shown in the clip's first frame.
        first, frames: the range of the occluder's frames that is played back and forth (ping-pong). Without ``frames``
            it extends to the end of the track.
        scale: scale about the frame's centre; 1 is the paper's placement.
        dx, dy: shift at the middle of the clip, in fractions of the target's width and height; 0 is the paper's
            placement.
        flip: mirror left to right.
        drift_x, drift_y: additional shift from the first to the last frame, linear in time, in the same fractions;
            0 is the paper's placement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    track: str
    start: int = Field(ge=0)
    first: int = Field(default=0, ge=0)
    frames: int | None = Field(default=None, ge=1)
    scale: float = Field(default=1.0, gt=0)
    dx: float = 0.0
    dy: float = 0.0
    flip: bool = False
    drift_x: float = 0.0
    drift_y: float = 0.0

    def shift(self, progress: float) -> tuple[float, float]:
        """Shift to the right and down, in fractions of width and height.

        Args:
            progress: position in the clip, from 0 (first frame) to 1 (last frame).
        """
        return self.dx + self.drift_x * (progress - 0.5), self.dy + self.drift_y * (progress - 0.5)

    def shown(self, track_frames: int, count: int) -> list[int]:
        """The occluder's frames that are shown in the first ``count`` frames of the clip.

        Args:
            track_frames: the length of the occluder's track.
        """
        length = self.frames or track_frames - self.first
        if not self.first <= self.start < self.first + length <= track_frames:
            raise ValueError(
                f"{self.track}: start {self.start} and range {self.first}+{length} do not fit {track_frames} frames"
            )
        return [self.first + i for i in ping_pong(self.start - self.first, length, count)]


class Recipe(BaseModel):
    """One synthesised video.

    Attributes:
        recipe: the id ``<target track>/r<n>``, also the sample's id.
        target: the track of the object to complete.
        video: the target's source video.
        start, frame_step, frames: the target's frames ``start + frame_step * i`` for ``i < frames``.
        occluders: the occluders in front of it, the last one on top.
        feather: width in pixels of the ramp on either side of the occluders' edges; 0: hard edges.
        seed: the named seed that the recipe was drawn from.
        mean_rate, max_rate: mean and maximum occlusion rate over its frames, measured when it was accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    target: str
    video: str
    source: str
    split: Split
    start: int = Field(ge=0)
    frame_step: int = Field(ge=1)
    frames: int = Field(ge=1)
    occluders: tuple[Placement, ...]
    feather: int = Field(default=0, ge=0)
    seed: int
    mean_rate: float
    max_rate: float

    def target_indices(self) -> list[int]:
        return [self.start + self.frame_step * i for i in range(self.frames)]

    def progress(self, i: int) -> float:
        """The position of frame ``i`` in the clip, from 0 to 1; 0.5 for a clip of one frame."""
        return progress_of(i, self.frames)


def progress_of(i: int, frames: int) -> float:
    """The position of frame ``i`` among ``frames``, from 0 to 1; 0.5 for a single frame.

    >>> [progress_of(i, 3) for i in range(3)]
    [0.0, 0.5, 1.0]
    """
    return i / (frames - 1) if frames > 1 else 0.5


def ping_pong(start: int, length: int, count: int) -> list[int]:
    """``count`` indices into ``length`` frames, from ``start``, back and forth.

    >>> ping_pong(1, 3, 6)
    [1, 2, 1, 0, 1, 2]
    """
    if length < 1:
        raise ValueError(f"a range of {length} frames is empty")
    if length == 1:
        return [0] * count
    period = 2 * (length - 1)
    return [min(p, period - p) for p in ((start + i) % period for i in range(count))]


_COLUMNS = {
    "recipe": "string",
    "target": "string",
    "video": "string",
    "source": "string",
    "split": "string",
    "start": "int64",
    "frame_step": "int64",
    "frames": "int64",
    "occluders": "string",
    "feather": "int64",
    "seed": "int64",
    "mean_rate": "float64",
    "max_rate": "float64",
}


def write_recipes(path: Path, recipes: Iterable[Recipe]) -> None:
    """Write recipes sorted by id; the occluders are JSON text."""
    rows = []
    for recipe in sorted(recipes, key=lambda r: r.recipe):
        row = recipe.model_dump(mode="json")
        row["occluders"] = json.dumps(row["occluders"], sort_keys=True)
        rows.append(row)
    write_table(path, rows, _COLUMNS, RECIPE_FORMAT)


def read_recipes(path: Path) -> list[Recipe]:
    """Read recipes, sorted by id."""
    recipes = []
    for row in read_table(path, RECIPE_FORMAT):
        try:
            recipes.append(Recipe.model_validate({**row, "occluders": json.loads(str(row["occluders"]))}))
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"{path}: recipe {row.get('recipe')!r} has a wrong '{first['loc'][0]}' ({first['msg']});"
                " run `tgvac stage synthesis` again."
            ) from None
    return recipes
