"""The evaluation's means for each training, found by provenance; knows no tracking server.

The search goes from ``metrics/rows.parquet`` to the rows of each shard, to the completions that they measure, to the
weights that made them, and to the weights that these were trained from. Each step follows the digests in the records
beside the files. Rows of weights that have since been trained again belong to no current training.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from tgvac.clips.rows import read_frame
from tgvac.methods.registry import REGISTRY, trained_phases
from tgvac.metrics.difficulty import in_group
from tgvac.provenance import read_record

CLASSES: tuple[Literal["all", "easy", "hard"], ...] = ("all", "easy", "hard")

_METHOD = ["method", "variant", "train_seed"]
_CELL = [*_METHOD, "mask_source", "metric"]
_TRAINED = tuple(f"{phase}/" for phase in trained_phases())
_COMPLETED = "completion/"

Index = tuple[str, str]
"""The file that names all that a training made, below ``results/<scale>/``, and its digest."""


def scores_by_index(results: Path, hard_from: float) -> dict[Index, dict[str, float]]:
    """Means over frames, for every training whose weights contributed to them.

    Args:
        results: ``results/<scale>``.
        hard_from: the occlusion rate from which a frame is hard.

    Returns:
        for each index, ``<method>/<variant>/<mask source>/<class>/<metric>`` with the mean over its frames, in the
        metric's unit, as in the tables; undefined values (NaN) are left out. The scores of a training's own variant
        are also under ``model/<mask source>/<class>/<metric>``: one name for all variants, so that a tracking server
        can compare them.
    """
    makers = _makers(results)
    if not makers:
        return {}
    rows = read_frame(results / "metrics" / "rows.parquet")
    rows = rows[rows["value"].notna()]
    scores: dict[Index, dict[str, float]] = {}
    for difficulty in CLASSES:
        chosen = rows[in_group(rows["rate"].to_numpy(np.float64), difficulty, hard_from)]
        for cell, mean in chosen.groupby(_CELL)["value"].mean().items():
            method, variant, seed, mask_source, metric = cell if isinstance(cell, tuple) else (cell,)
            where = f"{mask_source}/{difficulty}/{metric}"
            for index in makers.get((str(method), str(variant), int(seed)), ()):
                values = scores.setdefault(index, {})
                values[f"{method}/{variant}/{where}"] = float(mean)
                if REGISTRY[str(method)].training_phases and index[0].split("/")[1] == variant:
                    values[f"model/{where}"] = float(mean)
    return scores


def _makers(results: Path) -> dict[tuple[str, str, int], frozenset[Index]]:
    """The weights behind each method, variant and training seed whose shards all agree on them."""
    record = read_record(results / "metrics" / "rows.parquet")
    found: dict[tuple[str, str, int], set[frozenset[Index]]] = {}
    for part, digest in (record["inputs"] if record else {}).items():
        _, method, variant, seed, _ = part.split("/")
        key = (method, variant, int(seed.removeprefix("seed")))
        found.setdefault(key, set()).add(_behind_rows(results, part, digest))
    return {key: indices for key, (indices, *others) in found.items() if not others}


def _behind_rows(results: Path, part: str, digest: str) -> frozenset[Index]:
    """The trainings behind one shard of rows; empty if a record is missing or does not match."""
    measured = read_record(results / part)
    if measured is None or measured["output"]["sha256"] != digest:
        return frozenset()
    for name, wanted in measured["inputs"].items():
        if name.startswith(_COMPLETED):
            return frozenset(_behind(results, name, wanted))
    return frozenset()


def _behind(results: Path, name: str, wanted: str) -> Iterator[Index]:
    """The trainings that a file was made with, and those that these started from."""
    made = read_record(results / name)
    if made is None or made["output"]["sha256"] != wanted:
        return
    trained = [each for each in made["inputs"].items() if each[0].startswith(_TRAINED)]
    for index in trained:
        yield index
        yield from _behind(results, *index)
    # What is pasted is made of another method's completions.
    for part in (each for each in made["inputs"].items() if each[0].startswith(_COMPLETED)):
        yield from _behind(results, *part)
