"""Common types for columns of one name in several files or sources, and the casts that lose nothing.

Integers stay integers, decimals keep their digits, and timestamps their instants. Values without another common type become text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.io.arrow_arrays import (
    SECONDS,
    Column,
    beyond_float,
    boolean_column,
    instants,
    is_number,
    is_text,
    is_time,
    texts,
)  # fmt: skip

Mask = NDArray[np.bool_]
Types: TypeAlias = "tuple[pa.DataType, ...]"
# The decimal digits of the largest value of each width in bits; those of 64 bits depend on the sign.
DIGITS = {8: 3, 16: 5, 32: 10}
MOST_DIGITS, MOST_SECONDS = 76, 2**63


def common_types(kinds: Iterable[pa.DataType]) -> Types:
    """Return candidate types for values of all these types, the best first; the first one that holds all values applies. Empty if only
    text does.
    """
    distinct = [kind for kind in dict.fromkeys(kinds) if not pa.types.is_null(kind)]
    if len(distinct) < 2:
        return (distinct[0] if distinct else pa.null(),)
    if all(map(is_number, distinct)):
        return common_numbers(distinct)
    return common_times(distinct) if all(map(is_time, distinct)) else ()


def common_numbers(kinds: Sequence[pa.DataType]) -> Types:
    """Return the common types of numeric types. Integers beyond 2^53 and long decimals share only text with floats."""
    if any(map(pa.types.is_floating, kinds)):
        exact = all(pa.types.is_floating(kind) or (pa.types.is_integer(kind) and kind.bit_width < 64) for kind in kinds)
        return (pa.float64(),) if exact else (pa.float64(), pa.string())
    scales = [kind.scale for kind in kinds if pa.types.is_decimal(kind)]
    unsigned = [kind == pa.uint64() for kind in kinds]
    if not scales and (not any(unsigned) or all(map(pa.types.is_unsigned_integer, kinds))):
        return (pa.uint64() if any(unsigned) else pa.int64(),)
    scale = max([0, *scales])
    digits = max(map(whole_digits, kinds)) + scale
    if digits > MOST_DIGITS:
        return (pa.float64(), pa.string())
    return (pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale),)


def whole_digits(kind: pa.DataType) -> int:
    """Return the maximal number of digits before the point of a type."""
    if pa.types.is_decimal(kind):
        return int(kind.precision - kind.scale)
    return DIGITS.get(kind.bit_width, 20 if pa.types.is_unsigned_integer(kind) else 19)


def common_times(kinds: Sequence[pa.DataType]) -> Types:
    """Return nanoseconds if one type has them and all values lie between 1677 and 2262, else microseconds. The zone is dropped if one
    type has none.
    """
    if all(map(pa.types.is_date, kinds)):
        return (pa.date32(),)
    zones = dict.fromkeys(getattr(kind, "tz", None) for kind in kinds)
    zone = None if None in zones else next(iter(zones)) if len(zones) == 1 else "UTC"
    units = ("ns", "us") if any(getattr(kind, "unit", "") == "ns" for kind in kinds) else ("us",)
    return tuple(pa.timestamp(unit, tz=zone) for unit in units)


def exactly(array: Column, kind: pa.DataType) -> Column | None:
    """Return the values in another type if each can be converted back unchanged; else None."""
    if array.type == kind:
        return array
    if is_text(kind):
        return texts(array)
    try:
        same = pc.cast(array, kind)
        rounded = pa.types.is_decimal(array.type) and pa.types.is_floating(kind)
        return same if not rounded or pc.cast(same, array.type).equals(array) else None
    except pa.ArrowInvalid:
        return None


def in_type(array: Column, kind: pa.DataType) -> tuple[Column, Mask | None]:
    """Return the values in another type, and a mask (n,) of the values that it cannot hold, or None. Those values become null.

    Fractions are rounded and nanoseconds truncated. An integer beyond 2^53 has no float, and some instants have no microsecond.
    """
    if array.type == kind:
        return array, None
    if is_text(kind):
        return texts(array), None
    wrong = unheld(array, kind)
    if wrong is None or not wrong.any():
        return pc.cast(array, kind, safe=wrong is None), None
    left = pc.if_else(boolean_column(wrong), pa.nulls(1, array.type)[0], array)
    return pc.cast(left, kind, safe=False), wrong


def unheld(array: Column, kind: pa.DataType) -> Mask | None:
    """Return a mask (n,) of the values that a type cannot hold; None if the cast itself detects them."""
    if pa.types.is_floating(kind) and is_number(array.type):
        return beyond_float(array)
    if is_time(array.type) and pa.types.is_timestamp(kind):
        return np.asarray(np.abs(instants(array)) >= MOST_SECONDS // SECONDS[kind.unit])
    return None


def in_one_type(columns: Sequence[Column]) -> list[Column]:
    """Return the same column of several sources in one type that holds all values: numbers or timestamps of different types; else text.

    Truth values together with numbers become 1 and 0.
    """
    if any(is_number(column.type) for column in columns):
        columns = [pc.cast(column, pa.int8()) if pa.types.is_boolean(column.type) else column for column in columns]
    kinds = common_types(column.type for column in columns)
    for kind in kinds:
        same = [exactly(column, kind) for column in columns]
        if all(array is not None for array in same):
            return same
    columns = [column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in columns]
    converted = [in_type(column, kinds[-1] if kinds else pa.string()) for column in columns]
    return [array for array, _ in converted] if all(wrong is None for _, wrong in converted) else [texts(column) for column in columns]
