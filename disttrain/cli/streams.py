"""Standard output and error in a pipeline: the reader may close the pipe, and the disk may be full."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from disttrain.errors import ReaderLeft, StorageError, cannot_write

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = {errno.EPIPE, errno.ECONNRESET}


class Outlet(io.RawIOBase):
    """The raw bytes of a stream; a program can write to it to the end, even without a reader.

    The first write that fails raises ReaderLeft or StorageError, unless the stream is `silent`; nothing is written after it.
    """

    def __init__(self, raw: io.RawIOBase, name: str, silent: bool = False) -> None:
        self.raw, self.label, self.silent = raw, name, silent
        self.fault: OSError | None = None

    def write(self, data: ReadableBuffer) -> int:
        if self.fault is None:
            try:
                return self.raw.write(data) or 0
            except OSError as fault:
                self.fault = fault
                if not self.silent:
                    raise self.error() from None
        return memoryview(data).nbytes

    def error(self) -> ReaderLeft | StorageError:
        """The error for the failed write."""
        assert self.fault is not None
        return ReaderLeft() if self.fault.errno in _GONE else cannot_write(self.fault, self.label)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self.raw.isatty())

    def fileno(self) -> int:
        return int(self.raw.fileno())


def guard() -> None:
    """Put outlets behind standard output and error. The one of stderr is silent, so that no command fails for want of a reader of its messages."""
    for number in range(3):
        # A descriptor that is closed would be given to the first file that is opened, and what is printed be written into it.
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)
    sys.stdout = _guarded(sys.stdout, "stdout")
    sys.stderr = _guarded(sys.stderr, "stderr", silent=True)


def flushed() -> None:
    """Flush standard output. Raises ReaderLeft or StorageError."""
    sys.stdout.flush()


@contextmanager
def to_the_end() -> Iterator[None]:
    """Run the block to its end even if writes to standard output fail. Raises StorageError afterwards, unless only the reader left."""
    outlet = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if not isinstance(outlet, Outlet):
        yield
        return
    outlet.silent = True
    try:
        yield
        sys.stdout.flush()
    finally:
        outlet.silent = False
    if outlet.fault is not None and not isinstance(error := outlet.error(), ReaderLeft):
        raise error


def _guarded(stream: TextIO | None, name: str, silent: bool = False) -> TextIO:
    if stream is None:
        # A closed stream is no reason to fail until something is written to it: a descriptor for reading refuses that, as the closed one does.
        refusing = io.FileIO(os.open(os.devnull, os.O_RDONLY), "w")
        return _outlet(refusing, name, silent, "utf-8", lines=silent)
    buffer = getattr(stream, "buffer", None)
    # With PYTHONUNBUFFERED there is no buffer between the text and the descriptor.
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.RawIOBase):
        return stream
    stream.flush()
    return _outlet(raw, name, silent, stream.encoding, lines=silent or stream.isatty())


def _outlet(raw: io.RawIOBase, name: str, silent: bool, encoding: str, lines: bool) -> TextIO:
    # What an encoding cannot say, a tick or a bar, is no reason to fail.
    errors = "backslashreplace" if silent else "replace"
    return io.TextIOWrapper(io.BufferedWriter(Outlet(raw, name, silent)), encoding, errors, line_buffering=lines)
