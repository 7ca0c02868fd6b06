"""Fields of brightness and colour over an image: noise, soft steps, stripes, checks. Coordinates: frame heights."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Field: TypeAlias = npt.NDArray[np.float32]


def value_noise(height: int, width: int, cell: float, generator: np.random.Generator, octaves: int = 3) -> Field:
    """Smooth noise in [0, 1], float32 (height, width); ``cell`` is the size in pixels of its largest lumps."""
    total_HW = np.zeros((height, width), np.float32)
    weight = 0.0
    for octave in range(octaves):
        step = max(cell / 2**octave, 1.0)
        knots = generator.random((math.ceil(height / step) + 3, math.ceil(width / step) + 3), dtype=np.float32)
        size = (round(knots.shape[1] * step), round(knots.shape[0] * step))
        fine_HW = cv2.resize(knots, size, interpolation=cv2.INTER_CUBIC)
        total_HW += 0.5**octave * fine_HW[:height, :width]
        weight += 0.5**octave
    noise_HW: Field = np.clip(total_HW / weight, 0.0, 1.0)
    return noise_HW


def mix(one_3: Field, two_3: Field, share_HW: Field) -> Field:
    """Mix two colours by a share in [0, 1], float32 (H, W, 3); a colour may be an image."""
    mixed_HW3: Field = one_3 + (two_3 - one_3) * share_HW[..., None]
    return mixed_HW3


def soft(edge_HW: Field, width: float) -> Field:
    """A soft step from 0 to 1 where ``edge_HW`` crosses 0, over a width of ``width``."""
    step_HW: Field = np.clip(edge_HW / width + 0.5, 0.0, 1.0).astype(np.float32)
    return step_HW


def stripes(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    """Soft, curved stripes in two colours, float32 (H, W, 3)."""
    angle, pitch = generator.uniform(0.0, math.pi), generator.uniform(0.16, 0.34)
    across_HW = x_HW * math.cos(angle) + y_HW * math.sin(angle)
    bend_HW = generator.uniform(0.0, 0.05) * np.sin(5.0 * (y_HW * math.cos(angle) - x_HW * math.sin(angle)))
    wave_HW = np.sin(2 * math.pi * (across_HW + bend_HW) / pitch)
    return mix(colours[0], colours[1], soft(wave_HW, 0.35))


def checks(x_HW: Field, y_HW: Field, colours: tuple[Field, Field, Field], generator: np.random.Generator) -> Field:
    """Soft, slightly rotated squares in two colours, float32 (H, W, 3)."""
    angle, pitch = generator.uniform(-0.5, 0.5), generator.uniform(0.3, 0.5)
    u_HW = x_HW * math.cos(angle) + y_HW * math.sin(angle)
    v_HW = y_HW * math.cos(angle) - x_HW * math.sin(angle)
    wave_HW = np.sin(2 * math.pi * u_HW / pitch) * np.sin(2 * math.pi * v_HW / pitch)
    return mix(colours[0], colours[1], soft(wave_HW, 0.2))
