"""Animals that fly. Each function maps an articulation phase (radians) to parts, back to front."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from tgvac.world.shapes import Part, Points, ellipse, eye, limb, mirrored, polygon, ribbon, rotate, smooth


def bird(phase: float) -> list[Part]:
    """A bird that beats its wings: body, wings, head, tail."""
    lift = 0.25 + 0.85 * sin(phase)
    bob = -0.06 * sin(phase - 0.6)

    def wing(x: float, reach: float) -> Points:
        return smooth((x + 0.34, -0.1), (x + 0.22, -0.1 - 0.5 * reach), (x - 0.2, -0.1 - reach),
                      (x - 0.46, -0.1 - 0.92 * reach), (x - 0.42, -0.1 - 0.42 * reach), (x - 0.34, 0.02))  # fmt: skip

    parts = [
        Part("wings", wing(0.16, 0.88 * lift), shade=0.72),
        Part("tail", rotate(polygon((-0.5, -0.08), (-1.12, -0.24), (-1.18, 0.0), (-1.08, 0.16), (-0.5, 0.14)),
                            0.12 * sin(phase), (-0.5, 0.0))),
        Part("beak", polygon((0.86, -0.36), (1.16, -0.22), (0.86, -0.16)), (245, 170, 40)),
        Part("body", smooth((0.62, -0.22), (0.2, -0.3), (-0.3, -0.2), (-0.66, 0.0), (-0.25, 0.28), (0.25, 0.32),
                            (0.6, 0.1))),
        Part("head", ellipse(0.68, -0.26, 0.27, 0.25)),
        *eye(0.76, -0.31, 0.075),
        Part("wings", wing(0.0, lift)),
    ]  # fmt: skip
    return [part._replace(outline_N2=part.outline_N2 + np.array([0.0, bob])) for part in parts]


def butterfly(phase: float) -> list[Part]:
    """A butterfly seen from above that opens and closes its wings: wings, spots, body."""
    spread = 0.7 + 0.3 * cos(phase)
    upper_N2 = smooth((0.05, -0.18), (0.35, -0.72), (0.85, -0.86), (1.02, -0.5), (0.72, -0.06), (0.08, 0.02))
    lower_N2 = smooth((0.05, 0.0), (0.6, 0.06), (0.84, 0.4), (0.6, 0.78), (0.28, 0.62))
    dots = [ellipse(0.7, -0.5, 0.17, 0.17), ellipse(0.55, 0.38, 0.15, 0.15)]
    squash_2 = np.array([spread, 1.0])
    parts: list[Part] = []
    for side, shade in ((mirrored, 0.86), (np.copy, 1.0)):
        parts += [Part("wings", side(lower_N2 * squash_2), shade=0.9 * shade)]
        parts += [Part("wings", side(upper_N2 * squash_2), shade=shade)]
        parts += [Part("spots", side(dot_N2 * squash_2), shade=shade, lined=False) for dot_N2 in dots]
        feeler_N2 = ribbon(polygon((0.03, -0.42), (0.12, -0.66), (0.28, -0.82)), (0.025, 0.022, 0.03))
        parts += [Part("feelers", side(feeler_N2), (40, 34, 40), lined=False)]
    parts += [Part("body", limb((0.0, 0.55), (0.0, -0.2), 0.06, 0.11)), Part("body", ellipse(0.0, -0.36, 0.13, 0.13))]
    return [part._replace(outline_N2=rotate(part.outline_N2, 0.25)) for part in parts]
