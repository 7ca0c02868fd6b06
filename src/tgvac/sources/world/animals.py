"""Animals, each a function of its articulation phase (radians) and its coat, giving parts back to front."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np

from tgvac.sources.world.shapes import (
    Part,
    Points,
    ellipse,
    eye,
    limb,
    markings,
    mirrored,
    polygon,
    ribbon,
    rotate,
    smooth,
)


def fish(phase: float, coat: str) -> list[Part]:
    """A fish whose body bends and whose tail swings: body, tail, fins."""
    tail_N2 = smooth((-0.5, 0.0), (-0.8, -0.22), (-1.12, -0.52), (-0.96, 0.0), (-1.12, 0.52), (-0.8, 0.22))
    flap = 0.5 * sin(phase)
    parts = [
        Part("tail", rotate(tail_N2, 0.42 * sin(phase - 0.9), (-0.6, 0.0))),
        Part("fins", smooth((0.32, -0.36), (0.05, -0.7), (-0.38, -0.66), (-0.36, -0.2))),
        Part("fins", smooth((0.1, 0.36), (-0.22, 0.68), (-0.42, 0.58), (-0.3, 0.2))),
        Part("body", smooth((0.98, 0.02), (0.6, -0.35), (0.1, -0.47), (-0.4, -0.27), (-0.7, 0.0), (-0.4, 0.27),
                            (0.1, 0.45), (0.6, 0.33))),
        *markings("body", coat, (-0.05, 0.0), (0.5, 0.42)),
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


def bird(phase: float, coat: str) -> list[Part]:
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
        *markings("body", coat, (0.0, 0.05), (0.5, 0.24)),
        Part("head", ellipse(0.68, -0.26, 0.27, 0.25)),
        *eye(0.76, -0.31, 0.075),
        Part("wings", wing(0.0, lift)),
    ]  # fmt: skip
    return [part._replace(outline_N2=part.outline_N2 + np.array([0.0, bob])) for part in parts]


def _leg(hip: tuple[float, float], swing: float, lift: float, length: float, radius: float) -> list[Points]:
    """Thigh, shin and paw of a leg that swings about its hip and bends at the knee while it is lifted."""
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


def dog(phase: float, coat: str) -> list[Part]:
    """A dog that walks and wags: body, legs, head, ears, tail."""
    nod = 0.05 * sin(2 * phase)
    wag_N2 = ribbon(polygon((-0.66, -0.12), (-0.84, -0.3), (-0.96, -0.5), (-1.0, -0.7)), (0.1, 0.085, 0.07, 0.04))
    return [
        *_legs([(-0.44, 0.12), (0.5, 0.12)], phase + 0.5 * pi, 0.74, 0.085, 0.68),
        Part("tail", rotate(wag_N2, 0.45 * sin(1.5 * phase), (-0.66, -0.12))),
        Part("body", smooth((0.62, -0.3), (0.1, -0.28), (-0.45, -0.3), (-0.74, -0.1), (-0.62, 0.22), (0.0, 0.2),
                            (0.5, 0.28), (0.72, 0.0))),
        *markings("body", coat, (-0.08, -0.04), (0.52, 0.2)),
        *_legs([(-0.56, 0.1), (0.42, 0.14)], phase, 0.76, 0.095, 1.0),
        Part("body", limb((0.52, -0.12), (0.74, -0.46 + nod), 0.2, 0.17), lined=False),
        Part("head", limb((0.84, -0.5 + nod), (1.16, -0.42 + nod), 0.15, 0.1)),
        Part("head", ellipse(0.78, -0.56 + nod, 0.25, 0.23)),
        Part("nose", ellipse(1.24, -0.48 + nod, 0.055, 0.05), (25, 22, 25), lined=False),
        *eye(0.88, -0.62 + nod, 0.065),
        Part("ears", rotate(ellipse(0.6, -0.48 + nod, 0.11, 0.25, 0.2), 0.18 * sin(2 * phase), (0.64, -0.7))),
    ]  # fmt: skip


def turtle(phase: float, coat: str) -> list[Part]:
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
        *markings("shell", coat, (-0.02, -0.1), (0.56, 0.3)),
        Part("shell", ribbon(polygon((-0.76, 0.2), (0.0, 0.26), (0.74, 0.2)), (0.075, 0.08, 0.075)), shade=0.8),
    ]  # fmt: skip


def snake(phase: float, coat: str) -> list[Part]:
    """A snake, a chain that a wave runs along: body, bands, head."""
    along_N = np.linspace(-1.15, 0.85, 41)
    sway_N = 0.3 * (1.0 - 0.25 * (along_N + 1.15)) * np.sin(3.6 * along_N + phase)
    spine_N2 = np.stack([along_N, sway_N], axis=1)
    radius_N = 0.19 * np.clip(np.linspace(0.12, 2.2, 41), 0.0, 1.0)
    x, y = spine_N2[-1]
    starts = range(9, 36, 9) if coat == "plain" else range(8, 37, 6)
    flick = 0.06 * sin(3 * phase)
    return [
        Part("body", ribbon(spine_N2, radius_N)),
        *[Part("bands", ribbon(spine_N2[k : k + 4], radius_N[k : k + 4] * 0.97), lined=False) for k in starts],
        Part("tongue", limb((x + 0.3, y), (x + 0.56, y + flick), 0.025, 0.02), (200, 30, 50), lined=False),
        Part("head", ellipse(x + 0.14, y, 0.31, 0.23)),
        *eye(x + 0.22, y - 0.08, 0.07),
    ]


def butterfly(phase: float, coat: str) -> list[Part]:
    """A butterfly seen from above that opens and closes its wings: wings, spots, body."""
    spread = 0.7 + 0.3 * cos(phase)
    upper_N2 = smooth((0.05, -0.18), (0.35, -0.72), (0.85, -0.86), (1.02, -0.5), (0.72, -0.06), (0.08, 0.02))
    lower_N2 = smooth((0.05, 0.0), (0.6, 0.06), (0.84, 0.4), (0.6, 0.78), (0.28, 0.62))
    dots = [ellipse(0.7, -0.5, 0.17, 0.17), ellipse(0.55, 0.38, 0.15, 0.15)]
    dots += [ellipse(0.38, -0.32, 0.09, 0.09)] if coat != "plain" else []
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
