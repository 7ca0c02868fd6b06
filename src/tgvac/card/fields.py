"""The meaning of every column of the published tables, for the card and for its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Field:
    """A column."""

    kind: Literal["text", "integer", "number"]
    description: str


@dataclass(frozen=True)
class Published:
    """A table that the card publishes.

    Attributes:
        phase: the phase that writes the table, to ``<phase>/<name>.parquet``.
        description: what a row is.
        key: the columns that identify a row.
        refers: columns that refer to a column of another table, as ``(table, column)``.
    """

    phase: str
    description: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    refers: Mapping[str, tuple[str, str]]


def _text(description: str) -> Field:
    return Field("text", description)


def _integer(description: str) -> Field:
    return Field("integer", description)


def _number(description: str) -> Field:
    return Field("number", description)


PUBLISHED: dict[str, Published] = {
    "recipes": Published(
        "synthesis",
        "One row per synthesized video: the target object, its occluders, and when and where they are placed. With the"
        " tracks of its sources it renders to the same bits of the input, the visible mask, the whole object on white"
        " and the amodal mask.",
        ("recipe",),
        {
            "recipe": _text("Id of the synthesized video: its target's id and a number."),
            "target": _text("Track of the object to complete: <source>/<video>/<object>."),
            "video": _text("Source video of the target, the unit of the split: <source>/<video>."),
            "source": _text("Source of the target."),
            "split": _text("train, dev or val."),
            "start": _integer("The target's frame that is the first frame of the video, from 0."),
            "frame_step": _integer("Frames of the target from one frame of the video to the next."),
            "frames": _integer("Frames of the video."),
            "occluders": _text(
                "JSON, one placement per occluder, the last one on top: track, start, first and frames of its stretch,"
                " scale, dx, dy, drift_x, drift_y (fractions of width and height), flip."
            ),
            "feather": _integer("Width of the ramp along occluders' edges in pixels; 0 for hard edges."),
            "seed": _integer("The named seed from which the recipe was drawn."),
            "mean_rate": _number("Mean over frames of the hidden share of the object, in [0, 1]."),
            "max_rate": _number("The largest of these shares, in [0, 1]."),
        },
        {},
    ),
    "occlusion": Published(
        "synthesis",
        "One row per frame of a synthesized video: how much of the object is hidden.",
        ("recipe", "frame"),
        {
            "recipe": _text("Id of the synthesized video."),
            "frame": _integer("Frame of the video, from 0."),
            "rate": _number("Hidden share of the object's amodal mask, in [0, 1]; NaN where the object is absent."),
        },
        {"recipe": ("recipes", "recipe")},
    ),
    "captions": Published(
        "captions",
        "One row per object: the sentence that describes it.",
        ("track",),
        {
            "track": _text("Track of the object, as in the recipes' target."),
            "captioner": _text("Where the sentence comes from: blip2, given (by the source), template."),
            "raw": _text("The sentence as it was given or generated."),
            "text": _text("The sentence as it is used."),
            "frame": _integer("Frame of the track that was described, from 0; -1 for none."),
            "model": _text("The captioning model and its revision, or empty."),
        },
        {},
    ),
}
