"""All that the card is made from: the results of the data phases, read once."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tgvac.clips.captions import Caption, read_captions
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.tables import read_arrow, read_table
from tgvac.errors import BadInput
from tgvac.fetch.registry import Source, read_registry
from tgvac.report.paper import Paper, load_paper
from tgvac.report.table1 import rejected_before
from tgvac.shards import Entry, read_index
from tgvac.sources.manifest import read_manifest
from tgvac.sources.rejected import Rejected
from tgvac.stage import Context
from tgvac.synthesis.account import read_account
from tgvac.synthesis.select_stage import TRACKS_FORMAT, read_stretches
from tgvac.synthesis.selection import Stretch
from tgvac.synthesis.synthesis_stage import OCCLUSION_FORMAT

SPLITS = ("train", "dev", "val")
"""In the order in which tables show them."""


@dataclass(frozen=True)
class Facts:
    """A scale's data, without pixels.

    Attributes:
        sources: the manifest's entries for sources of videos, by name.
        pairs: the manifest's entries for sources of image pairs, by name.
        rejected: videos, and objects of other videos, that were left out before selection, with the reason.
        world: the digest of the world's generator, or "".
        registry: the project's rows for all sources.
        tracks: the index of the phase `tracks`.
        selection: rows of ``select/tracks.parquet``.
        rates: occlusion rates of the frames in order, float64 in [0, 1], NaN where the object is absent, by recipe.
        captions: by track.
        wordless: objects without a caption, with the reason, by track.
        account: the account of the synthesis.
    """

    scale: str
    paper: Paper
    sources: Mapping[str, Mapping[str, Any]]
    pairs: Mapping[str, Mapping[str, Any]]
    rejected: Sequence[Rejected]
    world: str
    registry: Mapping[str, Source]
    tracks: Mapping[str, Entry]
    selection: Sequence[Mapping[str, Any]]
    stretches: Sequence[Stretch]
    recipes: Sequence[Recipe]
    rates: Mapping[str, np.ndarray]
    captions: Mapping[str, Caption]
    wordless: Mapping[str, str]
    account: Mapping[str, Any]

    @property
    def instances(self) -> list[str]:
        """Tracks of which selection kept something, sorted."""
        return sorted(str(row["track"]) for row in self.selection if row["kept"] > 0)

    def category(self, track: str) -> str:
        """The category of a track."""
        return str(self.tracks[track].facts["category"])


def read_facts(ctx: Context) -> Facts:
    """Read a scale whose phases up to captions are done.

    Raises:
        BadInput: a file is missing or has another format, or two files disagree.
    """
    sources = read_manifest(ctx)
    record = json.loads((ctx.results / "sources" / "manifest.json").read_text(encoding="utf-8"))
    tracks = read_index(ctx.results / "tracks" / "index.json")
    selection = read_table(ctx.results / "select" / "tracks.parquet", TRACKS_FORMAT)
    if lost := [str(row["track"]) for row in selection if row["track"] not in tracks]:
        raise BadInput(f"Track '{lost[0]}' was judged but is not among the tracks; run `tgvac stage select` again.")
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    return Facts(
        scale=ctx.scale,
        paper=load_paper(ctx.root / "reference" / "paper.yaml"),
        sources=sources,
        pairs=record.get("pairs", {}),
        rejected=rejected_before(ctx),
        world=str(record.get("world_digest", "")),
        registry=read_registry(ctx.root / "reference" / "registry.csv"),
        tracks=tracks,
        selection=selection,
        stretches=read_stretches(ctx.results / "select" / "stretches.parquet"),
        recipes=recipes,
        rates=_rates(ctx, recipes),
        captions=read_captions(ctx.results / "captions" / "captions.parquet"),
        wordless=_wordless(ctx),
        account=read_account(ctx.results / "synthesis" / "account.json"),
    )


def _rates(ctx: Context, recipes: Sequence[Recipe]) -> dict[str, np.ndarray]:
    path = ctx.results / "synthesis" / "occlusion.parquet"
    table = read_arrow(path, OCCLUSION_FORMAT)
    names, frames, rates = (table.column(name).to_numpy() for name in ("recipe", "frame", "rate"))
    order = np.lexsort((frames, names.astype(str)))
    unique, starts = np.unique(names.astype(str)[order], return_index=True)
    found = dict(zip(unique.tolist(), np.split(rates[order], starts[1:]), strict=True)) if len(order) else {}
    for recipe in recipes:
        if len(found.get(recipe.recipe, ())) != recipe.frames:
            raise BadInput(
                f"{path} has {len(found.get(recipe.recipe, ()))} of the {recipe.frames} frames of '{recipe.recipe}';"
                " run `tgvac stage synthesis` again."
            )
    return found


def _wordless(ctx: Context) -> dict[str, str]:
    path = ctx.results / "captions" / "rejected.csv"
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run `tgvac stage captions --scale {ctx.scale}` first.")
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["track"]: row["reason"] for row in csv.DictReader(stream)}
