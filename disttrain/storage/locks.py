"""File locks that end with the process that holds them, even if it is killed."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import filelock

from disttrain.storage.system_calls import BYTES, HELD_FILES_MOVE, NO_LINK, is_other_file

_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF}


def hold(fd: int, path: Path, *, unlockable: bool) -> bool:
    """Lock the open file `fd`; true if the lock succeeds and `path` still names that file.

    `unlockable` is the result on file systems that have no locks.
    """
    try:
        # The last holder may have removed the file between our open and our lock: then the lock is on a file nobody else will find.
        return filelock.lock_descriptor(fd, blocking=False) and not is_other_file(fd, path)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return unlockable
        raise


def claim(path: Path) -> int | None:
    """The descriptor of the locked file `path` (created if absent), or None if another process holds the lock."""
    flags = os.O_RDWR | os.O_CREAT | NO_LINK | BYTES
    for _ in range(100):
        fd = os.open(path, flags, 0o666)
        try:
            if hold(fd, path, unlockable=True):
                os.ftruncate(fd, 0)
                os.write(fd, f"{os.getpid()}\n".encode())
                return fd
            replaced = _is_gone(fd, path)
        except OSError:
            os.close(fd)
            raise
        os.close(fd)
        if not replaced:
            return None
    return None


def release(fd: int, path: Path, owner: int) -> None:
    """Release the lock of process `owner` and remove its file; in a forked child the lock stays with the owner."""
    if os.getpid() != owner:
        os.close(fd)
        return
    if not HELD_FILES_MOVE:
        os.close(fd)
    # A read-only file system keeps the file, and the lock on it ends with the descriptor all the same.
    with suppress(OSError):
        path.unlink(missing_ok=True)
    if HELD_FILES_MOVE:
        os.close(fd)


def _is_gone(fd: int, path: Path) -> bool:
    try:
        return is_other_file(fd, path)
    except FileNotFoundError:
        return True
