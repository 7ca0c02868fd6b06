"""Where completions are: shards are found by their indices, verified, and never taken from an older run."""

from __future__ import annotations

from pathlib import Path

from tgvac.shards import read_index
from tgvac.stage import Context


def shard_folder(ctx: Context, method: str, seed: int | str) -> Path:
    """Where the shards of ``method/variant`` and a training seed are."""
    return ctx.results / "completion" / method / f"seed{seed}"


def verified_shard(ctx: Context, index: Path) -> Path:
    """The zip that a shard's index names.

    Raises:
        BadInput: when the index or the zip is missing, or the zip has another size than the index says.
    """
    (entry,) = read_index(index).values()
    return ctx.upstream("completion", entry)


def all_shards(ctx: Context, method: str, seed: int) -> list[Path]:
    """All zips of a method and seed, in order."""
    return [verified_shard(ctx, index) for index in sorted(shard_folder(ctx, method, seed).glob("shard-???.json"))]


def drop_older(folder: Path, shards: int) -> None:
    """Remove the shards of an earlier run that had more of them, so that they are not taken for this run's."""
    for path in folder.glob("shard-???.*"):
        if int(path.name[6:9]) >= shards:
            path.unlink()
