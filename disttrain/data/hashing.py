"""A 64-bit hash of each row's content: equal on every machine, in every file format and in every order of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import (
    LARGEST_WHOLE,
    Column,
    integers,
    is_number,
    is_text,
    is_time,
    joined,
    nulls,
    numbers,
    plain_values,
    texts,
)

Hashes = NDArray[np.uint64]

NULL = np.uint64(0x9E3779B97F4A7C15)
# Odd, so that multiplying by it loses no bit.
BASE = np.uint64(0x100000001B3)
BLOCK_BYTES = 1 << 20
WRAP = 2**64


def mixed(values: Hashes) -> Hashes:
    """Apply the finaliser of SplitMix64: a one-to-one map of 64-bit numbers whose bits look independent.

    Source: Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators, OOPSLA.
    """
    z = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    return np.asarray(z)


def column_hash(column: Column) -> Hashes | None:
    """Return a hash of each value, (n,), equal for equal values: 7 stored as integer or as float. None for nested types."""
    array = joined(column)
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), NULL, dtype=np.uint64)
    if is_number(kind) or pa.types.is_boolean(kind):
        return number_hash(array)
    if is_time(kind):
        # Files differ in the unit of time that they store, and in zone; the instant in microseconds does not.
        instants = array.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False)
        return np.where(nulls(array), NULL, plain_values(instants, np.int64).view(np.uint64))
    return text_hash(texts(array)) if is_text(kind) else None


def number_hash(array: pa.Array) -> Hashes:
    values, missing = numbers(array)
    # Adding 0 makes -0.0 the 0.0 that it equals.
    codes = (values + 0.0).view(np.uint64)
    if pa.types.is_integer(array.type):
        codes = np.where(np.abs(values) >= LARGEST_WHOLE, integers(array).view(np.uint64), codes)
    return np.where(missing, NULL, codes) if missing.any() else codes


def text_hash(array: pa.Array) -> Hashes:
    """Return Σ byte × BASE^position over the UTF-8 bytes modulo 2^64, mixed with the length, (n,). Computed in blocks, as it takes 32
    bytes a byte.
    """
    if array.nbytes <= BLOCK_BYTES:
        return block_hash(array) if len(array) else np.zeros(0, dtype=np.uint64)
    if len(array) == 1:
        return long_hash(array)
    half = len(array) // 2
    return np.concatenate([text_hash(array.slice(0, half)), text_hash(array.slice(half))])


def long_hash(array: pa.Array) -> Hashes:
    """Return the `text_hash` of one long text, (1,), computed in blocks of its bytes."""
    first, last = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + 2].tolist()
    data = np.frombuffer(array.buffers()[2], dtype=np.uint8)[first:last]
    powers = np.cumprod(np.full(BLOCK_BYTES, BASE, dtype=np.uint64))
    total, factor = 0, 1
    for start in range(0, len(data), BLOCK_BYTES):
        block = data[start : start + BLOCK_BYTES].astype(np.uint64) + np.uint64(1)
        total += factor * int((block * powers[: len(block)]).sum(dtype=np.uint64))
        factor = factor * int(powers[-1]) % WRAP
    return np.array([total % WRAP], dtype=np.uint64) ^ mixed(np.array([len(data)], dtype=np.uint64))


def block_hash(array: pa.Array) -> Hashes:
    ends = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    lengths = np.diff(ends)
    data = np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)[ends[0] : ends[-1]].astype(np.uint64)
    starts = ends[:-1] - ends[0]
    exponents = np.arange(len(data)) - np.repeat(starts, lengths)
    powers = np.cumprod(np.full(int(lengths.max(initial=0)) + 1, BASE, dtype=np.uint64))
    # reduceat gives the element itself for an empty stretch, and needs one more element where that stretch ends the data.
    terms = np.append((data + np.uint64(1)) * powers[exponents], np.uint64(0))
    sums = np.where(lengths > 0, np.add.reduceat(terms, starts), np.uint64(0))
    return np.where(nulls(array), NULL, sums ^ mixed(lengths.astype(np.uint64)))


def row_hash(table: pa.Table, exclude: tuple[str, ...]) -> Hashes:
    """Return a hash of each row, (n,), over all columns except `exclude`, independent of the order of the columns."""
    total: Hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in sorted(set(table.schema.names) - set(exclude)):
        codes = column_hash(table.column(name))
        if codes is not None:
            total = mixed(total * BASE ^ codes)
    return total
