"""When a fit is to stop: somebody says so, or its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

Stop = Callable[[], str | None]
# The scores may take the fit beyond its limit by this share of it, and by so many seconds at least.
_SHARE, _LEAST = 0.1, 5.0


class StopRule:
    """Whether to stop after this batch: somebody said so (`word`), or the time is up. `scoring` once the epochs are done."""

    def __init__(self, stop: Stop, seconds: float | None, started: float) -> None:
        self.stop, self.seconds, self.started = stop, seconds, started
        self.word: str | None = None
        self.late, self.scoring = False, False

    def stop_requested(self) -> bool:
        """Whether somebody said so."""
        self.word = self.word or self.stop()
        return self.word is not None

    def __call__(self) -> bool:
        self.stop_requested()
        self.late = self.late or (self.seconds is not None and time.perf_counter() - self.started >= self.seconds)
        return self.should_stop

    @property
    def should_stop(self) -> bool:
        """Whether it said so."""
        return self.late or self.word is not None

    @property
    def end(self) -> float | None:
        """When the scores that are not made by then are left out, on the clock of `time.perf_counter`; None without a limit."""
        return None if self.seconds is None else self.started + self.seconds + max(_SHARE * self.seconds, _LEAST)
