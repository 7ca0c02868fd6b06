"""Phase `synthesis`: draws the recipes, which are the data set.

synthesis/items/<track>.json       the recipes of one target
synthesis/recipes.parquet          contract 2
synthesis/occlusion.parquet        occlusion rate of every frame of every recipe
synthesis/account.json             how they were made and split, and which quotas were not met
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from functools import lru_cache
from typing import Any

from tgvac.clips.recipe import Recipe, Split, write_recipes
from tgvac.clips.tables import write_table
from tgvac.clips.track import file_stem
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.shards import Made, merge_indices, read_index, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.account import account, tell
from tgvac.synthesis.clips import track_opener
from tgvac.synthesis.drawing import draw_recipes
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.select_stage import read_stretches
from tgvac.synthesis.selection import Stretch
from tgvac.synthesis.splits import LEAKS, Division

OCCLUSION_FORMAT = "tgvac-occlusion-1"
_OCCLUSION_COLUMNS = {"recipe": "string", "frame": "int64", "rate": "float64"}


def run(ctx: Context, *, synthesis: SynthesisParams) -> None:
    """Draw one shard's recipes."""
    stretches = read_stretches(ctx.results / "select" / "stretches.parquet")
    division = Division.of(synthesis.split, (s.video for s in stretches))
    _warn(synthesis)
    by_track: dict[str, list[Stretch]] = defaultdict(list)
    by_pool: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        by_track[stretch.track].append(stretch)
        by_pool[division.pool(stretch.video)].append(stretch)
    # Attempts for one target use the same occluders again.
    open_track = lru_cache(maxsize=32)(track_opener(ctx))
    masks = read_index(ctx.results / "masks" / "index.json")

    def make(item: str) -> list[Made]:
        video = by_track[item][0].video
        pool = division.pool(video)

        def split_of(recipe: str) -> Split:
            return division.split(video, recipe)

        drawn = draw_recipes(synthesis, by_track[item], by_pool[pool], split_of, open_track)
        path = ctx.out / "items" / f"{file_stem(item)}.json"
        record = [
            {"recipe": r.model_dump(mode="json"), "rates": [None if math.isnan(v) else round(v, 6) for v in rates]}
            for r, rates in drawn
        ]
        write_json(path, record)
        return [Made(item, path, {"pool": pool, "recipes": len(drawn)})]

    # Each pool of occluders is digested once, because a pool is as long as the data.
    pools = {name: digest([[vars(s), masks[s.track].sha256] for s in pool]) for name, pool in by_pool.items()}
    keys: dict[str, Any] = {}
    for item, own in by_track.items():
        if shard_of(item, ctx.shards) == ctx.shard:
            pool = division.pool(own[0].video)
            keys[item] = [pool, [vars(s) for s in own], pools[pool], ctx.digest]
    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def join(ctx: Context, *, synthesis: SynthesisParams) -> None:
    """Join the shards into the tables of recipes and occlusion rates."""
    entries = merge_indices((ctx.shard_index(k) for k in range(ctx.shards)), ctx.out / "index.json")
    recipes: list[Recipe] = []
    occlusion: list[dict[str, Any]] = []
    for entry in sorted(entries, key=lambda e: e.id):
        for row in json.loads(ctx.upstream("synthesis", entry).read_text(encoding="utf-8")):
            recipes.append(Recipe.model_validate_json(json.dumps(row["recipe"])))
            occlusion += [
                {"recipe": row["recipe"]["recipe"], "frame": i, "rate": math.nan if rate is None else rate}
                for i, rate in enumerate(row["rates"])
            ]
    for split in ("train", "val"):
        if not any(r.split == split for r in recipes):
            raise BadInput(
                f"No acceptable occlusion was found for any object of the split '{split}';"
                " give more videos or widen synthesis.rate_min, rate_max and attempts."
            )
    write_recipes(ctx.out / "recipes.parquet", recipes)
    occlusion.sort(key=lambda row: (row["recipe"], row["frame"]))
    write_table(ctx.out / "occlusion.parquet", occlusion, _OCCLUSION_COLUMNS, OCCLUSION_FORMAT)
    found = account(synthesis, recipes, {entry.id: str(entry.facts["pool"]) for entry in entries})
    write_json(ctx.out / "account.json", found)
    for line in tell(found):
        print(f"{ctx.label}: {line}", file=sys.stderr, flush=True)
    if synthesis.split.by == "video" and synthesis.split.dev > 0 and all(r.split != "dev" for r in recipes):
        print(f"{ctx.label}: too few videos for a split dev; settings cannot be chosen without looking at val")


def _warn(synthesis: SynthesisParams) -> None:
    if synthesis.split.by == "random":
        print(LEAKS, file=sys.stderr, flush=True)
