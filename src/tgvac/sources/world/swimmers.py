"""Animals that swim, each a function of its articulation phase (radians), giving parts back to front."""

from __future__ import annotations

from math import sin

import numpy as np

from tgvac.sources.world.shapes import Part, Points, eye, limb, rotate, smooth


def fish(phase: float) -> list[Part]:
    """A fish whose body bends and whose tail swings: body, tail, fins."""
    tail_N2 = smooth((-0.5, 0.0), (-0.8, -0.22), (-1.12, -0.52), (-0.96, 0.0), (-1.12, 0.52), (-0.8, 0.22))
    flap = 0.5 * sin(phase)
    parts = [
        Part("tail", rotate(tail_N2, 0.42 * sin(phase - 0.9), (-0.6, 0.0))),
        Part("fins", smooth((0.32, -0.36), (0.05, -0.7), (-0.38, -0.66), (-0.36, -0.2))),
        Part("fins", smooth((0.1, 0.36), (-0.22, 0.68), (-0.42, 0.58), (-0.3, 0.2))),
        Part("body", smooth((0.98, 0.02), (0.6, -0.35), (0.1, -0.47), (-0.4, -0.27), (-0.7, 0.0), (-0.4, 0.27),
                            (0.1, 0.45), (0.6, 0.33))),
        Part("fins", rotate(smooth((0.22, 0.06), (-0.04, 0.02), (-0.22, 0.2), (0.02, 0.26)), flap, (0.2, 0.12))),
        *eye(0.62, -0.1, 0.1),
        Part("mouth", limb((0.93, 0.1), (0.78, 0.14), 0.02, 0.02), (40, 25, 30), lined=False),
    ]  # fmt: skip
    return [part._replace(outline_N2=_waved(part.outline_N2, phase)) for part in parts]


def _waved(points_N2: Points, phase: float) -> Points:
    """Bend a swimmer: a wave that runs backwards and grows towards the tail."""
    reach_N = np.clip((0.9 - points_N2[:, 0]) / 2.0, 0.0, 1.0)
    bent_N2 = points_N2.copy()
    bent_N2[:, 1] += 0.22 * reach_N**1.5 * np.sin(phase + 2.2 * points_N2[:, 0])
    return bent_N2
