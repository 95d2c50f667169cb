"""Opening input files: what kind of thing a path is, what its first bytes say, and library errors told as ours."""

from __future__ import annotations

import functools
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from disttrain.data.findings import place, shown
from disttrain.errors import DataError, Finding, bytes_asked

__all__ = ["SMALL_FILE", "STDIN", "head", "looks_like", "not_a_file", "opened", "reading", "require_utf8", "size_of"]

STDIN = Path("-")
HEAD_BYTES = 65_536
SMALL_FILE = 1 << 20
# Who asks for more bytes at once believes a broken file; for less, memory has run out.
_LIE = 1 << 30

MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "feather",
    b"\xff\xff\xff\xff": "arrow",
    b"FEA1": "feather, version 1",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip (or a spreadsheet)",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"{": "ndjson",
}


@functools.cache
def stdin_bytes() -> bytes:
    # Standard input can be read once only, and a schema and its rows are two passes.
    return sys.stdin.buffer.read()


def not_a_file(path: Path) -> Finding | None:
    """Why `path` cannot be input (absent, a folder, a pipe, a device), or None where it is a regular file or standard input."""
    if path == STDIN:
        return None
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Finding("missing-file", "there is no such file", place(path))
    except (OSError, ValueError) as fault:
        return Finding("unreadable-file", shown(fault), place(path))
    if stat.S_ISREG(mode):
        return None
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
    return Finding("not-a-file", f"{kind}, not a file", place(path), hints=("to read a stream, give `-` and pipe it into disttrain",))


def opened(path: Path) -> Any:
    """The file, or standard input, as an Arrow input to be used as a context. Raises DataError where it is no regular file."""
    if fault := not_a_file(path):
        raise DataError(fault)
    if path == STDIN:
        return pa.BufferReader(stdin_bytes())
    return pa.OSFile(str(path))


def size_of(path: Path) -> int:
    """Bytes of the file."""
    if path == STDIN:
        return len(stdin_bytes())
    return path.stat().st_size


def head(path: Path) -> bytes:
    """The first 64 KiB of the file."""
    with opened(path) as file:
        return bytes(file.read(HEAD_BYTES))


def looks_like(first: bytes) -> str:
    """The format that a file with these first bytes seems to have; empty where they say nothing."""
    return next((name for magic, name in MAGIC.items() if first.startswith(magic)), "")


def unreadable(path: Path, name: str, fault: BaseException) -> DataError:
    hints = []
    try:
        first = head(path)
    except (DataError, OSError):
        first = b"?"
    if not first:
        return DataError(Finding("empty-file", "the file is empty (0 bytes)", place(path)))
    seems = looks_like(first)
    if seems and seems.split(",")[0] not in {name, "arrow", "feather"}:
        hints.append(f"its first bytes look like {seems}; name it so, or set `data.format`")
    if name == "csv":
        hints += csv_hints(first, str(fault))
    reason = shown(str(fault).strip().split("\n")[0] or type(fault).__name__, 200)
    return DataError(Finding("unreadable-file", f"cannot be read as {name}: {reason}", place(path), hints=hints))


def csv_hints(first: bytes, fault: str) -> list[str]:
    header = first.split(b"\n", 1)[0]
    if b"," not in header and (b";" in header or b"\t" in header):
        return ["values are separated by commas here, and numbers written 1.5; this file seems to use another separator"]
    if "UTF8" in fault:
        return ["convert it to UTF-8: `iconv -f LATIN1 -t UTF-8 OLD.csv > NEW.csv`"]
    return []


@contextmanager
def reading(path: Path, name: str) -> Iterator[None]:
    """What Arrow says of a broken file of the format `name`, as one DataError that names the file."""
    try:
        yield
    except pa.ArrowCancelled:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, KeyError) as fault:
        if isinstance(fault, MemoryError) and 0 < bytes_asked(str(fault)) < _LIE:
            raise
        raise unreadable(path, name, fault) from fault


def require_utf8(path: Path, name: str) -> None:
    """Raise DataError where a text file is empty, binary or UTF-16."""
    first = head(path)
    if not first:
        raise DataError(Finding("empty-file", "the file is empty (0 bytes)", place(path)))
    if first[:2] in (b"\xff\xfe", b"\xfe\xff") or (b"\0" in first and not looks_like(first)):
        hints = (f"convert it: `iconv -f UTF-16 -t UTF-8 OLD.{name} > NEW.{name}`",)
        raise DataError(Finding("not-utf8", "the text is not UTF-8; it looks like UTF-16 or binary", place(path), hints=hints))
    if b"\0" in first:
        raise unreadable(path, name, ValueError("it holds NUL bytes"))
