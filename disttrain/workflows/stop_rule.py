"""The stop rule of a fit: a stop request or a time limit ends it."""

from __future__ import annotations

import time
from collections.abc import Callable

Stop = Callable[[], str | None]
# Scoring may exceed the time limit by this share of the limit, and by at least this number of seconds.
_SHARE, _LEAST = 0.1, 5.0


class StopRule:
    """A callable that returns True if the fit should stop after this batch: by a stop request, whose text is `word`, or by the time limit.

    `late` is True if the time limit is over, `scoring` if the epochs are done.
    """

    def __init__(self, stop: Stop, seconds: float | None, started: float) -> None:
        self.stop, self.seconds, self.started = stop, seconds, started
        self.word: str | None = None
        self.late, self.scoring = False, False

    def stop_requested(self) -> bool:
        """True if a stop was requested."""
        self.word = self.word or self.stop()
        return self.word is not None

    def __call__(self) -> bool:
        self.stop_requested()
        self.late = self.late or (self.seconds is not None and time.perf_counter() - self.started >= self.seconds)
        return self.should_stop

    @property
    def should_stop(self) -> bool:
        """True if a stop request or the time limit has stopped the fit."""
        return self.late or self.word is not None

    @property
    def end(self) -> float | None:
        """The time at which scoring ends, on the clock of `time.perf_counter`; None without a limit. Later scores are left out."""
        return None if self.seconds is None else self.started + self.seconds + max(_SHARE * self.seconds, _LEAST)
