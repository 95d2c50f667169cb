"""Hive partitions: folders named `key=value` above a file become columns of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from disttrain.data.io.arrow_arrays import LARGEST_WHOLE, chosen_texts

NULL = "__HIVE_DEFAULT_PARTITION__"


def partitions(path: Path) -> dict[str, str | None]:
    """Return the keys and values of the unbroken chain of `key=value` folders directly above the file. None is null."""
    pairs: list[tuple[str, str | None]] = []
    for folder in path.parents:
        key, sign, value = folder.name.partition("=")
        if not sign or not key:
            break
        pairs.append((unquote(key), None if value == NULL else unquote(value)))
    return dict(reversed(pairs))


def partition_types(paths: Sequence[Path], text: Collection[str]) -> dict[str, pa.DataType]:
    """Return one Arrow type for each key over all files: int64 if all its values are integers, else text. Keys in `text` are text."""
    values: dict[str, set[str]] = {}
    for path in paths:
        for key, value in partitions(path).items():
            values.setdefault(key, set()).update(() if value is None else (value,))
    return {key: pa.int64() if key not in text and all(map(is_whole, texts)) else pa.string() for key, texts in values.items()}


def is_whole(value: str) -> bool:
    digits = value.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and (digits == "0" or not digits.startswith("0"))
    return plain and int(digits[:17]) <= LARGEST_WHOLE


def constant(value: str | None, kind: pa.DataType, rows: int) -> pa.Array:
    """Return an Arrow array of `rows` copies of the value."""
    if value is None:
        return pa.nulls(rows, kind)
    if pa.types.is_int64(kind):
        return pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(np.full(rows, int(value), dtype=np.int64))])
    return chosen_texts([value], np.zeros(rows, dtype=np.int64))
