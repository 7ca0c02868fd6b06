"""Joining the rows of all methods and shards; apart from measuring, since it needs none of its networks."""

from __future__ import annotations

from tgvac.clips.rows import join_row_files
from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods, seeds_of
from tgvac.stage import Context


def join(ctx: Context, *, methods: Methods, evaluation: EvaluationParams) -> None:
    """Join what was measured to ``metrics/rows.parquet``."""
    parts = [
        ctx.out / method / f"seed{seed}" / f"shard-{shard:03d}.parquet"
        for method in evaluation.methods
        for seed in seeds_of(method, evaluation.train_seeds, methods)
        for shard in range(ctx.shards)
    ]
    join_row_files(parts, ctx.out / "rows.parquet")
