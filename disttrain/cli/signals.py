"""Ctrl-C and SIGTERM during a fit: the first asks for a clean stop, the second ends the program at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["asked_to_stop"]

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


@contextmanager
def asked_to_stop(tell: Callable[[str], None]) -> Iterator[Callable[[], str | None]]:
    """Inside the block signals are noted: calling what is yielded gives `interrupted`, `terminated` or None. `tell` hears of the first."""
    asked: list[str] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        if asked:
            os._exit(128 + number)
        asked.append(_WORDS[signal.Signals(number)])
        tell(f"{asked[0]}: finishing the batch and keeping the best epoch; once more to stop at once")

    before = {number: signal.signal(number, note) for number in _WORDS}
    try:
        yield lambda: asked[0] if asked else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
