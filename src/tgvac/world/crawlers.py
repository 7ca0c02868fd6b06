"""Animals that crawl. Each function maps an articulation phase (radians) to parts, back to front."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from tgvac.world.shapes import Part, ellipse, eye, limb, ribbon


def snake(phase: float) -> list[Part]:
    """A snake that moves in a wave: body, bands, head."""
    along_N = np.linspace(-1.15, 0.85, 41)
    sway_N = 0.3 * (1.0 - 0.25 * (along_N + 1.15)) * np.sin(3.6 * along_N + phase)
    spine_N2 = np.stack([along_N, sway_N], axis=1)
    radius_N = 0.19 * np.clip(np.linspace(0.12, 2.2, 41), 0.0, 1.0)
    x, y = spine_N2[-1]
    flick = 0.06 * sin(3 * phase)
    return [
        Part("body", ribbon(spine_N2, radius_N)),
        *[Part("bands", ribbon(spine_N2[k : k + 4], radius_N[k : k + 4] * 0.97), lined=False) for k in range(8, 37, 7)],
        Part("tongue", limb((x + 0.3, y), (x + 0.56, y + flick), 0.025, 0.02), (200, 30, 50), lined=False),
        Part("head", ellipse(x + 0.14, y, 0.31, 0.23)),
        *eye(x + 0.22, y - 0.08, 0.07),
    ]


def caterpillar(phase: float) -> list[Part]:
    """A caterpillar whose back rises in a hump that runs forwards: body, feet, head, horns."""
    rings = 6
    x_N = np.linspace(-0.92, 0.62, rings)
    # It becomes shorter when it humps, like an inchworm.
    lift_N = 0.3 * np.clip(np.sin(phase - 2.0 * np.pi * np.arange(rings) / rings), 0.0, 1.0)
    x_N = x_N * (0.92 + 0.08 * cos(phase))
    feet, body = [], []
    for k in range(rings):
        x, y = float(x_N[k]), 0.1 - float(lift_N[k])
        feet.append(Part("feet", limb((x, y + 0.2), (x + 0.04, y + 0.4), 0.09, 0.07)))
        body.append(Part("body", ellipse(x, y, 0.25, 0.29), shade=1.0 if k % 2 else 0.86))
    x, y = float(x_N[-1]) + 0.34, -0.02 + 0.06 * sin(phase + 0.5 * pi)
    horns = [
        Part("horns", limb((x + dx, y - 0.2), (x + 1.7 * dx, y - 0.56), 0.05, 0.085), shade=shade)
        for dx, shade in ((0.16, 0.8), (-0.06, 1.0))
    ]
    return [
        *feet,
        *body,
        *horns,
        Part("head", ellipse(x, y, 0.33, 0.33)),
        *eye(x + 0.12, y - 0.06, 0.09),
        Part("mouth", limb((x + 0.28, y + 0.12), (x + 0.1, y + 0.17), 0.02, 0.02), (40, 25, 30), lined=False),
    ]
