"""Safe reads of untrusted files: it opens only plain files, reads up to a limit, and parses only strict JSON."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from disttrain.errors import Finding, RunUnreadable
from disttrain.storage.system_calls import BYTES, NO_LINK, NO_WAITING, is_other_file, read_at

# A value of a JSON document.
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

JSON_LIMIT = 16 * 2**20  # bytes: a hundred thousand categories fit many times over
_VALUES = 2_000_000  # sixteen megabytes of `[],[],` would otherwise become 400 megabytes of objects


def unreadable(code: str, what: str, path: Path | str, *hints: str) -> RunUnreadable:
    """The RunUnreadable (exit 5) with the problem `what` of the file or folder `path`."""
    return RunUnreadable(Finding(code, what, where=str(path), hints=hints))


def open_regular(path: Path) -> int | None:
    """The descriptor of the regular file `path`; None if it does not exist. It never blocks and never follows a link.

    Raises RunUnreadable for a link, folder, FIFO, socket or device, and without permission.
    """
    try:
        # Looked at before it is opened, because opening alone can set a device in motion.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _special(path)
        fd = os.open(path, os.O_RDONLY | NO_LINK | NO_WAITING | BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable("unreadable", f"cannot be read: {os.strerror(error.errno or 0)}", path) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode) or (not NO_LINK and _is_link(fd, path)):
        os.close(fd)
        raise _special(path)
    return fd


def _is_link(fd: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return is_other_file(fd, path)
    return False


def fill(fd: int, size: int) -> bytearray:
    """The first `size` bytes of the open file `fd`, fewer if it is shorter. Raises OSError."""
    data = bytearray(min(size, os.fstat(fd).st_size))
    view, done = memoryview(data), 0
    while done < len(data) and (count := read_at(fd, view[done : done + 2**30], done)):
        done += count
    view.release()
    del data[done:]
    return data


def document(path: Path) -> bytearray | None:
    """The bytes of a JSON file; None if it does not exist. Raises RunUnreadable if it is not a plain file or larger than JSON_LIMIT."""
    fd = open_regular(path)
    if fd is None:
        return None
    try:
        size = os.fstat(fd).st_size
        if size > JSON_LIMIT:
            raise unreadable("too-large", f"is {size:,} bytes long; {JSON_LIMIT:,} are allowed", path)
        return fill(fd, JSON_LIMIT)
    except OSError as error:
        raise unreadable("unreadable", f"cannot be read: {os.strerror(error.errno or 0)}", path) from error
    finally:
        os.close(fd)


def parse(data: bytes | bytearray, path: Path | str) -> dict[str, Json]:
    """The JSON object in `data`: UTF-8, distinct keys, finite numbers. `path` names its file in messages.

    Raises RunUnreadable.
    """
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > _VALUES:
        raise unreadable("corrupt", f"holds more than {_VALUES:,} values", path)
    try:
        content = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_number, parse_float=_number)
    except RecursionError as error:
        raise unreadable("corrupt", "is nested too deeply", path) from error
    except ValueError as error:
        raise unreadable("corrupt", f"is not strict JSON: {_brief(error)}", path) from error
    if not isinstance(content, dict):
        raise unreadable("corrupt", "is not a JSON object", path)
    return content


def _unique(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        keys: set[str] = set()
        twice = next(key for key, _ in pairs if key in keys or keys.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} stands there twice")
    return mapping


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def _brief(error: ValueError) -> str:
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)[:120]


def _special(path: Path) -> RunUnreadable:
    hint = "copy the file itself to this place" if os.path.islink(path) else "put back the file that was saved there"
    return unreadable("not-a-file", "is not a regular file but a link, folder, pipe or device", path, hint)
