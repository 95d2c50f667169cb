"""Conversion between Arrow columns and NumPy arrays through their buffers.

`ChunkedArray.to_numpy`, `pa.array`, `pa.table`, `pa.scalar` and `take` of a NumPy array import pandas on first use, which costs a fifth of
a second and 50 MiB. Buffers import nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# A column as one array or as its chunks; the rows of a table or record batch.
Column: TypeAlias = "pa.Array | pa.ChunkedArray"
Batch: TypeAlias = "pa.Table | pa.RecordBatch"
Value = TypeVar("Value", bound=np.generic)

# The largest whole number up to which float64 holds all of them.
LARGEST_WHOLE = 2**53
# Floats from here on Arrow writes with an exponent.
FIRST_EXPONENT = 1e10
SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def is_number(kind: pa.DataType) -> bool:
    """True if an Arrow type holds numbers: integers, floats or decimals."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """True if an Arrow type holds text."""
    return bool(pa.types.is_string(kind))


def is_time(kind: pa.DataType) -> bool:
    """True if an Arrow type holds dates or timestamps."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """True if an Arrow type holds bytes, which need not be text."""
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind)
    )


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the Arrow type under which a column is read: dictionaries become their value type, all text types become one."""
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    return kind


def joined(column: Column) -> pa.Array:
    """Return the column as one contiguous Arrow array of its plain type."""
    stored = column.type
    kind = plain(stored)
    # First the type: dictionaries of many chunks need not fit the indices of one.
    array = column if kind is stored else column.cast(kind)
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()


def bits(column: Column) -> NDArray[np.bool_]:
    """Return the values of a boolean column without nulls, (n,)."""
    array = joined(column)
    if not len(array):
        return np.zeros(0, dtype=bool)
    packed = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    return np.unpackbits(packed, count=array.offset + len(array), bitorder="little")[array.offset :].astype(bool)


def nulls(array: pa.Array) -> NDArray[np.bool_]:
    """Return a mask (n,) of the null rows."""
    return bits(array.is_null()) if array.null_count else np.zeros(len(array), dtype=bool)


def missing_values(column: Column) -> NDArray[np.bool_]:
    """Return a mask (n,) of the rows without a value (null or NaN), for a column of any type."""
    array = joined(column)
    if pa.types.is_floating(array.type):
        return np.array(numbers(array)[1])
    return nulls(array)


def plain_values(array: pa.Array, dtype: type[Value]) -> NDArray[Value]:
    """Return the raw buffer of a fixed-width column, (n,). The content at nulls is arbitrary."""
    if not len(array):
        return np.zeros(0, dtype=dtype)
    return np.frombuffer(array.buffers()[1], dtype=dtype)[array.offset : array.offset + len(array)]


def numbers(column: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values of a column of numbers or booleans as float64, (n,), and a mask (n,) of the missing ones (null or NaN).

    Missing values read as NaN. An array without nulls may share memory with the column and is then read-only.
    """
    array = joined(column)
    missing = nulls(array)
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan), np.ones(len(array), dtype=bool)
    if pa.types.is_boolean(array.type):
        values = bits(array).astype(np.float64)
    else:
        same = array if pa.types.is_float64(array.type) else pc.cast(array, pa.float64(), safe=False)
        values = plain_values(same, np.float64)
    if array.null_count:
        values = np.where(missing, np.nan, values)
    not_numbers = np.isnan(values)
    return values, not_numbers if not_numbers.any() else missing


def integers(array: pa.Array) -> NDArray[np.int64]:
    """Return the values of a column of integers as int64, (n,). Unsigned values that do not fit wrap around; nulls are 0."""
    same = pc.cast(array, pa.int64(), safe=False)
    return np.where(nulls(array), 0, plain_values(same, np.int64))


def beyond_float(array: pa.Array) -> NDArray[np.bool_]:
    """Return a mask (n,) of the integers beyond 2^53, where float64 cannot distinguish neighbours, in a column of integers or decimals.

    A decimal type with digits after the point holds no integers.
    """
    kind = array.type
    if pa.types.is_integer(kind) and kind.bit_width == 64:
        signed = pa.types.is_signed_integer(kind)
        values = plain_values(array, np.int64 if signed else np.uint64)
        too_large = (values > LARGEST_WHOLE) | (values < -LARGEST_WHOLE) if signed else values > LARGEST_WHOLE
        return too_large & ~nulls(array)
    if pa.types.is_decimal(kind) and kind.scale == 0:
        most = text_column([str(LARGEST_WHOLE)]).cast(pa.decimal128(38, 0))[0]
        return bits(pc.greater(pc.abs(array), most).fill_null(False))
    return np.zeros(len(array), dtype=bool)


def texts(column: Column) -> pa.Array:
    """Return the column as text, an Arrow string array (n,), null where missing. The number 7 reads `7`, stored as 7 or as 7.0.

    A timestamp reads the same in every unit and zone: with as many digits as it needs, and in UTC if the column has a zone.
    """
    array = joined(column)
    if pa.types.is_float16(array.type):
        array = pc.cast(array, pa.float32())
    if pa.types.is_timestamp(array.type):
        return time_texts(array)
    text = pc.cast(array, pa.string())
    if not pa.types.is_floating(array.type):
        return text
    text = pc.if_else(pc.is_null(array, nan_is_null=True), pa.nulls(len(text), pa.string()), text)
    values = np.abs(numbers(array)[0])
    long = (values >= FIRST_EXPONENT) & (values <= LARGEST_WHOLE) & (values == np.floor(values))
    return pc.if_else(boolean_column(long), pc.cast(pc.cast(array, pa.int64(), safe=False), pa.string()), text) if long.any() else text


def time_texts(array: pa.Array) -> pa.Array:
    same = array if array.type.tz is None else pc.cast(array, pa.timestamp(array.type.unit, tz="UTC"))
    return pc.replace_substring_regex(pc.cast(same, pa.string()), r"(?:(\.\d*[1-9])0*|\.0+)(Z?)$", r"\1\2")


def instants(array: pa.Array) -> NDArray[np.int64]:
    """Return a column of dates or timestamps as whole seconds since 1970-01-01, (n,), in UTC if it has a time zone. Nulls are 0."""
    if pa.types.is_date32(array.type):
        seconds = plain_values(array, np.int32).astype(np.int64) * 86_400
    elif pa.types.is_date64(array.type):
        seconds = plain_values(array, np.int64) // 1000
    else:
        seconds = plain_values(array, np.int64) // SECONDS[array.type.unit]
    return np.where(nulls(array), 0, seconds)


def float_column(values: NDArray[np.float64], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return an Arrow float64 array over `values`, (n,), without a copy; null where `missing`."""
    return fixed_width(pa.float64(), np.ascontiguousarray(values, dtype=np.float64), missing)


def integer_column(values: NDArray[np.integer], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return an Arrow int64 array (n,), null where `missing`."""
    return fixed_width(pa.int64(), np.ascontiguousarray(values, dtype=np.int64), missing)


def fixed_width(kind: pa.DataType, values: NDArray[np.float64 | np.int64], missing: NDArray[np.bool_] | None) -> pa.Array:
    valid = None if missing is None or not missing.any() else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def chosen_texts(values: Sequence[str], codes: NDArray[np.integer], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return an Arrow string array (n,): `values[code]` for the code of each row, null where `missing`."""
    return text_column(values).take(integer_column(codes, missing))


def boolean_column(values: NDArray[np.bool_]) -> pa.Array:
    """Return an Arrow boolean array (n,), the argument type of `Table.filter`."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))])


def text_column(values: Sequence[str]) -> pa.Array:
    """Return an Arrow string array (n,)."""
    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))])
