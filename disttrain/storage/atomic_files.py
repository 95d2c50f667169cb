"""Atomic writes: a temporary file beside the target is written, synced and renamed, then the folder is synced."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from disttrain.errors import Finding, OutputExists, StorageError, cannot_write
from disttrain.storage import locks
from disttrain.storage.system_calls import BYTES, HELD_FILES_MOVE, NO_LINK, NO_WAITING

_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn any OSError of the block into a StorageError (exit 6) with `path`, the reason and a hint."""
    try:
        yield
    except OSError as error:
        raise cannot_write(error, str(path)) from error


@contextmanager
def replacing(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield an empty temporary file beside `path` for the block to fill. It replaces `path` if the block succeeds and is removed if not.

    `path` stays readable, with old or new content, at every moment. Leftovers of killed writers are removed.

    Raises StorageError if the disk refuses (an OSError of the block counts), or if `path` is a link, a folder or a device;
    OutputExists if the file exists and `overwrite` is false, even if it appeared while the block ran.
    """
    path = Path(path)
    with reported(path):
        _require_free(path, overwrite)
        _sweep(path)
        part, lock = _part(path)
        try:
            yield part
            sync(part)
            _move_into_place(part, path, overwrite)
            sync(path.parent)
        finally:
            _discard(part, lock)


def write_bytes(path: Path, data: bytes | bytearray) -> None:
    """Write `data` to `path`, atomically. Raises StorageError."""
    with replacing(path) as part, part.open("wb") as out:
        out.write(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, atomically, with its own line ends. Raises StorageError."""
    write_bytes(path, text.encode())


_LONG_JSON = 500_000


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Write `document` as JSON to `path`, atomically. Raises StorageError.

    Raises ValueError if a number is not finite, since JSON has no word for it.
    """
    write_bytes(path, json_bytes(document))


def json_bytes(document: Mapping[str, object]) -> bytes:
    """The document as JSON in UTF-8, keys in their order, indented if it is short. Raises ValueError if a number is not finite."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # Of thousands of columns nobody reads line by line, and indenting takes several times as long.
    indent = 2 if len(text) < _LONG_JSON else None
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        return (text + "\n").encode()
    except UnicodeEncodeError:
        # A file name that is not UTF-8 reaches us as lone surrogates; only the escaped form can carry them.
        return (json.dumps(document, ensure_ascii=True, allow_nan=False, indent=indent) + "\n").encode()


def numbered(folder: Path, stem: str, suffix: str) -> Path:
    """The next free name `stem-001suffix` in `folder`: one above the highest there. Raises StorageError if the folder cannot be listed."""
    pattern = re.compile(rf"{re.escape(stem)}-(\d{{3,9}}){re.escape(suffix)}")
    with reported(folder):
        numbers = [int(match[1]) for name in os.listdir(folder) if (match := pattern.fullmatch(name))]
    return Path(folder) / f"{stem}-{max(numbers, default=0) + 1:03d}{suffix}"


def make_folder(folder: Path) -> None:
    """Create `folder` and its missing parents, and sync them. Raises StorageError."""
    if os.path.isdir(folder):
        return
    with reported(folder):
        missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync(path.parent)


def require_writable(folder: Path) -> None:
    """Raise StorageError unless a file can be written and synced in `folder`, or in its nearest parent that exists.

    Writes and removes a file, because permission bits say little on read-only mounts, full disks and for root.
    """
    existing = next(existing for existing in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(existing))
    with reported(folder):
        probe, lock = _part(existing / "probe")
        try:
            probe.write_bytes(bytes(4096))
            sync(probe)
        finally:
            _discard(probe, lock)


def sync(path: Path) -> None:
    """Sync the file or folder `path` to the disk. Raises OSError."""
    if not HELD_FILES_MOVE and os.path.isdir(path):
        return
    fd = os.open(path, (os.O_RDONLY if HELD_FILES_MOVE else os.O_RDWR) | BYTES)
    try:
        os.fsync(fd)
    except OSError as error:
        if not (error.errno in _NO_FOLDER_SYNC and stat.S_ISDIR(os.fstat(fd).st_mode)):
            raise
    finally:
        os.close(fd)


def _require_free(path: Path, overwrite: bool) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        # Renaming over /dev/null or over a link would destroy it; writing through a link would change something elsewhere.
        what = "there is something else than a regular file under this name; it is left alone"
        raise StorageError(Finding("not-a-file", what, where=str(path), hints=("choose another name",)))
    if not overwrite:
        raise _already_exists(path)


def _already_exists(path: Path) -> OutputExists:
    return OutputExists(Finding("output-exists", "the file exists", where=str(path), hints=("`--overwrite` replaces it",)))


def _move_into_place(part: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(part, path)
        return
    try:
        # Unlike a rename, a hard link cannot take a name that is in use.
        os.link(part, path)
    except FileExistsError as error:
        raise _already_exists(path) from error
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _require_free(path, overwrite)
        os.replace(part, path)


def _prefix(path: Path) -> str:
    # 200 of the 255 bytes that a file name may have, so that a long name still has room for the ending.
    return "." + os.fsencode(path.name)[:200].decode(errors="ignore") + "."


def _part(path: Path) -> tuple[Path, int | None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK | BYTES
    while True:
        part = path.parent / f"{_prefix(path)}{secrets.token_hex(8)}.part"
        lock = os.open(part, flags, 0o666)
        if not HELD_FILES_MOVE:
            # Who writes has it open, and nobody can remove it meanwhile; held by us it could not take its name.
            os.close(lock)
            return part, None
        try:
            if locks.hold(lock, part, unlockable=True):
                return part, lock
        except OSError:
            _discard(part, lock)
            raise
        os.close(lock)


def _discard(part: Path, lock: int | None) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)
    if lock is not None:
        os.close(lock)


def _sweep(path: Path) -> None:
    sweep(path.parent, re.escape(_prefix(path)))


def sweep(folder: Path, prefix: str = r"\..*\.") -> None:
    """Remove the temporary files of killed writers in `folder` whose names begin with the pattern `prefix`. Raises OSError."""
    pattern = re.compile(prefix + r"[0-9a-f]{16}\.part", re.DOTALL)
    for leftover in (folder / name for name in os.listdir(folder) if pattern.fullmatch(name)):
        with suppress(OSError):
            if not HELD_FILES_MOVE:
                leftover.unlink(missing_ok=True)
                continue
            fd = os.open(leftover, os.O_RDWR | NO_LINK | NO_WAITING | BYTES)
            try:
                # Its writer holds a lock while it lives, so what can be locked belongs to nobody.
                if locks.hold(fd, leftover, unlockable=False):
                    leftover.unlink(missing_ok=True)
            finally:
                os.close(fd)
