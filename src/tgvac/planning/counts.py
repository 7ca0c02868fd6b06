"""How much data a scale has: counted in its finished phases, or estimated from published numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tgvac.clips.recipe import Recipe, Split, read_recipes
from tgvac.fetch.registry import read_registry
from tgvac.params import Params
from tgvac.planning.reference import Costs
from tgvac.report.basis import PAPER_SOURCES
from tgvac.report.paper import load_paper
from tgvac.shards import read_index
from tgvac.sources.params import SourcesParams

_WORLD = "generated"
"""The location in the registry of sources that the procedural world makes."""


@dataclass(frozen=True)
class Footage:
    """The footage of one source; its layout decides which segmenter makes its masks."""

    source: str
    layout: str
    tracks: int
    frames: int


@dataclass(frozen=True)
class Counts:
    """The data of a scale.

    Attributes:
        origin: where the counts are from, as text for people.
        real: whether they were counted in a run.
        recipes: the synthesised videos of a run, or estimated ones.
        pairs: number of pairs of images.
    """

    origin: str
    real: bool
    footage: tuple[Footage, ...]
    recipes: tuple[Recipe, ...]
    pairs: int

    @property
    def tracks(self) -> int:
        return sum(each.tracks for each in self.footage)

    @property
    def frames(self) -> int:
        """Frames of all tracks."""
        return sum(each.frames for each in self.footage)

    def split(self, *names: str) -> list[Recipe]:
        """The recipes of some splits."""
        return [recipe for recipe in self.recipes if recipe.split in names]


@dataclass(frozen=True)
class Given:
    """The user's own footage: a number of objects, and the frames of each."""

    objects: int
    frames: int


def count_data(root: Path, scale: str, params: Params, costs: Costs, given: Given | None = None) -> Counts:
    """The counts of a scale: those of its run if there is one, else estimated from its params or published numbers.

    Args:
        given: use these numbers instead.
    """
    results = root / "results" / scale
    registry = read_registry(root / "reference" / "registry.csv")
    layouts = {name: row.layout for name, row in registry.items()}
    if given is None and (results / "synthesis" / "recipes.parquet").is_file():
        return _counted(results, layouts)
    own, published = own_pairs(params.sources), sum(costs.pairs.get(name, 0) for name in params.sources.pairs)
    pairs = own + published
    if given is not None:
        source = params.sources.use[0]
        return Counts(
            f"{given.objects:,} objects of {given.frames:,} frames, as given on the command line",
            False,
            (Footage(source, layouts.get(source, source), given.objects, given.objects * given.frames),),
            tuple(_recipes(params, source, given.objects, given.objects * params.synthesis.per_object, given.frames)),
            pairs,
        )
    if all(registry[name].location == _WORLD for name in params.sources.use):
        return _world(params, layouts, pairs)
    return _published(root, params, layouts, pairs)


def own_pairs(sources: SourcesParams) -> int:
    """Number of pairs that the procedural world makes for a scale."""
    return sources.world.pairs * sum(name.startswith("world") for name in sources.pairs)


def _counted(results: Path, layouts: dict[str, str]) -> Counts:
    """Counts of a finished synthesis."""
    tracks = read_index(results / "tracks" / "index.json")
    by_source: dict[str, list[int]] = {}
    for entry in tracks.values():
        by_source.setdefault(entry.id.partition("/")[0], []).append(int(entry.facts["frames"]))
    manifest = json.loads((results / "sources" / "manifest.json").read_text(encoding="utf-8"))
    pairs = 0
    for name in manifest.get("pairs", {}):
        index = read_index(results / "sources" / name / "pairs" / "index.json")
        pairs += sum(int(entry.facts["pairs"]) for entry in index.values())
    return Counts(
        f"counted in {results}",
        True,
        tuple(Footage(s, layouts.get(s, s), len(n), sum(n)) for s, n in sorted(by_source.items())),
        tuple(read_recipes(results / "synthesis" / "recipes.parquet")),
        pairs,
    )


def _world(params: Params, layouts: dict[str, str], pairs: int) -> Counts:
    """Counts of a procedural world that is not made yet: one track per video, all tracks kept."""
    world, footage, recipes = params.sources.world, [], []
    for source in params.sources.use:
        videos = int(getattr(world.videos, layouts[source]))
        footage.append(Footage(source, layouts[source], videos, videos * world.frames))
        recipes += _recipes(params, source, videos, videos * params.synthesis.per_object, world.frames)
    origin = "estimated from the params of the world, which is not made yet: one object per video, all of them kept"
    return Counts(origin, False, tuple(footage), tuple(recipes), pairs)


def _published(root: Path, params: Params, layouts: dict[str, str], pairs: int) -> Counts:
    """Counts of the paper's whole data set."""
    paper, footage, recipes = load_paper(root / "reference" / "paper.yaml"), [], []
    for source, column in PAPER_SOURCES.items():
        objects, samples, frames = (
            int(paper.cell(f"table1.{row}.{column}").value)
            for row in ("instances", "synthesized_videos", "mean_frames")
        )
        footage.append(Footage(source, layouts[source], objects, objects * frames))
        recipes += _recipes(params, source, objects, samples, frames)
    origin = (
        "all of the paper's Table 1, since this scale has not been run here:"
        f" {sum(f.tracks for f in footage):,} objects, {len(recipes):,} samples, each as long as"
        f" its source's mean, {pairs:,} pairs"
    )
    if missing := sorted(set(PAPER_SOURCES) - set(params.sources.use)):
        origin += f" (sources.use lacks {', '.join(missing)})"
    return Counts(origin, False, tuple(footage), tuple(recipes), pairs)


def _recipes(params: Params, source: str, objects: int, samples: int, frames: int) -> list[Recipe]:
    """Estimated recipes: samples are spread evenly over objects, and each object is a video of its own in one split."""
    length = min(frames, params.synthesis.max_frames)
    return [
        Recipe(
            recipe=f"{source}/{k:05d}/1/r{i}",
            target=f"{source}/{k:05d}/1",
            video=f"{source}/{k:05d}",
            source=source,
            split=split,
            start=0,
            frame_step=1,
            frames=length,
            occluders=(),
            seed=0,
            mean_rate=0.0,
            max_rate=0.0,
        )
        for k, split in enumerate(_splits(params, objects))
        for i in range((k + 1) * samples // objects - k * samples // objects)
    ]


def _splits(params: Params, objects: int) -> Sequence[Split]:
    """The split of each object."""
    split = params.synthesis.split
    val = round(objects * split.val)
    dev = round((objects - val) * split.dev)
    names: tuple[tuple[Split, int], ...] = (("val", val), ("dev", dev), ("train", objects - val - dev))
    return [name for name, count in names for _ in range(count)]
