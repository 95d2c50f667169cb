"""What operating systems have of the calls that files need: Windows lacks some flags, and what does without them stands here."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["BYTES", "HELD_FILES_MOVE", "NO_LINK", "NO_WAITING", "is_other_file", "read_at"]

# Bytes as they are, and closed in child processes.
BYTES = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAITING = getattr(os, "O_NONBLOCK", 0)
# Windows neither renames nor removes a file that is open, and syncs no folders.
HELD_FILES_MOVE = os.name != "nt"


def read_at(fd: int, view: memoryview, offset: int) -> int:
    """Fill `view` from the open file, from `offset` on: the number of bytes read, 0 at its end. Raises OSError."""
    if (preadv := getattr(os, "preadv", None)) is not None:
        return int(preadv(fd, [view], offset))
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(view))
    view[: len(data)] = data
    return len(data)


def is_other_file(fd: int, path: Path) -> bool:
    """Whether `path` does not name the open file, or only by a link. Raises OSError, FileNotFoundError where there is nothing."""
    return not os.path.samestat(os.fstat(fd), os.lstat(path))
