"""When a training is saved: every so many steps, and every so many seconds.

The clock is this process's own, and only the main process saves; saving needs no other process and decides no result,
so that nothing is to be agreed upon.
"""

from __future__ import annotations

from collections.abc import Callable

from tgvac.training.params import CheckpointParams


class Saving:
    """Tells when a checkpoint is due.

    Args:
        clock: seconds since whenever.
    """

    def __init__(self, params: CheckpointParams, clock: Callable[[], float]) -> None:
        self._params, self._clock = params, clock
        self._saved = clock()

    def due(self, step: int) -> bool:
        """After so many steps of the training, or so many seconds since it was last saved."""
        late = 0 < self._params.seconds <= self._clock() - self._saved
        return late or step % self._params.every == 0

    def saved(self) -> None:
        """Count seconds anew; those that saving took are none of them."""
        self._saved = self._clock()
