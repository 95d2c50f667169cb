"""Ctrl-C and SIGTERM: each ends a command at once and cleanly; during a fit the first requests a clean stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from disttrain.errors import STOPPED

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# Seconds after which a further signal no longer waits for what is being put in order.
_PATIENCE = 3.0


class Interruption:
    """The handler of the stop signals. A call returns `interrupted`, `terminated` or None.

    Before a fit starts (`start`) the first signal raises KeyboardInterrupt. During the fit the handler notes the first signal and raises
    at the next. During scoring (`at_once`) it raises at the first.
    It ignores signals for some seconds after that, so that a run can save its state; a later signal ends the process.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.started, self.scoring = False, False
        self.stop_word: str | None = None
        self.raised: float | None = None

    def __call__(self) -> str | None:
        return self.stop_word

    def start(self) -> None:
        """Note that the fit has started: from here on a stop can save its state."""
        self.started = True

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the first signal in the block raise: a resumed run needs no result of it."""
        self.scoring = True
        try:
            yield
        finally:
            self.scoring = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: note it, or raise KeyboardInterrupt."""
        del frame
        word = _WORDS[signal.Signals(number)]
        if self.raised is not None:
            if time.monotonic() - self.raised > _PATIENCE:
                os._exit(STOPPED[word])
            return
        if self.started and self.stop_word is None and not self.scoring:
            self.stop_word = word
            self._say(f"{word}: finishing the batch and keeping the best epoch; once more to stop at once\n")
            return
        if self.scoring and self.stop_word is None:
            self._say(f"{word}: the model is saved, and `--resume` makes the scores\n")
        self.stop_word, self.raised = word, time.monotonic()
        _PROGRAM.stop_word = word
        raise KeyboardInterrupt(word)

    def _say(self, text: str) -> None:
        if not self.quiet:
            # Not by a stream, which may be in the middle of a write.
            with suppress(OSError):
                os.write(2, text.encode())


# What has been asked of the whole program, for imports that turn an interruption into an error of their own.
_PROGRAM = Interruption()


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Raise KeyboardInterrupt in the block at the first signal."""
    with _handled(_PROGRAM) as interruption:
        yield interruption


@contextmanager
def stop_on_request(quiet: bool) -> Iterator[Interruption]:
    """Note the first signal in the block once the fit has started, and print a line about it unless `quiet`."""
    with _handled(Interruption(quiet)) as interruption:
        yield interruption


def program_stop_word() -> str | None:
    """The word of the signal that interrupted the program, even if another error replaced the interruption; None without a signal."""
    return _PROGRAM.stop_word


@contextmanager
def _handled(interruption: Interruption) -> Iterator[Interruption]:
    before = {number: signal.signal(number, interruption.note) for number in _WORDS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            # While an interruption is on its way out, more of them are passed over.
            if interruption.raised is None:
                signal.signal(number, handler)
