"""The error classes: each error has findings with location, text and hints, and an exit code.

The library raises them; only `disttrain.cli.terminal` turns them into text and an exit code.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import clear_frames

# By which word a signal stops a program, and its exit code: 128 and the number of the signal.
STOPPED = {"interrupted": 130, "terminated": 143}

# By which words libraries say that memory ran out, where they have no error of their own for it.
_NO_MEMORY = re.compile(
    r"DefaultCPUAllocator|(not enough|out of|cannot allocate|can't allocate) memory|can't start new thread|failed to map segment"
    r"|bad_alloc|_ALLOC_FAILED",
    re.IGNORECASE,
)
_REQUESTED_AMOUNT = re.compile(r"(?:allocate|alloc of size|resize to) ([\d,.]+)\s*([KMGT]i?B|bytes|\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One error: its code, its text (`what`) and its location (`where`).

    `excerpt` holds the lines to print under a `|` (source text with a caret, or offending rows), `why` the reason if it is not obvious,
    `hints` the remedies, and `kept` the name of the data that are already saved.
    """

    code: str
    what: str
    where: str = ""
    excerpt: Sequence[str] = ()
    why: str = ""
    hints: Sequence[str] = ()
    kept: str = ""

    def __str__(self) -> str:
        prefix = f"{self.where}: " if self.where else ""
        hint = f"; {self.hints[0]}" if self.hints else ""
        return f"{prefix}{self.what}{hint}"


class DataWarning(UserWarning):
    """A warning about the data behind a result. The command line prints it after a `!`; Python warns with this class.

    >>> with warnings.catch_warnings(record=True, action="always", category=disttrain.DataWarning) as caught:
    ...     forecast = disttrain.load("runs/norris").predict(pd.DataFrame({"x": [0.0, None]}))
    >>> print(caught[0].message)
    x: 1 row without a value, imputed
    """


class DisttrainError(Exception):
    """The base of all errors of disttrain: one or more findings of one kind, and the exit code of the command.

    >>> try:
    ...     disttrain.CrossEntropy("gama")
    ... except disttrain.DisttrainError as error:
    ...     print(error.exit_code, error)
    2 CrossEntropy: `gama` is not a family; did you mean `gamma`?
    """

    exit_code = 70

    def __init__(self, *findings: Finding, summary: str = "") -> None:
        super().__init__("\n".join(str(finding) for finding in findings) or summary)
        self.findings = findings
        self.summary = summary


class AnswerIsNo(DisttrainError):
    """The command ran and its answer is no: `check --strict` found warnings, or a score misses `evaluate --require`."""

    exit_code = 1


class UsageError(DisttrainError):
    """The command line is invalid; nothing was run."""

    exit_code = 2


class ConfigError(UsageError):
    """The config file is wrong; nothing was run."""


class DataError(DisttrainError):
    """A file or column is missing, of the wrong type, or holds values the distribution cannot produce."""

    exit_code = 3


class FitFailed(DisttrainError):
    """The fit failed: a number is not finite, or memory ran out. The error names the saved best epoch."""

    exit_code = 4


class OutOfMemory(FitFailed):
    """Memory ran out, on the machine or on its accelerator. Files that were saved before stay."""


class RunUnreadable(DisttrainError):
    """A run or model folder is missing, corrupt, unsafe or of a newer format."""

    exit_code = 5


class StorageError(DisttrainError):
    """The disk is full, a folder is read-only, a permission is missing."""

    exit_code = 6


class ReaderLeft(DisttrainError):
    """The reader of standard output closed it early. This is no fault, and the program prints no message."""

    exit_code = 141


class OutputExists(DisttrainError):
    """The output exists without `--overwrite`, or another process has locked the run."""

    exit_code = 7


class Interrupted(DisttrainError):
    """Ctrl-C: the fit finished its batch and saved the best epoch."""

    exit_code = STOPPED["interrupted"]


def word_of(fault: BaseException) -> str:
    """The word of STOPPED in a KeyboardInterrupt; `interrupted` if it has none, as for Python's own Ctrl-C."""
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
    """The StorageError for a failed write to the file, folder or stream `where`, with the reason and a hint."""
    code, hint = _REASONS.get(error.errno or 0, _OTHER)
    reason = os.strerror(error.errno) if error.errno else str(error)
    if where == "stdout":
        closed = error.errno == errno.EBADF
        reason, hint = ("it is closed", _CLOSED) if closed else (reason, "send the output to another disk")
        return StorageError(Finding(code, f"cannot write to stdout: {reason}", where, hints=(hint,)))
    return StorageError(Finding(code, f"cannot write: {reason}", where, hints=(hint,)))


@contextmanager
def enough_memory(*hints: str, saved: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Turn every out-of-memory error of a library in the block into OutOfMemory. `saved` returns the name of the saved data."""
    try:
        yield
        return
    except Exception as fault:
        if not _of_memory(fault):
            raise
        amount = _requested_amount(str(fault))
        # The frames that the fault came through keep alive all that filled the memory.
        clear_frames(fault.__traceback__)
    raise OutOfMemory(Finding("out-of-memory", f"memory ran out{amount}", hints=hints, kept=saved()))


def _of_memory(fault: Exception) -> bool:
    if isinstance(fault, DisttrainError):
        return False
    named = isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError"
    return named or getattr(fault, "errno", None) == errno.ENOMEM or bool(_NO_MEMORY.search(str(fault)) and isinstance(fault, _RAISED))


_RAISED = (RuntimeError, ImportError, OSError)


def bytes_requested(message: str) -> float:
    """The number of bytes that an out-of-memory message says were requested; 0 if it has no number."""
    if (match := _REQUESTED_AMOUNT.search(message)) is None:
        return 0.0
    unit = (match[2] or "B").upper()
    power = 0 if unit == "BYTES" else "BKMGT".index(unit[0])
    factor: float = (1024.0 if unit[1:2] == "I" else 1000.0) ** power
    return float(match[1].replace(",", "").rstrip(".") or 0) * factor


def _requested_amount(message: str) -> str:
    number = bytes_requested(message)
    return f": {number / 1e6:,.1f} MB were asked for at once" if number else ""
