"""The verdict of selection on every frame, computed again from the masks' measurements.

``select/tracks.parquet`` has only counts per track, but the comparison with the truth needs the frames. The same rules
on the same numbers give the same verdicts, which is checked against those counts.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tgvac.clips.track import read_masks_meta
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.params import SelectParams
from tgvac.synthesis.selection import Stretch, frame_faults


@dataclass(frozen=True)
class Judged:
    """A track, frame by frame.

    Attributes:
        faults: the first rule that a frame breaks, or "".
        kept: whether a frame is in a kept stretch.
        refused: why the whole track was refused, or "".
    """

    track: str
    source: str
    faults: tuple[str, ...]
    kept: tuple[bool, ...]
    refused: str

    @property
    def video(self) -> str:
        """The video's name in its source."""
        return self.track.removeprefix(f"{self.source}/").rpartition("/")[0]

    @property
    def object(self) -> str:
        """The object's id in its video."""
        return self.track.rpartition("/")[2]


def judge_frames(
    ctx: Context, select: SelectParams, selection: Sequence[Mapping[str, Any]], stretches: Sequence[Stretch]
) -> Iterator[Judged]:
    """Judge the frames of every track, by id.

    Args:
        selection: rows of ``select/tracks.parquet``.
        stretches: the kept stretches.

    Raises:
        BadInput: the frames do not add up to the counts of the phase `select`.
    """
    masks = read_index(ctx.results / "masks" / "index.json")
    by_track: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        by_track[stretch.track].append(stretch)
    for row in sorted(selection, key=lambda row: str(row["track"])):
        track = str(row["track"])
        meta = read_masks_meta(ctx.upstream("masks", masks[track])) if track in masks else None
        faults = frame_faults(select, meta.geometry, meta.verdicts) if meta else []
        inside = {i for s in by_track[track] for i in range(s.start, s.start + s.frames)}
        counted = Counter(fault for fault in faults if fault)
        if dict(counted) != json.loads(row["reasons"]) or len(faults) != row["frames"] or len(inside) != row["kept"]:
            raise BadInput(
                f"The masks of '{track}' are not those that selection judged; run `tgvac stage select"
                f" --scale {ctx.scale}` again."
            )
        kept = tuple(i in inside for i in range(len(faults)))
        yield Judged(track, str(row["source"]), tuple(faults), kept, str(row["refused"]))
