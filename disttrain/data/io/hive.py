"""Hive partitions: folders named `key=value` above a file are columns of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from disttrain.data.io.arrow_arrays import LARGEST_WHOLE, chosen_texts

__all__ = ["constant", "partition_types", "partitions"]

NULL = "__HIVE_DEFAULT_PARTITION__"


def partitions(path: Path) -> dict[str, str | None]:
    """The keys and values in the unbroken row of `key=value` folders right above the file; None is null."""
    found: list[tuple[str, str | None]] = []
    for folder in path.parents:
        key, sign, value = folder.name.partition("=")
        if not sign or not key:
            break
        found.append((unquote(key), None if value == NULL else unquote(value)))
    return dict(reversed(found))


def partition_types(paths: Sequence[Path], text: Collection[str]) -> dict[str, Any]:
    """One Arrow type for each key over all files: int64 where all values are whole numbers, else text, as are those in `text`."""
    values: dict[str, set[str]] = {}
    for path in paths:
        for key, value in partitions(path).items():
            values.setdefault(key, set()).update(() if value is None else (value,))
    return {key: pa.int64() if key not in text and all(map(is_whole, seen)) else pa.string() for key, seen in values.items()}


def is_whole(value: str) -> bool:
    digits = value.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and (digits == "0" or not digits.startswith("0"))
    return plain and int(digits[:17]) <= LARGEST_WHOLE


def constant(value: str | None, kind: Any, rows: int) -> Any:
    """An Arrow array of `rows` times the value."""
    if value is None:
        return pa.nulls(rows, kind)
    if pa.types.is_int64(kind):
        return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(np.full(rows, int(value), dtype=np.int64))])
    return chosen_texts([value], np.zeros(rows, dtype=np.int64))
