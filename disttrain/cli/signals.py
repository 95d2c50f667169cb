"""Ctrl-C and SIGTERM during a fit: the first asks for a clean stop, the second ends the program at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "asked_to_stop"]

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class StopRequest:
    """What signals asked for: called, it gives `interrupted`, `terminated` or None."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell, self.word, self.raising = tell, "", False

    def __call__(self) -> str | None:
        return self.word or None

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first asks for a stop, the second ends the program at once."""
        del frame
        if self.word:
            os._exit(128 + number)
        self.word = _WORDS[signal.Signals(number)]
        if self.raising:
            self.tell(f"{self.word}: the model is saved, and `--resume` makes the scores")
            raise KeyboardInterrupt
        self.tell(f"{self.word}: finishing the batch and keeping the best epoch; once more to stop at once")

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block a signal raises KeyboardInterrupt where the program is."""
        self.raising = True
        try:
            yield
        finally:
            self.raising = False


@contextmanager
def asked_to_stop(tell: Callable[[str], None]) -> Iterator[StopRequest]:
    """Inside the block signals are noted. `tell` hears of the first."""
    asked = StopRequest(tell)
    before = {number: signal.signal(number, asked.note) for number in _WORDS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
