"""Joining the rows of all methods, seeds and shards to one table.

This is apart from :mod:`tgvac.metrics.metrics_stage`, so that a change in the scoring networks' code does not make the
join run again.
"""

from __future__ import annotations

from tgvac.clips.rows import join_row_files
from tgvac.completion.params import EvaluationParams
from tgvac.methods.registry import Methods, seeds_of
from tgvac.stage import Context


def join(ctx: Context, *, methods: Methods, evaluation: EvaluationParams) -> None:
    """Write ``metrics/rows.parquet``.

    Args:
        methods: the block of params; it says which methods are trained, and so have several training seeds.
        evaluation: the methods and training seeds to join; files of others are left out.

    Raises:
        BadInput: a file of rows is missing, or it has another format.
    """
    parts = [
        ctx.out / method / f"seed{seed}" / f"shard-{shard:03d}.parquet"
        for method in evaluation.methods
        for seed in seeds_of(method, evaluation.train_seeds, methods)
        for shard in range(ctx.shards)
    ]
    join_row_files(parts, ctx.out / "rows.parquet")
