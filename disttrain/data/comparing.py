"""Comparisons in the native type of a column: exact for 64-bit integers, decimals, float32, dates and nanoseconds."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, Context, Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.common_types import in_type
from disttrain.data.io.arrow_arrays import (
    Column,
    bits,
    boolean_column,
    float_column,
    instants,
    integer_column,
    is_number,
    is_text,
    is_time,
    joined,
    numbers,
    plain_values,
    text_column,
    texts,
)  # fmt: skip
from disttrain.data.text_values import one_time

Mask = NDArray[np.bool_]
# A value that the config lists, and one in the type of a column.
Scalar = str | bool | int | float
Stored = str | bool | int | float | Decimal
ARROW = {"==": "equal", "!=": "not_equal", "<=": "less_equal", ">=": "greater_equal", "<": "less", ">": "greater"}
PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
MOST_DIGITS = 76
# Python's own context rounds to 28 digits.
EXACT = Context(prec=MOST_DIGITS + 2, Emax=MAX_EMAX, Emin=MIN_EMIN)
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


class Incomparable(Exception):
    """The value is of another kind than the column."""


def compare(column: Column, sign: str, value: Decimal | bool | str) -> Mask:
    """Return a mask (n,) of the rows for which the comparison `sign` with a number, truth value or text (also of a date or time) holds.

    No comparison holds for a missing value. Raises Incomparable.
    """
    array = joined(column)
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros(len(array), dtype=bool)
    if isinstance(value, bool):
        if not pa.types.is_boolean(kind):
            raise Incomparable
        return compared_scalar(array, sign, column_of([value], kind)[0])
    if isinstance(value, Decimal):
        return compared_numbers(array, sign, value)
    if is_text(kind):
        return compared_scalar(array, sign, column_of([value], kind)[0])
    if is_time(kind):
        return compared_times(array, sign, value)
    raise Incomparable


def compared_scalar(array: pa.Array, sign: str, scalar: pa.Scalar) -> Mask:
    """Return the mask (n,) of the comparison of an array with an Arrow scalar, False at nulls."""
    return bits(pc.call_function(ARROW[sign], [array, scalar]).fill_null(False))


def compared_numbers(array: pa.Array, sign: str, value: Decimal) -> Mask:
    kind = array.type
    if pa.types.is_floating(kind):
        values, missing = numbers(array)
        return np.asarray(PYTHON[sign](values, as_float(value, kind)) & ~missing)
    if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise Incomparable
    return compared_exactly(array, sign, value)


def as_float(value: Decimal, kind: pa.DataType) -> float:
    """Return a number rounded to the float type of a column: 0.1 in the config equals 0.1 in a float32 column."""
    return (
        float(np.float32(value)) if pa.types.is_float32(kind) else float(np.float16(value)) if pa.types.is_float16(kind) else float(value)
    )


def compared_exactly(array: pa.Array, sign: str, value: Decimal) -> Mask:
    """Return the mask (n,) of the comparison of integers or decimals with a number. A number outside the range of the type, or between
    its values, is never equal.
    """
    present = bits(array.is_valid())
    least, most = limits(array.type)
    if not least <= value <= most:
        return present & bool(PYTHON[sign](0, value))
    below = floor(value, array.type)
    if value != below:
        if sign in ("==", "!="):
            return present & (sign == "!=")
        # k < 1.5 and k <= 1.5 are k <= 1; k > 1.5 and k >= 1.5 are k > 1.
        sign = "<=" if sign in ("<", "<=") else ">"
    same = widest(array)
    return compared_scalar(same, sign, column_of([below], same.type)[0])


def limits(kind: pa.DataType) -> tuple[Decimal, Decimal]:
    """Return the smallest and the largest number of a type of integers or decimals."""
    if pa.types.is_decimal(kind):
        most = Decimal((0, (9,) * kind.precision, -kind.scale))
        return most.copy_negate(), most
    width = kind.bit_width
    least, most = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if pa.types.is_signed_integer(kind) else (0, 2**width - 1)
    return Decimal(least), Decimal(most)


def floor(value: Decimal, kind: pa.DataType) -> Decimal | int:
    """Return the largest number of a type of integers or decimals that is at most `value`, a number within the limits of the type."""
    below = value.quantize(Decimal((0, (1,), -getattr(kind, "scale", 0))), ROUND_FLOOR, EXACT)
    return below if pa.types.is_decimal(kind) else int(below)


def widest(array: pa.Array) -> pa.Array:
    """Return decimals with Arrow's maximal precision and the scale of the column, half floats as float32, and other columns unchanged."""
    if pa.types.is_float16(array.type):
        return pc.cast(array, pa.float32())
    return pc.cast(array, pa.decimal256(MOST_DIGITS, array.type.scale)) if pa.types.is_decimal(array.type) else array


def compared_times(array: pa.Array, sign: str, text: str) -> Mask:
    moment = moment_of(text, array.type)
    unit = "ns" if moment.type.unit == "ns" or getattr(array.type, "unit", "") == "ns" else "us"
    try:
        left, right = pc.cast(array, pa.timestamp(unit)), pc.cast(moment, pa.timestamp(unit))
    except pa.ArrowInvalid:
        # Before 1677 or after 2262 nanoseconds leave 64 bits, and such times have none.
        (left, too_large), (right, _) = (in_type(part, pa.timestamp("us")) for part in (array, moment))
        if too_large is not None:
            # Nor do microseconds reach instants that whole seconds do.
            return np.where(too_large, PYTHON[sign](instants(array), instants(moment)[0]), compared_scalar(left, sign, right[0]))
    return compared_scalar(left, sign, right[0])


def moment_of(text: str, kind: pa.DataType) -> pa.Array:
    """Return the timestamp of a text, an Arrow array of length 1, for comparison with a column of this type. Raises Incomparable."""
    zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    moment = one_time(text_column([text.strip()]))
    if moment is None or (ZONE.search(text[10:]) and not zoned):
        raise Incomparable
    return moment


def is_listed(column: Column, values: Sequence[Scalar]) -> tuple[Mask, list[Scalar]]:
    """Return a mask (n,) of the rows with one of the listed values (numbers, texts, truth values), and the values that no row has.

    A number listed as text is a number if the column holds numbers.
    """
    array = joined(column)
    converted = [listed_value(value, array.type) for value in values]
    usable = [value for value in converted if value is not None]
    if not usable:
        return np.zeros(len(array), dtype=bool), list(values)
    compared = in_ticks(array) if is_time(array.type) else widest(array)
    chosen = column_of(usable, compared.type)
    some = bits(pc.is_in(compared, value_set=chosen)) & bits(array.is_valid())
    matched = (
        bits(pc.is_in(chosen, value_set=pc.unique(compared.filter(boolean_column(some)))))
        if some.any()
        else np.zeros(len(chosen), dtype=bool)
    )
    present = {value for value, is_matched in zip(usable, matched.tolist(), strict=True) if is_matched}
    return some, [value for value, item in zip(values, converted, strict=True) if item is None or item not in present]


def in_ticks(array: pa.Array) -> pa.Array:
    """Return a column of dates or times as integers in its unit."""
    return pc.cast(array, pa.timestamp(tick_of(array.type)), safe=False).view(pa.int64())


def tick_of(kind: pa.DataType) -> str:
    return "ns" if getattr(kind, "unit", "") == "ns" else "us"


def listed_time(text: str, kind: pa.DataType) -> int | None:
    """Return a listed time as an integer in the unit of a column; None if no value of the column can equal it."""
    try:
        moment = pc.cast(moment_of(text, kind), pa.timestamp(tick_of(kind)))
    except (Incomparable, pa.ArrowInvalid):
        return None
    return int(plain_values(moment, np.int64)[0])


def listed_value(value: Scalar, kind: pa.DataType) -> Stored | None:
    """Return a listed value in the type of a column; None if no value of the type can equal it."""
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}.get(str(value).lower())
    if is_text(kind) or is_time(kind):
        text = str(value).lower() if isinstance(value, bool) else plain_number(value)
        return listed_time(text, kind) if is_time(kind) else text
    if isinstance(value, bool) or not is_number(kind):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    if pa.types.is_floating(kind):
        return as_float(number, kind)
    least, most = limits(kind)
    return floor(number, kind) if least <= number <= most and number == floor(number, kind) else None


def plain_number(value: Scalar) -> str:
    """Return a listed value as text. The float 1.0 becomes `1`, as in columns of text."""
    return str(texts(float_column(np.array([value])))[0]) if isinstance(value, float) else str(value)


def column_of(values: Sequence[Stored], kind: pa.DataType) -> pa.Array:
    """Return values of one type as an Arrow array. Common types avoid `pa.array`, which imports pandas."""
    if is_text(kind):
        return text_column([str(value) for value in values])
    if pa.types.is_boolean(kind):
        return boolean_column(np.array(values, dtype=bool))
    if pa.types.is_floating(kind):
        return float_column(np.array(values, dtype=np.float64)).cast(kind)
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return integer_column(np.array(values, dtype=np.int64)).cast(kind)
    return pa.array(values, kind)


def order_of(column: Column) -> NDArray[np.int64]:
    """Return integer ranks (n,) that sort like the values of a column of numbers, times or text; equal values have equal ranks."""
    array = joined(column)
    array = pc.cast(array, pa.float32()) if pa.types.is_float16(array.type) else array
    ranks = pc.rank(array, sort_keys="ascending", tiebreaker="dense")
    return plain_values(ranks, np.uint64).astype(np.int64)
