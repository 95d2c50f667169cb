"""Conversion of text to numbers, truth values and timestamps. Each cell is independent of the others in its column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.common_types import in_one_type
from disttrain.data.io.arrow_arrays import LARGEST_WHOLE, bits, integer_column, plain_values, text_column
from disttrain.data.io.csv_dialect import MISSING_WORDS, PLAIN, Dialect, number_text

Mask = NDArray[np.bool_]

# Nulls of a column: pa.scalar would import pandas.
NO_TEXT, NO_TRUTH = pa.nulls(1, pa.string())[0], pa.nulls(1, pa.bool_())[0]
TRUE, FALSE = ("true", "1"), ("false", "0")
# The narrowest first: a zone, then digits beyond a millionth of a second.
TIMES = (pa.timestamp("us"), pa.timestamp("us", tz="UTC"), pa.timestamp("ns"), pa.timestamp("ns", tz="UTC"))
# What can be one of them, but for days such as February 30; its zone and the digits beyond a millionth of a second.
DAY, OFFSET = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", r"[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?"
LIKELY = rf"^{DAY}(?:[ T](?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?P<fraction>\.\d{{1,6}}(?P<nano>\d{{1,3}})?)?)?)?(?P<zone>Z|{OFFSET})?)?$"


def trimmed(text: pa.Array) -> pa.Array:
    """Return the cells without surrounding blanks."""
    return pc.utf8_trim_whitespace(text)


def is_missing_word(text: pa.Array, dialect: Dialect) -> pa.BooleanArray:
    """Return an Arrow boolean array, true for cells with a missing-value word of numbers, dates and truth values; null for null."""
    words = MISSING_WORDS if dialect.missing is None else ("", *(word.lower() for word in dialect.missing))
    return pc.is_in(pc.utf8_lower(trimmed(text)), value_set=text_column(words))


def without_missing_words(text: pa.Array, dialect: Dialect) -> pa.Array:
    """Return the cells without surrounding blanks, null for missing-value words."""
    return pc.if_else(is_missing_word(text, dialect), NO_TEXT, trimmed(text))


def without_declared_words(text: pa.Array, dialect: Dialect) -> pa.Array:
    """Return the cells, null for empty ones and for the missing-value words that the config declares."""
    return pc.if_else(pc.is_in(trimmed(text), value_set=text_column(["", *(dialect.missing or ())])), NO_TEXT, text)


def without_marks(cells: pa.Array, dialect: Dialect) -> pa.Array:
    """Return numbers in a dialect's notation as an Arrow array of text in the form 1234.5."""
    plain = pc.replace_substring(cells, dialect.thousands, "") if dialect.thousands else cells
    return plain if dialect.decimal == "." else pc.replace_substring(plain, dialect.decimal, ".")


def none_wrong(length: int) -> Mask:
    return np.zeros(length, dtype=bool)


def cast_or_none(array: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return the array cast to a type; None if the cast fails."""
    try:
        return pc.cast(array, kind)
    except pa.ArrowInvalid:
        return None


def as_numbers(text: pa.Array, dialect: Dialect) -> tuple[pa.Array, Mask]:
    """Return the cells as a float64 array, null if missing or not a number, and a mask (n,) of the cells that are not numbers."""
    if dialect.plain:
        # Most columns hold numbers and nothing else.
        plain = cast_or_none(text, pa.float64())
        if plain is not None:
            return plain, none_wrong(len(text))
    cells = without_missing_words(text, dialect)
    right = pc.match_substring_regex(cells, number_text(dialect))
    words = pc.match_substring_regex(cells, r"^[+-]?(?i:inf|infinity|nan)$")
    wrong = bits(pc.invert(pc.or_(right, words)).fill_null(False))
    numbers = pc.if_else(pc.or_(right, words), cells, NO_TEXT)
    return pc.cast(without_marks(numbers, dialect), pa.float64()), wrong


def integers_beyond_float(text: pa.Array, values: pa.Array, dialect: Dialect) -> Mask:
    """Return a mask (n,) of the integers beyond 2^53, where float64 cannot distinguish neighbours."""
    largest = pc.min_max(pc.abs(values))["max"].as_py()
    if largest is None or not largest >= LARGEST_WHOLE:
        return np.zeros(len(text), dtype=bool)
    digits = pc.replace_substring_regex(without_marks(pc.utf8_trim_whitespace(text), dialect), r"^[+-]?0*", "")
    too_large = pc.and_(
        pc.match_substring_regex(digits, r"^\d+$"), pc.invert(pc.is_in(digits, value_set=text_column([f"{LARGEST_WHOLE}"])))
    )
    return np.asarray(bits(too_large.fill_null(False)) & (np.abs(plain_values(values, np.float64)) >= LARGEST_WHOLE))


def is_truth_word(text: pa.Array) -> Mask:
    """Return a mask (n,) of the cells that are true or false, in any case and with surrounding blanks."""
    return bits(pc.is_in(pc.utf8_lower(trimmed(text)), value_set=text_column((TRUE[0], FALSE[0]))))


def as_booleans(text: pa.Array, dialect: Dialect) -> tuple[pa.Array, Mask]:
    """Return the cells as a boolean array (true and false in any case, 1 and 0), and a mask (n,) of the other cells that are not
    missing.
    """
    cells = pc.utf8_lower(without_missing_words(text, dialect))
    # As 1.0 and 0.0 data frames write truth values with gaps.
    cells = pc.if_else(pc.is_in(cells, value_set=text_column(["1.0", "0.0"])), pc.utf8_slice_codeunits(cells, 0, 1), cells)
    true, false = (pc.is_in(cells, value_set=text_column(words)) for words in (TRUE, FALSE))
    valid = pc.or_(true, false)
    wrong = bits(pc.and_(pc.invert(valid), cells.is_valid()))
    return pc.if_else(valid, true, NO_TRUTH), wrong


def as_times(text: pa.Array, dialect: Dialect) -> tuple[pa.Array, Mask]:
    """Return ISO 8601 cells as timestamps without a zone (UTC if they have one), and a mask (n,) of the cells that are not ISO 8601."""
    cells = without_missing_words(text, dialect)
    for kind in TIMES:
        if (times := cast_or_none(cells, kind)) is not None:
            return pc.cast(times, pa.timestamp(kind.unit)), none_wrong(len(text))
    # Cells with a zone and without one may stand side by side, and some may be none: each is read by itself, so that batches do not matter.
    encoded = cells.dictionary_encode()
    distinct = encoded.dictionary
    parts = pc.extract_regex(distinct, LIKELY)
    zoned, fine = (pc.not_equal(pc.struct_field(parts, name), "").fill_null(False) for name in ("zone", "nano"))
    number = np.where(bits(parts.is_valid()), bits(zoned) + 2 * bits(fine), len(TIMES))
    groups = [np.flatnonzero(number == each) for each in range(len(TIMES) + 1)]
    some = [(distinct.take(integer_column(where)), kind) for where, kind in zip(groups, (*TIMES, None), strict=True) if len(where)]
    read = [part for cells_of_kind, kind in some for part in each_time(cells_of_kind, kind)]
    order = np.concatenate(groups)
    times = pa.concat_arrays(in_one_type(read or [pa.nulls(0, pa.timestamp("us"))]))
    times = times.take(integer_column(np.argsort(order))).take(encoded.indices)
    return times, bits(pc.and_(times.is_null(), cells.is_valid()))


def each_time(cells: pa.Array, kind: pa.DataType | None) -> list[pa.Array]:
    """Return cells as timestamps without a zone, in order, in one or several arrays; null if a cell does not fit. Found by bisection."""
    if kind is not None and (times := cast_or_none(cells, kind)) is not None:
        return [pc.cast(times, pa.timestamp(kind.unit))]
    if kind is None or len(cells) < 2:
        return [pa.nulls(len(cells), pa.timestamp("us"))]
    half = len(cells) // 2
    return [*each_time(cells.slice(0, half), kind), *each_time(cells.slice(half), kind)]


def one_time(cell: pa.Array) -> pa.Array | None:
    """Return one cell as an array of a timestamp without a zone; None if it is no timestamp."""
    times, _ = as_times(cell, PLAIN)
    return None if times.null_count else times
