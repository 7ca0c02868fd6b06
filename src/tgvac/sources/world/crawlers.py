"""Animals that crawl, each a function of its articulation phase (radians), giving parts back to front."""

from __future__ import annotations

from math import sin

import numpy as np

from tgvac.sources.world.shapes import Part, ellipse, eye, limb, ribbon


def snake(phase: float) -> list[Part]:
    """A snake, a chain that a wave runs along: body, bands, head."""
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
