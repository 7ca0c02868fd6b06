"""Joins the shards: one index, and a table of the quality of generated masks.

masks/quality.parquet     one row per track whose source has ground truth
"""

from __future__ import annotations

import json

from tgvac.clips.tables import write_table
from tgvac.shards import merge_indices
from tgvac.stage import Context

QUALITY_FORMAT = "tgvac-mask-quality-1"
_COLUMNS = {
    "source": "string",
    "segmenter": "string",
    "track": "string",
    "frames": "int64",
    "iou_raw": "float64",
    "iou_refined": "float64",
    "verdicts": "string",
}


def join(ctx: Context) -> None:
    """Write ``masks/index.json`` and ``masks/quality.parquet``."""
    entries = merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
    rows = [
        {
            "source": entry.facts["source"],
            "segmenter": entry.facts["segmenter"],
            "track": entry.id,
            **entry.facts["quality"],
            "verdicts": json.dumps(entry.facts["verdicts"], sort_keys=True),
        }
        for entry in sorted(entries, key=lambda e: e.id)
        if entry.facts["quality"]
    ]
    write_table(ctx.out / "quality.parquet", rows, _COLUMNS, QUALITY_FORMAT)
