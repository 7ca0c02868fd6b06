"""Phase `select`: finds stretches in which objects are whole, and records why other frames were refused.

select/stretches.parquet     one row per stretch
select/tracks.parquet        one row per track: frames, whole frames, frames kept, reason of refusal, reasons of frames
"""

from __future__ import annotations

import json
from pathlib import Path

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
        raise BadInput(
            f"None of {len(index)} tracks shows a whole object for {select.min_frames} frames;"
            " use other videos or relax the rules under 'select'."
        )
    write_table(ctx.out / "tracks.parquet", rows, _TRACK_COLUMNS, TRACKS_FORMAT)
    ordered = sorted(stretches, key=lambda s: (s.track, s.start))
    write_table(ctx.out / "stretches.parquet", [vars(s) for s in ordered], _STRETCH_COLUMNS, STRETCHES_FORMAT)


def read_stretches(path: Path) -> list[Stretch]:
    """All stretches, sorted by track and start."""
    return [Stretch(**row) for row in read_table(path, STRETCHES_FORMAT)]
