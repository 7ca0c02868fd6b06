"""Moving things. Each function maps an articulation phase (radians) to parts, back to front."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from tgvac.world.shapes import Part, ellipse, limb, polygon, ribbon, rotate, smooth

WHEEL_RADIUS = 0.27
"""In object units. The phase of a rolling car is the distance it has moved, divided by this radius."""


def car(phase: float) -> list[Part]:
    """A car whose wheels turn with its motion: body, roof, windows, wheels with spokes."""
    glass = (196, 224, 238)
    tyre = (38, 38, 44)
    parts = [
        Part("roof", smooth((-0.72, -0.08), (-0.56, -0.42), (-0.36, -0.54), (0.12, -0.54), (0.34, -0.38), (0.56, -0.06),
                            (0.0, 0.05))),
        Part("windows", polygon((-0.58, -0.1), (-0.44, -0.42), (-0.12, -0.43), (-0.12, -0.1)), glass),
        Part("windows", polygon((-0.02, -0.1), (-0.02, -0.43), (0.12, -0.42), (0.24, -0.34), (0.4, -0.1)), glass),
        Part("body", smooth((-1.05, 0.22), (-1.02, -0.05), (-0.75, -0.14), (0.0, -0.13), (0.5, -0.13), (0.9, -0.04),
                            (1.08, 0.12), (1.06, 0.3), (0.5, 0.33), (-0.6, 0.33), (-1.0, 0.32))),
        Part("light", ellipse(0.98, 0.08, 0.07, 0.08), (255, 244, 170)),
        Part("handle", limb((-0.3, -0.02), (-0.18, -0.02), 0.02, 0.02), tyre, lined=False),
    ]  # fmt: skip
    for x in (-0.6, 0.6):
        parts += [
            Part("tyre", ellipse(x, 0.32, WHEEL_RADIUS, WHEEL_RADIUS), tyre),
            Part("wheels", ellipse(x, 0.32, 0.2, 0.2), lined=False),
        ]
        for spoke in range(3):
            end = (0.18 * cos(phase + spoke * pi / 3), 0.18 * sin(phase + spoke * pi / 3))
            outline_N2 = limb((x - end[0], 0.32 - end[1]), (x + end[0], 0.32 + end[1]), 0.028, 0.028)
            parts.append(Part("wheels", outline_N2, shade=0.4, lined=False))
        # One light spot makes a full turn visible, because the spokes repeat every sixth of a turn.
        parts.append(Part("hub", ellipse(x + 0.13 * cos(phase), 0.32 + 0.13 * sin(phase), 0.05, 0.05), (245, 245, 245),
                          lined=False))  # fmt: skip
    return parts


def boat(phase: float) -> list[Part]:
    """A sailing boat that rocks: hull, sails that fill, a flag that waves."""
    fill = 0.1 + 0.09 * sin(phase)
    flag_N = np.linspace(0.0, 0.42, 8)
    flag_N2 = np.stack([-0.06 - flag_N, -0.93 + 0.06 * np.sin(14.0 * flag_N + 2.0 * phase) * flag_N / 0.42], axis=1)
    parts = [
        Part("mast", limb((-0.06, 0.35), (-0.06, -1.02), 0.045, 0.035), (110, 74, 44)),
        Part("flag", ribbon(flag_N2, np.full(8, 0.1))),
        Part("sails", smooth((0.02, -0.8), (0.32 + fill, -0.42), (0.72 + fill, 0.1), (0.35, 0.16), (0.02, 0.12),
                             (0.05, -0.3))),
        Part("sails", smooth((-0.13, -0.66), (-0.16, -0.2), (-0.14, 0.12), (-0.45, 0.14), (-0.72 + fill, 0.08),
                             (-0.42 + fill, -0.3)), shade=0.86),
        Part("hull", smooth((-0.98, 0.22), (-0.5, 0.27), (0.3, 0.27), (1.08, 0.14), (0.82, 0.52), (0.55, 0.66),
                            (-0.55, 0.66), (-0.82, 0.5))),
        Part("hull", ribbon(polygon((-0.94, 0.25), (0.3, 0.3), (1.0, 0.19)), (0.05, 0.05, 0.05)), shade=0.7),
    ]  # fmt: skip
    return [part._replace(outline_N2=rotate(part.outline_N2, 0.1 * sin(phase), (0.0, 0.5))) for part in parts]


def flower(phase: float) -> list[Part]:
    """A flower in a pot that sways: petals, leaves, pot."""
    lean = 0.34 * sin(phase)
    rise_N = np.linspace(0.0, 1.0, 12)
    stem_N2 = np.stack([lean * rise_N**2, 0.5 - 0.95 * rise_N], axis=1)
    x, y = stem_N2[-1]
    petals = []
    for k in range(8):
        turn = k * pi / 4 + 0.8 * lean
        opening = 0.05 * sin(phase + k)
        centre = (x + (0.32 + opening) * cos(turn), y + (0.32 + opening) * sin(turn))
        petals.append(Part("petals", ellipse(*centre, 0.26, 0.155, turn), shade=1.0 if k % 2 else 0.86))
    mid_x, mid_y = stem_N2[5]
    leaf_N2 = smooth((0.0, 0.0), (0.22, -0.2), (0.58, -0.24), (0.36, 0.02))
    droop = 0.25 * sin(phase + 0.8)
    return [
        Part("stem", ribbon(stem_N2, np.full(12, 0.05)), (62, 140, 66)),
        Part("leaves", rotate(leaf_N2, droop) + np.array([mid_x, mid_y + 0.12])),
        Part("leaves", rotate(leaf_N2 * np.array([-1.0, 1.0]), droop) + np.array([mid_x, mid_y + 0.16]), shade=0.9),
        *petals,
        Part("heart", ellipse(x, y, 0.19, 0.19), (112, 72, 30)),
        Part("pot", polygon((-0.4, 0.5), (0.4, 0.5), (0.29, 1.02), (-0.29, 1.02))),
        Part("pot", polygon((-0.46, 0.4), (0.46, 0.4), (0.44, 0.56), (-0.44, 0.56))),
    ]


def windmill(phase: float) -> list[Part]:
    """A windmill whose blades turn: tower, cap, door, blades."""
    hub = (0.0, -0.36)
    blades = []
    for k in range(4):
        turn = phase / 2 + k * pi / 2
        # Before the rotation, the blade points to the right of the hub.
        frame_N2 = polygon((0.08, -0.04), (0.92, -0.04), (0.92, 0.24), (0.24, 0.24), (0.2, 0.04), (0.08, 0.04))
        shade = 1.0 if k % 2 else 0.84
        blades.append(Part("blades", rotate(frame_N2, turn) + np.array(hub), shade=shade))
    return [
        Part("tower", polygon((-0.26, -0.42), (0.26, -0.42), (0.46, 0.96), (-0.46, 0.96))),
        Part("door", smooth((-0.13, 0.94), (-0.13, 0.66), (0.0, 0.54), (0.13, 0.66), (0.13, 0.94))),
        Part("window", ellipse(0.0, 0.22, 0.1, 0.11), (206, 226, 240)),
        Part("cap", smooth((-0.36, -0.36), (-0.26, -0.64), (0.0, -0.8), (0.26, -0.64), (0.36, -0.36), (0.0, -0.3))),
        *blades,
        Part("hub", ellipse(*hub, 0.09, 0.09), (64, 50, 42)),
    ]
