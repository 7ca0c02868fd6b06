"""Joining the rows of all methods and shards; apart from measuring, since it needs none of its networks."""

from __future__ import annotations

from tgvac.clip.rows import Row, read_rows, write_rows
from tgvac.completion.params import EvaluationParams
from tgvac.stage import Context


def join(ctx: Context, *, evaluation: EvaluationParams) -> None:
    """Join what was measured to ``metrics/rows.parquet``."""
    rows: list[Row] = []
    for method in evaluation.methods:
        for seed in evaluation.train_seeds:
            for shard in range(ctx.shards):
                rows += read_rows(ctx.out / method / f"seed{seed}" / f"shard-{shard:03d}.parquet")
    write_rows(ctx.out / "rows.parquet", rows)
