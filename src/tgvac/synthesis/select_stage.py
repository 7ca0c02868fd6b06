"""Phase `select`: finds stretches in which objects are whole, and records why other frames were refused.

select/stretches.parquet     one row per stretch
select/tracks.parquet        one row per track: frames, whole frames, frames kept, reason of refusal, reasons of frames
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tgvac.clips.tables import read_table, write_table
from tgvac.clips.track import Track, read_masks_meta
from tgvac.errors import BadInput
from tgvac.progress import with_progress
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.params import SelectParams
from tgvac.synthesis.selection import Stretch, select_track

STRETCHES_FORMAT = "tgvac-stretches-1"
TRACKS_FORMAT = "tgvac-selection-1"
_STRETCH_COLUMNS = {"track": "string", "video": "string", "source": "string", "start": "int64", "frames": "int64"}
_TRACK_COLUMNS = {
    "track": "string",
    "video": "string",
    "source": "string",
    "category": "string",
    "frames": "int64",
    "whole": "int64",
    "kept": "int64",
    "refused": "string",
    "reasons": "string",
}


def run(ctx: Context, *, select: SelectParams) -> None:
    """Select stretches of every track by its measurements, without reading pixels."""
    index = read_index(ctx.results / "tracks" / "index.json")
    masks = read_index(ctx.results / "masks" / "index.json")
    stretches: list[Stretch] = []
    rows = []
    for identifier, entry in with_progress(sorted(index.items()), ctx.label, len(index)):
        with Track(ctx.upstream("tracks", entry)) as track:
            meta = track.meta
        masks_entry = masks[identifier]
        masks_meta = read_masks_meta(ctx.upstream("masks", masks_entry))
        verdict = select_track(
            select,
            identifier,
            meta.source_video,
            meta.source,
            masks_meta.geometry,
            masks_meta.verdicts,
            masks_entry.facts["refused"],
        )
        stretches.extend(verdict.stretches)
        rows.append(
            {
                "track": identifier,
                "video": meta.source_video,
                "source": meta.source,
                "category": meta.category,
                "frames": verdict.frames,
                "whole": verdict.whole,
                "kept": sum(s.frames for s in verdict.stretches),
                "refused": verdict.refused,
                "reasons": json.dumps(verdict.reasons, sort_keys=True),
            }
        )
    if not stretches:
        raise BadInput(_none_whole(select, rows))
    write_table(ctx.out / "tracks.parquet", rows, _TRACK_COLUMNS, TRACKS_FORMAT)
    ordered = sorted(stretches, key=lambda s: (s.track, s.start))
    write_table(ctx.out / "stretches.parquet", [vars(s) for s in ordered], _STRETCH_COLUMNS, STRETCHES_FORMAT)


def read_stretches(path: Path) -> list[Stretch]:
    """All stretches, sorted by track and start."""
    return [Stretch(**row) for row in read_table(path, STRETCHES_FORMAT)]


_RULES = {
    "small": ("min_area", "the object is smaller than {}"),
    "border": ("max_border", "more than {} of its outline is on the frame's border"),
    "parts": ("max_other_parts", "more than {} of its area is in other parts"),
    "touch": ("max_touch", "more than {} of its outline touches another object"),
    "jump": ("max_area_change", "its area changes by more than {} times"),
}
"""The key of each rule, and what a frame that breaks it shows."""


def _none_whole(params: SelectParams, rows: Sequence[Mapping[str, Any]]) -> str:
    """The message when no object is whole for long enough: the rule that refused most frames, its key and value."""
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(json.loads(row["reasons"]))
    frames, whole = (sum(row[key] for row in rows) for key in ("frames", "whole"))
    said = f"None of {len(rows)} objects is whole for {params.min_frames} frames in a row (select.min_frames). "
    if not reasons:
        longest = max(row["frames"] for row in rows)
        return said + f"They are whole in all frames, but have {longest} at most; give longer videos."
    rule, count = max(sorted(reasons.items()), key=lambda each: each[1])
    said += f"{whole} of {frames} frames are whole; most others, {count}, were refused because "
    if rule == "absent":
        return said + (
            "they have no mask: the object is not there, or was followed no farther (masks.first, masks.sparse);"
            " set masks.first to 'follow' or 'sam2', or give masks of more frames."
        )
    if rule == "mask":
        return said + "their masks failed a check (masks.gates); look at the masks, or relax that block."
    key, words = _RULES[rule]
    value = getattr(params, key)
    return said + f"{words.format(f'{value:g}')} (select.{key}: {value:g}); relax this key, or give other videos."
