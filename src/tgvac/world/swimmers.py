"""Animals that swim. Each function maps an articulation phase (radians) to parts, back to front."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from tgvac.world.shapes import Part, Points, ellipse, eye, limb, ribbon, rotate, smooth


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
    """Bend a swimmer with a wave that runs backwards and grows towards the tail."""
    reach_N = np.clip((0.9 - points_N2[:, 0]) / 2.0, 0.0, 1.0)
    bent_N2 = points_N2.copy()
    bent_N2[:, 1] += 0.22 * reach_N**1.5 * np.sin(phase + 2.2 * points_N2[:, 0])
    return bent_N2


def jellyfish(phase: float) -> list[Part]:
    """A jellyfish whose bell opens and closes and whose arms trail behind: bell, rim, arms."""
    wide, tall = 1.0 + 0.2 * cos(phase), 1.0 - 0.13 * cos(phase)
    arms = []
    for x, length in ((-0.46, 0.8), (-0.16, 1.0), (0.16, 1.02), (0.46, 0.78)):
        down_N = np.linspace(0.0, 1.0, 14)
        swing_N = 0.13 * down_N * np.sin(5.0 * down_N - phase + 2.0 * x)
        spine_N2 = np.stack([wide * x * (1.0 - 0.25 * down_N) + swing_N, 0.02 + length * down_N], axis=1)
        arms.append(Part("arms", ribbon(spine_N2, np.linspace(0.13, 0.05, 14))))
    dome_N2 = smooth((0.8, 0.08), (0.74, -0.34), (0.42, -0.72), (0.0, -0.85), (-0.42, -0.72), (-0.74, -0.34),
                     (-0.8, 0.08), (0.0, 0.02))  # fmt: skip
    hem_N2 = np.stack([np.linspace(-0.78, 0.78, 15), 0.1 + 0.05 * np.sin(np.arange(15) * 1.5 + phase)], axis=1)
    scale_2 = np.array([wide, tall])
    return [
        *arms,
        Part("bell", dome_N2 * scale_2),
        Part("rim", ribbon(hem_N2 * scale_2, np.full(15, 0.12))),
        *eye(0.34 * wide, -0.2, 0.11),
        *eye(-0.1 * wide, -0.2, 0.11),
        Part("mouth", ellipse(0.14 * wide, -0.06, 0.08, 0.03), (40, 25, 30), lined=False),
    ]
