"""The error tree: every error says where, what was found and the way out, and knows its exit code.

The library raises these; `disttrain.cli.terminal` alone turns them into text and an exit code.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import clear_frames

__all__ = [
    "AnswerIsNo",
    "ConfigError",
    "DataError",
    "DataWarning",
    "DisttrainError",
    "Finding",
    "FitFailed",
    "Interrupted",
    "OutOfMemory",
    "OutputExists",
    "ReaderLeft",
    "RunUnreadable",
    "STOPPED",
    "StorageError",
    "UsageError",
    "bytes_asked",
    "cannot_write",
    "enough_memory",
    "word_of",
]

# By which word a signal stops a program, and its exit code: 128 and the number of the signal.
STOPPED = {"interrupted": 130, "terminated": 143}

# By which words libraries say that memory ran out, where they have no error of their own for it.
_NO_MEMORY = re.compile(
    r"DefaultCPUAllocator|(not enough|out of|cannot allocate|can't allocate) memory|can't start new thread|failed to map segment"
    r"|bad_alloc|_ALLOC_FAILED",
    re.IGNORECASE,
)
_ASKED = re.compile(r"(?:allocate|alloc of size|resize to) ([\d,.]+)\s*([KMGT]i?B|bytes|\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its code, what was found, and for the person who owns the file the place and the way out.

    `excerpt` are the lines shown under a `|` (source text with a caret, or offending rows); `why` the reason where it is not plain;
    `hints` the ways out; `kept` what is already saved and stays.
    """

    code: str
    what: str
    where: str = ""
    excerpt: Sequence[str] = ()
    why: str = ""
    hints: Sequence[str] = ()
    kept: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"; {self.hints[0]}" if self.hints else ""
        return f"{place}{self.what}{hint}"


class DataWarning(UserWarning):
    """What a reader of results should know of the data: what the command line prints with a `!`, in Python."""


class DisttrainError(Exception):
    """Base of all errors of disttrain: one or more findings of one kind, and the exit code of a command that ends in it."""

    exit_code = 70

    def __init__(self, *findings: Finding, summary: str = "") -> None:
        super().__init__("\n".join(str(finding) for finding in findings) or summary)
        self.findings = findings
        self.summary = summary


class AnswerIsNo(DisttrainError):
    """The command ran, and the answer is no: `check --strict` found warnings, `evaluate --require` is not met."""

    exit_code = 1


class UsageError(DisttrainError):
    """The command line asks for something that cannot be; nothing was run."""

    exit_code = 2


class ConfigError(UsageError):
    """The config file is wrong; nothing was run."""


class DataError(DisttrainError):
    """A file or column is missing, of the wrong type, or holds values the distribution cannot produce."""

    exit_code = 3


class FitFailed(DisttrainError):
    """The fit could not go on: not finite, out of memory. The best epoch so far is kept and named."""

    exit_code = 4


class OutOfMemory(FitFailed):
    """Memory ran out, on the machine or on its accelerator. What was saved before stays."""


class RunUnreadable(DisttrainError):
    """A run or model folder is missing, corrupt, unsafe or of a newer format."""

    exit_code = 5


class StorageError(DisttrainError):
    """The disk is full, a folder is read-only, a permission is missing."""

    exit_code = 6


class ReaderLeft(DisttrainError):
    """Who read standard output has left before its end: nothing is wrong, and nothing is left to say."""

    exit_code = 141


class OutputExists(DisttrainError):
    """The output exists and `--overwrite` was not given, or another process holds the run."""

    exit_code = 7


class Interrupted(DisttrainError):
    """Ctrl-C: the batch was finished and the best epoch kept."""

    exit_code = STOPPED["interrupted"]


def word_of(fault: BaseException) -> str:
    """The word of STOPPED that a KeyboardInterrupt brings; `interrupted` where it brings none, as Python's own for Ctrl-C."""
    return next((word for word in STOPPED if word in fault.args), "interrupted")


_READ_ONLY = ("not-writable", "choose a folder that you may write to")
_FULL = ("disk-full", "free some space, or choose a folder on another disk")
_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOENT: ("no-folder", "make the folder first, or choose another"),
    errno.ENOTDIR: ("no-folder", "a part of this path is a file; choose another folder"),
    errno.EEXIST: ("no-folder", "a file has the name of this folder; choose another folder"),
    errno.ENAMETOOLONG: ("name-too-long", "choose a shorter name"),
}
_CLOSED = "send the output to a file, or to /dev/null"
_OTHER = ("cannot-write", "try again, or choose a folder on another disk")


def cannot_write(error: OSError, where: str) -> StorageError:
    """The StorageError that says why the file, folder or stream `where` cannot be written, with a way out."""
    code, hint = _REASONS.get(error.errno or 0, _OTHER)
    reason = os.strerror(error.errno) if error.errno else str(error)
    if where == "stdout":
        closed = error.errno == errno.EBADF
        reason, hint = ("it is closed", _CLOSED) if closed else (reason, "send the output to another disk")
        return StorageError(Finding(code, f"cannot write to stdout: {reason}", where, hints=(hint,)))
    return StorageError(Finding(code, f"cannot write: {reason}", where, hints=(hint,)))


@contextmanager
def enough_memory(*hints: str, kept: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Inside the block the many faults by which libraries say that memory ran out become OutOfMemory, with what is `kept`."""
    try:
        yield
        return
    except Exception as fault:
        if not _of_memory(fault):
            raise
        asked = _asked(str(fault))
        # The frames that the fault came through keep alive all that filled the memory.
        clear_frames(fault.__traceback__)
    raise OutOfMemory(Finding("out-of-memory", f"memory ran out{asked}", hints=hints, kept=kept()))


def _of_memory(fault: Exception) -> bool:
    if isinstance(fault, DisttrainError):
        return False
    named = isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError"
    return named or getattr(fault, "errno", None) == errno.ENOMEM or bool(_NO_MEMORY.search(str(fault)) and isinstance(fault, _RAISED))


_RAISED = (RuntimeError, ImportError, OSError)


def bytes_asked(message: str) -> float:
    """How many bytes an error of memory says were asked for at once; 0 where it does not say."""
    if (match := _ASKED.search(message)) is None:
        return 0.0
    unit = (match[2] or "B").upper()
    power = 0 if unit == "BYTES" else "BKMGT".index(unit[0])
    factor: float = (1024.0 if unit[1:2] == "I" else 1000.0) ** power
    return float(match[1].replace(",", "").rstrip(".") or 0) * factor


def _asked(message: str) -> str:
    number = bytes_asked(message)
    return f": {number / 1e6:,.1f} MB were asked for at once" if number else ""
