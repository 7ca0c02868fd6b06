"""The report on a synthesis: how recipes were made and split, and which quotas were not met."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tgvac.clips.recipe import Recipe
from tgvac.errors import BadInput
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.quotas import histogram_account
from tgvac.synthesis.splits import LEAKS

ACCOUNT_FORMAT = "tgvac-synthesis-1"


def account(params: SynthesisParams, recipes: Sequence[Recipe], pools: Mapping[str, str]) -> dict[str, Any]:
    """The content of ``synthesis/account.json``.

    Args:
        pools: the pool (the split, or ``all``) of each target, including targets without a recipe.
    """
    splits_of_video: dict[str, set[str]] = defaultdict(set)
    for recipe in recipes:
        for track in (recipe.target, *(p.track for p in recipe.occluders)):
            splits_of_video[track.rsplit("/", 1)[0]].add(recipe.split)
    return {
        "format": ACCOUNT_FORMAT,
        "placement": params.placement,
        "edge": params.edge,
        "split_by": params.split.by,
        "recipes": dict(Counter(recipe.split for recipe in recipes)),
        "missing": len(pools) * params.per_object - len(recipes),
        "shared_videos": sum(len(splits) > 1 for splits in splits_of_video.values()),
        "histogram": histogram_account(params, recipes, pools),
    }


def read_account(path: Path) -> dict[str, Any]:
    """The account of a scale's synthesis.

    Raises:
        BadInput: when it is missing or of another format.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run `tgvac stage synthesis` first.")
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != ACCOUNT_FORMAT:
            raise ValueError(f"format {found['format']}")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path} is not an account of format {ACCOUNT_FORMAT} ({error}); run `tgvac stage synthesis` again."
        ) from None
    return found


def tell(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an account for the log."""
    if found["split_by"] == "random":
        yield f"{LEAKS} {found['shared_videos']} videos are in more than one split."
    if found["missing"]:
        yield f"{found['missing']} recipes are left out because no acceptable occlusion was found"
    remedy = "raise synthesis.attempts" + (" or use placement 'rich'" if found["placement"] == "paper" else "")
    for row in found["histogram"]:
        if row["met"] < row["wanted"]:
            yield (
                f"{row['wanted'] - row['met']} of {row['wanted']} {row['split']} recipes with mean rates from"
                f" {row['from']:g} to {row['to']:g} were not found; {remedy}"
            )
