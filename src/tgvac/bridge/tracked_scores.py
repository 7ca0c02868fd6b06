"""The evaluation's means for the run that made them, found by provenance; knows no tracking server.

From ``metrics/rows.parquet`` back to the rows of each shard, to the completions they measure, to the
weights that made those: each step by the digests that lie beside the files. Rows of weights that have
been trained anew since belong to no run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from tgvac.bridge.tracked_runs import read_record
from tgvac.clip.rows import read_frame
from tgvac.metrics.difficulty import in_group

CLASSES: tuple[Literal["all", "easy", "hard"], ...] = ("all", "easy", "hard")

_METHOD = ["method", "variant", "train_seed"]
_CELL = [*_METHOD, "mask_source", "metric"]


def scores_by_index(results: Path, hard_from: float) -> dict[tuple[str, str], dict[str, float]]:
    """Means over frames, by the index file of the weights that made them and its digest.

    Args:
        results: ``results/<scale>``.
        hard_from: the occlusion rate from which a frame is hard.

    Returns:
        for each index, ``<method>/<variant>/<mask source>/<class>/<metric>`` with the mean of its frames, in the
        metric's unit, as the tables have it; undefined values (NaN) are left out.
    """
    makers = _makers(results)
    if not makers:
        return {}
    rows = read_frame(results / "metrics" / "rows.parquet")
    rows = rows[rows["value"].notna()]
    out: dict[tuple[str, str], dict[str, float]] = {}
    for difficulty in CLASSES:
        chosen = rows[in_group(rows["rate"].to_numpy(np.float64), difficulty, hard_from)]
        for cell, mean in chosen.groupby(_CELL)["value"].mean().items():
            method, variant, seed, mask_source, metric = cell if isinstance(cell, tuple) else (cell,)
            index = makers.get((str(method), str(variant), int(seed)))
            if index is not None:
                key = f"{method}/{variant}/{mask_source}/{difficulty}/{metric}"
                out.setdefault(index, {})[key] = float(mean)
    return out


def _makers(results: Path) -> dict[tuple[str, str, int], tuple[str, str]]:
    """The weights behind each method, variant and training seed, where all shards agree on them."""
    record = read_record(results / "metrics" / "rows.parquet")
    found: dict[tuple[str, str, int], set[tuple[str, str] | None]] = {}
    for part, digest in (record["inputs"] if record else {}).items():
        _, method, variant, seed, _ = part.split("/")
        key = (method, variant, int(seed.removeprefix("seed")))
        found.setdefault(key, set()).add(_maker(results, part, digest))
    return {key: index for key, (index, *others) in found.items() if index is not None and not others}


def _maker(results: Path, part: str, digest: str) -> tuple[str, str] | None:
    """The index, and its digest, of the trained weights behind one shard of rows; None when nothing proves it."""
    measured = read_record(results / part)
    if measured is None or measured["output"]["sha256"] != digest:
        return None
    for name, wanted in measured["inputs"].items():
        if name.startswith("completion/"):
            made = read_record(results / name)
            if made is None or made["output"]["sha256"] != wanted:
                return None
            trained = [i for i in made["inputs"].items() if i[0].startswith(("frame/", "motion/"))]
            return trained[0] if len(trained) == 1 else None
    return None
