"""Pairs as in pix2gestalt: an image with a whole object, and the same image with another object pasted over it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tgvac.seeds import rng
from tgvac.world import cast, planes, render
from tgvac.world.actors import Actor, act, paints
from tgvac.world.motion import LINE
from tgvac.world.params import WorldParams
from tgvac.world.scenery import scenery
from tgvac.world.wardrobe import dress

_ATTEMPTS = 12
_NEAR = 0.02
"""The difference from the wanted occlusion rate below which the search stops."""


class Pair(NamedTuple):
    """One pair of images."""

    actor: Actor
    occlusion_HW3: render.Image
    """uint8 RGB: the image with the occluder."""
    whole_HW3: render.Image
    """uint8 RGB: the whole object on white."""
    whole_HW: render.Mask
    visible_HW: render.Mask

    @property
    def rate(self) -> float:
        """The hidden share of the object."""
        return 1.0 - float(np.count_nonzero(self.visible_HW)) / float(np.count_nonzero(self.whole_HW))


def pair(params: WorldParams, index: int) -> Pair:
    """Pair ``index`` of the world. It depends on the seed and the size of pairs, not on the other pairs.

    Occlusion rates are spread evenly between ``pair_rate_min`` and ``pair_rate_max``.
    """
    size = params.pair_size
    still = params.model_copy(update={"frames": 2, "height": size, "width": size})
    names = ("pix2gestalt", index)
    categories = cast.categories(params, "pix2gestalt", index)
    clothes = dress(params, names, categories)
    generator = rng("world", params.seed, *names, "pair")
    target, occluder = (
        act(still, (*names, k), category, clothes[k], cast.routes("clean", [category], (0,), generator)[0])
        for k, category in enumerate(categories)
    )
    if params.pair_scale_min < 1:
        target = _anywhere(target, params.pair_scale_min, size, rng("world", params.seed, *names, "size"))
    hidden_colour = cast.spread(params, "pix2gestalt", "camouflage", index) < params.shares.camouflaged
    camera, light, backdrop = scenery(clothes, hidden_colour, (size, size), generator)
    behind_HW3 = planes.view(backdrop, camera, 0, size, size)
    layer = _drawn(target, light, size)
    whole_HW = render.amodal(layer, size, size)
    picture_HW3 = render.composite(behind_HW3, [layer])
    low, high = params.pair_rate_min, params.pair_rate_max
    wanted = low + (high - low) * cast.spread(params, "pix2gestalt", "rate", index)
    before = _placed(occluder, light, size, whole_HW, wanted, generator)
    visible_HW = whole_HW & ~render.amodal(before, size, size)
    whole_HW3 = np.where(whole_HW[..., None], picture_HW3, np.uint8(255))
    return Pair(target, render.composite(picture_HW3, [before]), whole_HW3, whole_HW, visible_HW)


def _anywhere(actor: Actor, smallest: float, size: int, generator: np.random.Generator) -> Actor:
    """The object at a random position, scaled by a random factor between ``smallest`` and 1."""
    pose = actor.poses[0]
    outline_N2 = np.concatenate([paint.outline_N2 for paint in paints(actor, 0)])
    at_2, shrink = np.array([pose.x, pose.y]), float(generator.uniform(smallest, 1.0))
    # After shrinking in place, the object may move by its old distance from the border and by its lost size.
    near_2, far_2 = (at_2 + shrink * (edge_2 - at_2) for edge_2 in (outline_N2.min(0), outline_N2.max(0)))
    margin_2 = np.minimum(outline_N2.min(0), size - outline_N2.max(0)).clip(0)
    x, y = (at_2 + generator.uniform(margin_2 - near_2, size - margin_2 - far_2)).tolist()
    return actor._replace(poses=[pose._replace(x=x, y=y, scale=pose.scale * shrink)])


def _drawn(actor: Actor, light: float, size: int) -> render.Layer:
    return render.draw(paints(actor, 0), LINE * actor.poses[0].scale, light, size, size)


def _placed(
    occluder: Actor,
    light: float,
    size: int,
    whole_HW: render.Mask,
    wanted: float,
    generator: np.random.Generator,
) -> render.Layer:
    """The occluder with the rate closest to the wanted one, over several sizes and directions."""
    y_N, x_N = np.nonzero(whole_HW)
    middle = (float(x_N.mean()), float(y_N.mean()))
    reach = float(np.hypot(np.ptp(x_N), np.ptp(y_N)))
    best: tuple[float, render.Layer] | None = None
    for attempt in range(_ATTEMPTS):
        # A high rate needs a large occluder; later attempts use larger ones.
        grow = float(generator.uniform(0.75, 1.0)) + 0.7 * wanted + 0.08 * attempt
        angle = float(generator.uniform(0.0, 2 * math.pi))
        pose = occluder.poses[0]
        grown = occluder._replace(poses=[pose._replace(x=middle[0], y=middle[1], scale=pose.scale * grow)])
        outlines = [paint.outline_N2 for paint in paints(grown, 0)]
        far, near, way_2 = 1.2 * reach * grow, 0.0, np.array([math.cos(angle), math.sin(angle)])
        for _ in range(8):
            away = (far + near) / 2
            moved = [outline_N2 + away * way_2 for outline_N2 in outlines]
            rate = float(np.count_nonzero(render.silhouette(moved, size, size) & whole_HW)) / len(x_N)
            near, far = (away, far) if rate > wanted else (near, away)
        x, y = (np.array(middle) + away * way_2).tolist()
        layer = _drawn(occluder._replace(poses=[grown.poses[0]._replace(x=x, y=y)]), light, size)
        rate = float(np.count_nonzero(render.amodal(layer, size, size) & whole_HW)) / len(x_N)
        # An object that is almost completely hidden does not make a pair.
        miss = abs(rate - wanted) + (rate > 0.95)
        if best is None or miss < best[0]:
            best = (miss, layer)
        if miss <= _NEAR:
            break
    assert best is not None
    return best[1]
