"""Rate limits: each key may do so much at once, and so much a second from then on (a token bucket)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Limit:
    """A limit for many keys, in bounded memory.

    Args:
        burst: how much a key may do at once.
        rate: how much it gets back each second.
        keys: how many are remembered; the longest unused one is forgotten first.
        clock: in seconds; it only counts up, whatever happens to the time of day.
    """

    def __init__(
        self, burst: float, rate: float, keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._rate, self._keys, self._clock = burst, rate, keys, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, key: str, cost: float = 1.0) -> bool:
        """Whether a key may do this; if so, it is counted."""
        now = self._clock()
        left, before = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - before) * self._rate)
        allowed = left >= cost
        self._left[key] = (left - cost if allowed else left, now)
        while len(self._left) > self._keys:
            self._left.popitem(last=False)
        return allowed
