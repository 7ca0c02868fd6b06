"""Rows that must not stand in one table: scored by two versions of the metrics, or without a seed that others have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgvac.completion.params import EvaluationParams
from tgvac.errors import BadInput
from tgvac.methods.registry import Methods, seeds_of
from tgvac.provenance import read_record
from tgvac.stage import Context

if TYPE_CHECKING:
    import pandas as pd


def check_digests(ctx: Context, evaluation: EvaluationParams, methods: Methods) -> None:
    """Refuse rows of two digests: files of evaluated methods that other code or params of the metrics made.

    Files without provenance beside them, as in a run that was restored in part, are not compared.

    Raises:
        BadInput: two files, and the command that makes them alike.
    """
    folder = ctx.results / "metrics"
    seen: dict[tuple[str, str], str] = {}
    for method in evaluation.methods:
        for seed in seeds_of(method, evaluation.train_seeds, methods):
            for path in sorted((folder / method / f"seed{seed}").glob("shard-???.parquet")):
                record = read_record(path)
                if record is not None:
                    seen.setdefault((record["params"], record["code"]), path.relative_to(folder).as_posix())
    if len(seen) > 1:
        one, other = list(seen.values())[:2]
        raise BadInput(
            f"The rows in {folder} have two digests, so they are not comparable in one table: {one} and {other} were"
            f" scored by different code or params; run `tgvac run --scale {ctx.scale} --target metrics`."
        )


def check_seeds(rows: pd.DataFrame, evaluation: EvaluationParams, methods: Methods) -> None:
    """Refuse a trained method that lacks one of its training seeds, while it has rows of others.

    Raises:
        BadInput: the method and the seed.
    """
    found: dict[str, set[int]] = {}
    for method, variant, seed in rows[["method", "variant", "train_seed"]].drop_duplicates().itertuples(index=False):
        found.setdefault(f"{method}/{variant}", set()).add(int(seed))
    for name in evaluation.methods:
        seeds = found.get(name, set())
        wanted = seeds_of(name, evaluation.train_seeds, methods)
        lacking = [seed for seed in wanted if seed not in seeds]
        if lacking and max(seeds, default=-1) >= 0:
            raise BadInput(
                f"{name} has no rows of training seed {lacking[0]}, which evaluation.train_seeds lists"
                f" ({', '.join(map(str, wanted))}); run `tgvac run` for it, or take that seed from the scale."
            )
