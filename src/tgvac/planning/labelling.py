"""Sources, tracks, masks, recipes and captions: all that is made from footage before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from tgvac.params import Params
from tgvac.planning.captioning import blip2_sentence
from tgvac.planning.counts import Counts, own_pairs
from tgvac.planning.evaluating import working_pixels
from tgvac.planning.reference import Costs
from tgvac.planning.segmenting import precision_of, segmenting
from tgvac.planning.work import Work

_CARRIED = {"davis": "full", "youtube_vos": "sparse", "lasot": "boxes", "videos": "first"}
"""The annotations that tracks of a layout have; the key of this name in the block ``masks`` is their segmenter."""
_SENTENCE_BYTES = 600
"""A sentence of about 300 characters, in its item and in the table."""
_RECIPE_BYTES = 300


def sources(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """Archives, whose size no publisher states, and the pairs sorted into buckets."""
    world, size = params.sources.world, None
    if all(each.source.startswith("world") for each in counts.footage):
        size = round(counts.frames * world.height * world.width * costs.disk.jpeg)
    yield Work(
        "sources", "videos", counts.tracks, "objects", 0, size, note="" if size else "size of archives not published"
    )
    if counts.pairs:
        side = world.pair_size if own_pairs(params.sources) else params.framing.size
        pixels = costs.disk.png + costs.disk.object + 2 * costs.disk.mask
        size = round(counts.pairs * side * side * pixels)
        yield Work("sources", "pairs", counts.pairs, "pairs", 0, size, size)


def tracks(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """Frames at working resolution."""
    pixel = (costs.disk.jpeg if params.tracks.codec == "jpeg" else costs.disk.png) + costs.disk.mask
    yield Work(
        "tracks",
        "at working resolution",
        counts.frames,
        "frames",
        0,
        round(counts.frames * working_pixels(params) * pixel),
    )


def masks(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """One line per source, with the segmenter of its masks."""
    for each in counts.footage:
        carried = _CARRIED[each.layout]
        name = getattr(params.masks, carried)
        size = round(each.frames * working_pixels(params) * costs.disk.mask)
        flops, note = segmenting(params.masks, carried, name)
        flops, what, precision = each.frames * flops, f"{each.source} by {name}", precision_of(params.masks, name)
        yield Work("masks", what, each.frames, "frames", flops, size, note=note, precision=precision)


def select(counts: Counts) -> Iterator[Work]:
    """Stretches: a few numbers per track."""
    yield Work("select", "tracks", counts.tracks, "tracks", 0, counts.tracks * _RECIPE_BYTES)


def synthesis(counts: Counts) -> Iterator[Work]:
    """Recipes: one row each, no pixels."""
    frames = sum(recipe.frames for recipe in counts.recipes)
    yield Work(
        "synthesis", "recipes", len(counts.recipes), "videos", 0, len(counts.recipes) * _RECIPE_BYTES + 8 * frames
    )


def captioned_pairs(params: Params, counts: Counts) -> int:
    """Number of pairs with a sentence of their own."""
    return counts.pairs if params.captions.pairs == "captioned" else 0


def captions(params: Params, counts: Counts) -> Iterator[Work]:
    """Sentences: by BLIP-2 for every object and pair, unless sources or templates come first."""
    order = params.captions.order
    images = counts.tracks + captioned_pairs(params, counts)
    if "blip2" not in order:
        yield Work("captions", " then ".join(order), counts.tracks, "objects", 0, counts.tracks * _SENTENCE_BYTES)
        return
    note = "" if order[0] == "blip2" else f"at most: {order[0]} comes first"
    each = blip2_sentence(params)
    if each is None:
        each, note = 0, f"{params.captions.blip2.model}: shapes not known"
    yield Work(
        "captions",
        "BLIP-2",
        images,
        "images",
        images * each,
        images * _SENTENCE_BYTES,
        note=note,
        precision=params.captions.blip2.dtype,
    )
