"""What a column is follows from the part it plays: the values of a file, of whatever type, in the form that this part needs.

NAME: text, character for character. NUMBER, BOOLEAN, TIME: values of that kind; EVENT: 1 and 0, also written true and false. AS_WRITTEN:
copied as it is. OWN: of the type that the file gives the column, or, where a file has no types, the narrowest that all of its cells fit;
comparisons are made in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.arrays import bits, is_number, is_text, is_time, joined, numbers, plain_values, text_column, texts
from disttrain.data.io.csv_dialect import Dialect
from disttrain.data.text_values import NO_TEXT, as_booleans, as_numbers, as_times, trimmed, without_missing_words

__all__ = [
    "AS_WRITTEN",
    "BOOLEAN",
    "EVENT",
    "FORM_OF_KIND",
    "NAME",
    "NUMBER",
    "OWN",
    "TIME",
    "Conformed",
    "conformed",
    "is_bytes",
    "in_one_type",
]

NAME, NUMBER, BOOLEAN, EVENT, TIME, AS_WRITTEN, OWN = "name", "number", "boolean", "event", "time", "as written", "own"
# The form of a feature of each kind.
FORM_OF_KIND = {"numeric": NUMBER, "categorical": NAME, "boolean": BOOLEAN, "datetime": TIME}

Mask = NDArray[np.bool_]
# The largest whole number up to which float64 holds all of them.
WHOLE = 2.0**53


@dataclass(frozen=True)
class Conformed:
    """A column in the form of its part, and which of its cells cannot be read so, (n,), or None where all can."""

    array: Any
    wrong: Mask | None = None


def conformed(column: Any, form: str, dialect: Dialect, own: Any = None) -> Conformed:
    """A column of any simple Arrow type in a form; `own` is the type of OWN. Types that the form does not admit come back as they are."""
    array = joined(column)
    kind = array.type
    if form == AS_WRITTEN or pa.types.is_nested(kind) or is_bytes(kind):
        return Conformed(array)
    if form == OWN:
        return Conformed(array if own is None or own == kind else in_own_type(array, own, dialect))
    if form == NAME:
        return Conformed(names(array, dialect))
    if is_text(kind):
        values, wrong = READERS[form](array, dialect)
        if form == TIME:
            values = pc.cast(values, pa.timestamp("us"), safe=False)
        if form == NUMBER:
            wrong = wrong | whole_beyond_float(array, values)
        if form == NUMBER and wrong.any() and not pc.any(values.is_valid()).as_py():
            values, wrong = truth_as_numbers(array, dialect, values, wrong)
        return Conformed(values, wrong if wrong.any() else None)
    if form == BOOLEAN and is_number(kind):
        return zero_one(array)
    if form == TIME and is_time(kind):
        return Conformed(utc(array))
    return Conformed(array)


def as_events(text: Any, dialect: Dialect) -> tuple[Any, Mask]:
    """Truth values as 1 and 0."""
    truth, wrong = as_booleans(text, dialect)
    return pc.cast(truth, pa.float64()), wrong


def is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


READERS = {NUMBER: as_numbers, EVENT: as_events, BOOLEAN: as_booleans, TIME: as_times}


def names(array: Any, dialect: Dialect) -> Any:
    """Text as it is, numbers as the shortest text of their value; null where it is one of the words, letter for letter, that are declared
    as missing in every column.
    """
    text = texts(array)
    if dialect.missing and is_text(array.type):
        declared = pc.is_in(trimmed(text), value_set=text_column(["", *dialect.missing]))
        return pc.if_else(declared, NO_TEXT, text)
    return text


def truth_as_numbers(array: Any, dialect: Dialect, values: Any, wrong: Mask) -> tuple[Any, Mask]:
    """True and false as 1 and 0, where a column of numbers holds nothing else."""
    truth, unclear = as_booleans(array, dialect)
    return (values, wrong) if unclear.any() else (pc.cast(truth, pa.float64()), unclear)


def zero_one(array: Any) -> Conformed:
    """Numbers 1 and 0 as true and false."""
    values, missing = numbers(array)
    wrong = ~missing & (values != 0) & (values != 1)
    truth = pa.Array.from_buffers(
        pa.bool_(), len(values),
        [pa.py_buffer(np.packbits(~(missing | wrong), bitorder="little")), pa.py_buffer(np.packbits(values == 1, bitorder="little"))],
    )  # fmt: skip
    return Conformed(truth, wrong if wrong.any() else None)


def utc(array: Any) -> Any:
    """Dates and points in time as timestamps in microseconds without a zone."""
    return pc.cast(array, pa.timestamp("us"), safe=False)


def in_own_type(array: Any, own: Any, dialect: Dialect) -> Any:
    """The cells of a file without types in the type that they all fit, or a column of some numeric type in a wider one."""
    if not is_text(array.type) or is_text(own):
        return pc.cast(array, own, safe=False)
    if pa.types.is_null(own):
        return pa.nulls(len(array))
    if pa.types.is_floating(own):
        return as_numbers(array, dialect)[0]
    if pa.types.is_boolean(own):
        return as_booleans(array, dialect)[0]
    return pc.cast(without_missing_words(array, dialect), own)


def whole_beyond_float(text: Any, values: Any) -> Mask:
    """Which cells are whole numbers beyond 2^53, where float64 no longer tells neighbours apart, (n,)."""
    largest = pc.min_max(pc.abs(values))["max"].as_py()
    if largest is None or not largest >= WHOLE:
        return np.zeros(len(text), dtype=bool)
    digits = pc.replace_substring_regex(pc.utf8_trim_whitespace(text), r"^[+-]?0*", "")
    beyond = pc.and_(pc.match_substring_regex(digits, r"^\d+$"), pc.invert(pc.is_in(digits, value_set=text_column([f"{WHOLE:.0f}"]))))
    return np.asarray(bits(beyond.fill_null(False)) & (np.abs(plain_values(values, np.float64)) >= WHOLE))


def in_one_type(columns: Sequence[Any]) -> list[Any]:
    """The same column of several sources in one type: numbers, and points in time, of different types are the same column; else text."""
    kinds = list(dict.fromkeys(column.type for column in columns if not pa.types.is_null(column.type)))
    if len(kinds) < 2:
        return [column.cast(kinds[0]) if kinds else column for column in columns]
    if all(is_number(kind) or pa.types.is_boolean(kind) for kind in kinds):
        return [pc.cast(column, pa.float64(), safe=False) for column in columns]
    if all(is_time(kind) for kind in kinds):
        unit = "ns" if any(getattr(kind, "unit", "") == "ns" for kind in kinds) else "us"
        return [pc.cast(column, pa.timestamp(unit), safe=False) for column in columns]
    return [texts(column) for column in columns]
