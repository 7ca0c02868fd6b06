"""Animals that walk. Each function maps an articulation phase (radians) to parts, back to front."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from tgvac.world.shapes import Part, Points, ellipse, eye, limb, polygon, ribbon, rotate, smooth


def _leg(hip: tuple[float, float], swing: float, lift: float, length: float, radius: float) -> list[Points]:
    """Thigh, shin and paw of a leg that swings around its hip and bends at the knee when lifted."""
    x, y = hip
    knee = (x + 0.5 * length * sin(swing), y + 0.5 * length * cos(swing))
    bend = swing - 0.9 * max(0.0, lift)
    foot = (knee[0] + 0.5 * length * sin(bend), knee[1] + 0.5 * length * cos(bend))
    paw = limb(foot, (foot[0] + 0.1, foot[1] + 0.01), radius * 0.85, radius * 0.7)
    return [limb(hip, knee, radius * 1.25, radius), limb(knee, foot, radius, radius * 0.8), paw]


def _legs(hips: list[tuple[float, float]], phase: float, length: float, radius: float, shade: float) -> list[Part]:
    swings = [0.55 * sin(phase + offset) for offset in (0.0, pi)]
    lifts = [cos(phase + offset) for offset in (0.0, pi)]
    return [
        Part("legs", outline_N2, shade=shade)
        for hip, swing, lift in zip(hips, swings, lifts, strict=True)
        for outline_N2 in _leg(hip, swing, lift, length, radius)
    ]


def dog(phase: float) -> list[Part]:
    """A dog that walks and wags: body, legs, head, ears, tail."""
    nod = 0.05 * sin(2 * phase)
    wag_N2 = ribbon(polygon((-0.66, -0.12), (-0.84, -0.3), (-0.96, -0.5), (-1.0, -0.7)), (0.1, 0.085, 0.07, 0.04))
    return [
        *_legs([(-0.44, 0.12), (0.5, 0.12)], phase + 0.5 * pi, 0.74, 0.085, 0.68),
        Part("tail", rotate(wag_N2, 0.45 * sin(1.5 * phase), (-0.66, -0.12))),
        Part("body", smooth((0.62, -0.3), (0.1, -0.28), (-0.45, -0.3), (-0.74, -0.1), (-0.62, 0.22), (0.0, 0.2),
                            (0.5, 0.28), (0.72, 0.0))),
        *_legs([(-0.56, 0.1), (0.42, 0.14)], phase, 0.76, 0.095, 1.0),
        Part("body", limb((0.52, -0.12), (0.74, -0.46 + nod), 0.2, 0.17), lined=False),
        Part("head", limb((0.84, -0.5 + nod), (1.16, -0.42 + nod), 0.15, 0.1)),
        Part("head", ellipse(0.78, -0.56 + nod, 0.25, 0.23)),
        Part("nose", ellipse(1.24, -0.48 + nod, 0.055, 0.05), (25, 22, 25), lined=False),
        *eye(0.88, -0.62 + nod, 0.065),
        Part("ears", rotate(ellipse(0.6, -0.48 + nod, 0.11, 0.25, 0.2), 0.18 * sin(2 * phase), (0.64, -0.7))),
    ]  # fmt: skip


def turtle(phase: float) -> list[Part]:
    """A turtle that walks and stretches its neck: body, shell, legs, head."""
    out = 0.1 * sin(phase)
    dome_N2 = smooth((0.72, 0.2), (0.6, -0.18), (0.2, -0.5), (-0.3, -0.5), (-0.66, -0.16), (-0.76, 0.2), (0.0, 0.27))
    return [
        *_legs([(-0.3, 0.2), (0.52, 0.2)], phase + 0.5 * pi, 0.42, 0.12, 0.7),
        Part("tail", limb((-0.66, 0.18), (-0.98, 0.2 + 0.08 * sin(phase)), 0.1, 0.03)),
        Part("head", limb((0.6, 0.08), (0.86 + out, -0.12), 0.13, 0.12)),
        Part("head", ellipse(0.98 + out, -0.18, 0.22, 0.18)),
        *eye(1.04 + out, -0.23, 0.06),
        *_legs([(-0.46, 0.2), (0.4, 0.2)], phase, 0.44, 0.13, 1.0),
        Part("shell", dome_N2),
        Part("shell", ribbon(polygon((-0.76, 0.2), (0.0, 0.26), (0.74, 0.2)), (0.075, 0.08, 0.075)), shade=0.8),
    ]  # fmt: skip


def elephant(phase: float) -> list[Part]:
    """An elephant that walks, flaps its ear and swings its trunk: body, legs, head, ear, trunk."""
    nod = 0.03 * sin(2 * phase)
    swing = 0.35 * sin(phase)
    down_N = np.linspace(0.0, 1.0, 12)
    bend_N = 0.9 * swing * down_N**2
    trunk_N2 = np.stack([1.0 + 0.22 * np.sin(1.6 * down_N) + bend_N, -0.34 + nod + 0.86 * down_N], axis=1)
    tail_N2 = ribbon(polygon((-0.86, -0.2), (-1.0, 0.0), (-1.04 + 0.12 * sin(phase), 0.3)), (0.05, 0.04, 0.06))
    ear_N2 = smooth((0.62, -0.52), (0.36, -0.6), (0.18, -0.3), (0.28, 0.06), (0.52, 0.1), (0.66, -0.2))
    flap_2 = np.array([1.0 + 0.16 * sin(2 * phase), 1.0])
    return [
        *_legs([(-0.4, 0.18), (0.52, 0.18)], phase + 0.5 * pi, 0.62, 0.14, 0.68),
        Part("tail", tail_N2),
        Part("body", smooth((0.7, -0.4), (0.2, -0.58), (-0.4, -0.56), (-0.86, -0.26), (-0.84, 0.22), (-0.2, 0.34),
                            (0.4, 0.32), (0.76, 0.1))),
        *_legs([(-0.6, 0.2), (0.36, 0.2)], phase, 0.64, 0.15, 1.0),
        Part("head", ellipse(0.8, -0.36 + nod, 0.36, 0.34)),
        Part("trunk", ribbon(trunk_N2, np.linspace(0.16, 0.09, 12))),
        Part("tusk", limb((0.96, -0.1 + nod), (1.16, 0.02 + nod), 0.05, 0.025), (250, 246, 226)),
        *eye(0.9, -0.44 + nod, 0.07),
        Part("ears", (ear_N2 - (0.62, -0.3)) * flap_2 + (0.62, -0.3)),
    ]  # fmt: skip
