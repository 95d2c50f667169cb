"""System calls and flags for files that differ between operating systems, with replacements for those that Windows lacks."""

from __future__ import annotations

import os
from pathlib import Path

# Bytes as they are, and closed in child processes.
BYTES = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAITING = getattr(os, "O_NONBLOCK", 0)
# Windows neither renames nor removes a file that is open, and syncs no folders.
HELD_FILES_MOVE = os.name != "nt"


def read_at(fd: int, view: memoryview, offset: int) -> int:
    """Read bytes from `offset` of the open file into `view`. Returns their number, 0 at the end of the file. Raises OSError."""
    if (preadv := getattr(os, "preadv", None)) is not None:
        return int(preadv(fd, [view], offset))
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(view))
    view[: len(data)] = data
    return len(data)


def is_other_file(fd: int, path: Path) -> bool:
    """True if `path` does not name the open file, or only by a link. Raises OSError; FileNotFoundError if `path` does not exist."""
    return not os.path.samestat(os.fstat(fd), os.lstat(path))
