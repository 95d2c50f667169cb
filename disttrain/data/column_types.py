"""The form in which a column is read. It follows from the role of the column, whatever its type in the file.

NAME: text, unchanged. NUMBER, BOOLEAN, TIME: values of that kind. EVENT: 1 and 0, also written true and false. AS_WRITTEN: copied
unchanged. NATIVE: the type of the column in the file, or the narrowest type that all cells fit if the format has no types; comparisons use
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.common_types import in_type
from disttrain.data.io.arrow_arrays import Column, boolean_column, is_bytes, is_number, is_text, is_time, joined, numbers, texts
from disttrain.data.io.csv_dialect import Dialect
from disttrain.data.text_values import (
    as_booleans,
    as_numbers,
    as_times,
    integers_beyond_float,
    is_truth_word,
    without_declared_words,
    without_marks,
    without_missing_words,
)

NAME, NUMBER, BOOLEAN, EVENT, TIME, AS_WRITTEN, NATIVE = "name", "number", "boolean", "event", "time", "as written", "native"
# The form of a feature of each kind.
FORM_OF_KIND = {"numeric": NUMBER, "categorical": NAME, "boolean": BOOLEAN, "datetime": TIME}

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Conformed:
    """A column in its form, and a mask (n,) of the cells that cannot be read so, or None.

    `truth` is a mask (n,) of the cells that write a number as true or false. They are 1 and 0 if all cells of the column are truth values.
    """

    array: pa.Array
    wrong: Mask | None = None
    truth: Mask | None = None


def conformed(column: Column, form: str, dialect: Dialect, native_type: pa.DataType | None = None) -> Conformed:
    """Return a column of any simple Arrow type in a form. `native_type` is the type of NATIVE. A type that the form does not admit is
    unchanged.
    """
    array = joined(column)
    kind = array.type
    if form == AS_WRITTEN or pa.types.is_nested(kind) or is_bytes(kind):
        return Conformed(array)
    if form == NATIVE:
        return Conformed(array if native_type is None else in_native_type(array, native_type, dialect))
    if form == NAME:
        return Conformed(names(array, dialect))
    if is_text(kind):
        values, wrong = READERS[form](array, dialect)
        if form == TIME:
            values = pc.cast(values, pa.timestamp("us"), safe=False)
        if form == NUMBER:
            return numbers_of_text(array, dialect, values, wrong | integers_beyond_float(array, values, dialect))
        return Conformed(values, wrong if wrong.any() else None)
    if form == BOOLEAN and is_number(kind):
        return zero_one(array)
    if form == TIME and is_time(kind):
        # Points in time as microseconds without a zone, in UTC.
        return Conformed(*in_type(array, pa.timestamp("us")))
    return Conformed(array)


def as_events(text: pa.Array, dialect: Dialect) -> tuple[pa.Array, Mask]:
    """Return truth values as 1 and 0, and a mask (n,) of the cells that are not truth values."""
    truth, wrong = as_booleans(text, dialect)
    return pc.cast(truth, pa.float64()), wrong


READERS = {NUMBER: as_numbers, EVENT: as_events, BOOLEAN: as_booleans, TIME: as_times}


def names(array: pa.Array, dialect: Dialect) -> pa.Array:
    """Return text unchanged and numbers as their shortest text. The missing-value words that the config declares become null, if matched
    exactly.
    """
    text = texts(array)
    return without_declared_words(text, dialect) if dialect.missing and is_text(array.type) else text


def numbers_of_text(text: pa.Array, dialect: Dialect, values: pa.Array, wrong: Mask) -> Conformed:
    """Return the numbers of a text column, with 1 and 0 for true and false."""
    truth = wrong & is_truth_word(text) if wrong.any() else wrong
    if truth.any():
        values = pc.if_else(boolean_column(truth), pc.cast(as_booleans(text, dialect)[0], pa.float64()), values)
        wrong = wrong & ~truth
    return Conformed(values, wrong if wrong.any() else None, truth if truth.any() else None)


def zero_one(array: pa.Array) -> Conformed:
    """Return the numbers 1 and 0 as true and false."""
    values, missing = numbers(array)
    wrong = ~missing & (values != 0) & (values != 1)
    truth = pa.Array.from_buffers(
        pa.bool_(), len(values),
        [pa.py_buffer(np.packbits(~(missing | wrong), bitorder="little")), pa.py_buffer(np.packbits(values == 1, bitorder="little"))],
    )  # fmt: skip
    return Conformed(truth, wrong if wrong.any() else None)


def in_native_type(array: pa.Array, native_type: pa.DataType, dialect: Dialect) -> pa.Array:
    """Return the cells of a file without types in their narrowest type, or a numeric column in a wider type."""
    if array.type == native_type and not (is_text(native_type) and dialect.missing):
        return array
    if is_text(native_type):
        return names(array, dialect)
    if not is_text(array.type):
        return in_type(array, native_type)[0]
    if pa.types.is_null(native_type):
        return pa.nulls(len(array))
    if pa.types.is_floating(native_type):
        return as_numbers(array, dialect)[0]
    if pa.types.is_boolean(native_type):
        return as_booleans(array, dialect)[0]
    if is_time(native_type):
        return pc.cast(as_times(array, dialect)[0], native_type, safe=False)
    return pc.cast(without_marks(without_missing_words(array, dialect), dialect), native_type)
