"""Opening of input files: the kind of a path, the format of its first bytes, and library errors as DataError."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from disttrain.config.messages import nearest_file
from disttrain.data.messages import display, display_path
from disttrain.errors import DataError, Finding, bytes_requested

STDIN = Path("-")
# Where a writer writes: a path or an open binary file.
Sink: TypeAlias = "str | Path | BinaryIO | pa.NativeFile"
HEAD_BYTES = 65_536
# Who asks for more bytes at once believes a broken file; for less, memory has run out.
_LIE = 1 << 30

MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "feather",
    b"\xff\xff\xff\xff": "arrow",
    b"FEA1": "feather, version 1",
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"PK\x03\x04": "zip (or a spreadsheet)",
    b"\xfd7zXZ": "xz",
    b"{": "ndjson",
}
# Compressed text that is read directly, by suffix; the suffix before it names the format inside.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
# What to do with a file that is read in no format.
UNPACKING = {
    "zip": "unpack it (`unzip FILE`), or save a spreadsheet as CSV",
    "xz": "unpack it: `unxz -k FILE`",
    "feather, version 1": "write it anew as Feather version 2, Arrow or Parquet",
    "gzip": "unpack it: `gunzip -k FILE`",
    "zstd": "unpack it: `zstd -d FILE`",
    "bz2": "unpack it: `bunzip2 -k FILE`",
    # Suffixes of other programs, whose files are no text either.
    **dict.fromkeys(("xlsx", "xlsm", "xlsb", "xls", "ods"), "save the sheet as CSV, or write it as Parquet"),
    **dict.fromkeys(
        (
            "sas7bdat",
            "xpt",
            "dta",
            "sav",
            "rds",
            "rda",
            "rdata",
            "pkl",
            "pickle",
            "npy",
            "npz",
            "h5",
            "hdf5",
            "db",
            "sqlite",
            "duckdb",
            "orc",
            "avro",
        ),
        "write it as Parquet or CSV with the program that reads it",
    ),
}


@functools.cache
def stdin_bytes() -> bytes:
    """Read all of standard input, once: the schema and the rows are two passes over it. Returns no bytes if it is closed."""
    # Python has no stream for a descriptor that is closed, as `<&-` and some schedulers leave it.
    return b"" if sys.stdin is None else sys.stdin.buffer.read()


def has_piped_data() -> bool:
    """True if data comes through standard input and standard input is not a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return False
    with reading(STDIN, "text"):
        return bool(stdin_bytes())


def not_a_file(path: Path) -> Finding | None:
    """Return the finding if `path` cannot be input (absent, a folder, a pipe, a device); None for a regular file and for standard input."""
    if path == STDIN:
        return None
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Finding("missing-file", "there is no such file", display_path(path), hints=other_file(path))
    except (OSError, ValueError) as fault:
        return Finding("unreadable-file", display(fault), display_path(path))
    if stat.S_ISREG(mode):
        return None
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
    return Finding(
        "not-a-file", f"{kind}, not a file", display_path(path), hints=("to read a stream, give `-` and pipe it into disttrain",)
    )


def other_file(path: Path) -> tuple[str, ...]:
    """Return a hint to the file of a similar name in the same folder, if there is one."""
    try:
        names = sorted(entry.name for entry in islice(path.parent.iterdir(), 10_000))
    except (OSError, ValueError):
        return ()
    suggestion = nearest_file(path.name, names)
    return () if suggestion is None else (f"did you mean `{display_path(path.parent / suggestion)}`?",)


def opened(path: Path) -> pa.NativeFile:
    """Open the bytes of the file, or of standard input, as an Arrow input and context manager. Raises DataError if it is no regular
    file.
    """
    if fault := not_a_file(path):
        raise DataError(fault)
    if path == STDIN:
        return pa.BufferReader(stdin_bytes())
    return pa.OSFile(os.fsencode(path))


def compression_of(path: Path) -> str | None:
    """Return the compression of the file (gzip, zstd, bz2), from its first bytes and not its name; None if it is uncompressed."""
    with opened(path) as file:
        first = bytes(file.read(4))
    name = looks_like(first)
    return name if name in COMPRESSIONS.values() else None


def opened_text(path: Path, encoding: str = "utf-8") -> pa.NativeFile:
    """Open the text of the file, uncompressed and as UTF-8, as an Arrow input and context manager."""
    kind = compression_of(path)
    stream = opened(path) if kind is None else pa.CompressedInputStream(opened(path), kind)
    return stream if encoding == "utf-8" else pa.transcoding_input_stream(stream, encoding, "utf-8")


def head(path: Path) -> bytes:
    """Return the first 64 KiB of the file, uncompressed."""
    with reading(path, "text"), opened_text(path) as file:
        return read_up_to(file, HEAD_BYTES)


def read_up_to(file: pa.NativeFile, size: int) -> bytes:
    # A stream of compressed bytes gives what one block holds, however much is asked for.
    content = b""
    while len(content) < size and (block := bytes(file.read(size - len(content)))):
        content += block
    return content


def looks_like(first: bytes) -> str:
    """Return the format that these first bytes suggest; empty if they suggest none."""
    return next((name for magic, name in MAGIC.items() if first.startswith(magic)), "")


def unreadable(path: Path, name: str, fault: BaseException) -> DataError:
    hints = []
    try:
        with opened(path) as file:
            first = bytes(file.read(HEAD_BYTES))
    except (DataError, OSError):
        first = b"?"
    if not first:
        return DataError(empty_file(path))
    seems = looks_like(first)
    if seems in COMPRESSIONS.values() and name not in ("csv", "ndjson", "text"):
        hints.append(f"only text is read compressed; {UNPACKING[seems]}")
    elif seems and seems.split(",")[0] not in {name, "arrow", "feather", *COMPRESSIONS.values()}:
        unpack = UNPACKING.get(seems.split(" ")[0], UNPACKING.get(seems, ""))
        hints.append(f"its first bytes look like {seems}; {unpack or f'name it so, or set `data.format: {seems}`'}")
    if "UTF8" in str(fault) or isinstance(fault, UnicodeError):
        hints += other_encoding(name)
    reason = display(str(fault).strip().split("\n")[0] or type(fault).__name__, 200)
    return DataError(Finding("unreadable-file", f"cannot be read as {name}: {reason}", display_path(path), hints=tuple(hints)))


def other_encoding(name: str) -> list[str]:
    """Return the hints for a file of the format `name` whose text is not UTF-8. Arrow reports such values, Python such names."""
    if name not in ("csv", "ndjson"):
        return ["write it anew with its text, and the names of its columns, in UTF-8"]
    # Some commands have no config.
    config_hint = ["or, in a config, set `data.csv: {encoding: latin-1}`"] if name == "csv" else []
    return [f"convert it to UTF-8: `iconv -f LATIN1 -t UTF-8 OLD.{name} > NEW.{name}`", *config_hint]


def empty_file(path: Path) -> Finding:
    """Return the finding about a file without a byte, or with line ends alone."""
    what = "nothing comes through standard input" if path == STDIN else "the file is empty"
    return Finding("empty-file", what, display_path(path))


@contextmanager
def reading(path: Path, name: str) -> Iterator[None]:
    """Turn the errors of Arrow about a broken file of the format `name` into one DataError that names the file."""
    try:
        yield
    except pa.ArrowCancelled:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError, KeyError) as fault:
        if isinstance(fault, MemoryError) and 0 < bytes_requested(str(fault)) < _LIE:
            raise
        raise unreadable(path, name, fault) from fault


def require_text(path: Path, name: str, first: bytes) -> None:
    """Raise DataError if a text file with these first bytes, uncompressed, is empty, compressed twice, binary, or UTF-16 without a byte
    order mark.
    """
    if not first:
        raise DataError(empty_file(path))
    if (inside := looks_like(first)) in COMPRESSIONS.values():
        hints = (f"{UNPACKING[inside]}; one compression is read as it is",)
        raise DataError(
            Finding("unreadable-file", f"it is compressed twice: what is inside is {inside} again", display_path(path), hints=hints)
        )
    if first[:2] in (b"\xff\xfe", b"\xfe\xff") or (b"\0" in first and not looks_like(first)):
        hints = (f"convert it: `iconv -f UTF-16 -t UTF-8 OLD.{name} > NEW.{name}`",)
        raise DataError(Finding("not-utf8", "the text is not UTF-8; it looks like UTF-16 or binary", display_path(path), hints=hints))
    if b"\0" in first:
        raise unreadable(path, name, ValueError("it holds NUL bytes"))


def stamp(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in nanoseconds, which change if the file is rewritten."""
    if path == STDIN:
        return 0, 0
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def digest(path: Path) -> dict[str, str | int]:
    """Return the size in bytes and the SHA-256 of a file."""
    sha, size = hashlib.sha256(), 0
    with reading(path, "a file"), opened(path) as file:
        while block := file.read(1 << 20):
            sha.update(block)
            size += len(block)
    return {"size": size, "sha256": sha.hexdigest()}


def half_of_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        # Systems that do not say have it noticed by the allocator.
        return 1 << 62
