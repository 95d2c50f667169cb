"""Ctrl-C and SIGTERM: they end a command at once and cleanly; during a fit the first asks for a clean stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from disttrain.errors import STOPPED

__all__ = ["Interruption", "asked_to_stop", "interruptible", "program_asked"]

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# Seconds after which a further signal no longer waits for what is being put in order.
_PATIENCE = 3.0


class Interruption:
    """What signals have asked for. Called, it gives `interrupted`, `terminated` or None.

    Until a fit has begun (`begin`) the first signal ends the program by a KeyboardInterrupt; after that the first is noted, and the
    next ends it; while scores are made (`at_once`) the first does.
    Signals that follow soon are passed over, so that the state of a run can be saved; later ones end all at once.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.begun, self.scoring = False, False
        self.asked: str | None = None
        self.raised: float | None = None

    def __call__(self) -> str | None:
        return self.asked

    def begin(self) -> None:
        """Something can be saved from here on."""
        self.begun = True

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block the first signal too ends what is done: nothing of it is needed to go on."""
        self.scoring = True
        try:
            yield
        finally:
            self.scoring = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler of a signal."""
        del frame
        word = _WORDS[signal.Signals(number)]
        if self.raised is not None:
            if time.monotonic() - self.raised > _PATIENCE:
                os._exit(STOPPED[word])
            return
        if self.begun and self.asked is None and not self.scoring:
            self.asked = word
            self._say(f"{word}: finishing the batch and keeping the best epoch; once more to stop at once\n")
            return
        if self.scoring and self.asked is None:
            self._say(f"{word}: the model is saved, and `--resume` makes the scores\n")
        self.asked, self.raised = word, time.monotonic()
        _PROGRAM.asked = word
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
    """Inside the block each signal is an interruption of it."""
    with _handled(_PROGRAM) as interruption:
        yield interruption


@contextmanager
def asked_to_stop(quiet: bool) -> Iterator[Interruption]:
    """Inside the block the first signal is noted, once the fit has begun; it is told unless `quiet`."""
    with _handled(Interruption(quiet)) as interruption:
        yield interruption


def program_asked() -> str | None:
    """The word of the signal that has ended what the program did, also where another error came of it; None where none has."""
    return _PROGRAM.asked


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
