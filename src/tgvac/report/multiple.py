"""Several tests in one table: Holm's correction, which holds whatever the tests have to do with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p value corrected for all of them (Holm, 1979); NaN, where nothing was tested, stays NaN and is not counted.

    >>> holm([0.01, 0.04, math.nan, 0.03])
    [0.03, 0.06, nan, 0.06]
    """
    order = sorted((i for i, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
    corrected, largest = [math.nan] * len(p_values), 0.0
    for done, i in enumerate(order):
        largest = max(largest, min(1.0, p_values[i] * (len(order) - done)))
        corrected[i] = largest
    return corrected
