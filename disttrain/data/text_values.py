"""Text as numbers, truth values and points in time: each cell by itself, whatever else is in its column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.arrays import bits, text_column
from disttrain.data.io.csv_dialect import MISSING_WORDS, Dialect, number_text

__all__ = ["NO_TEXT", "as_booleans", "as_numbers", "as_times", "is_missing_word", "trimmed", "without_missing_words"]

Mask = NDArray[np.bool_]

# Nulls of a column: pa.scalar would import pandas.
NO_TEXT, NO_TRUTH = pa.nulls(1, pa.string())[0], pa.nulls(1, pa.bool_())[0]
TRUE, FALSE = ("true", "1"), ("false", "0")
# The narrowest first: a zone, then digits beyond a millionth of a second.
TIMES = (pa.timestamp("us"), pa.timestamp("us", tz="UTC"), pa.timestamp("ns"), pa.timestamp("ns", tz="UTC"))


def trimmed(text: Any) -> Any:
    """The cells without the blanks around them."""
    return pc.utf8_trim_whitespace(text)


def is_missing_word(text: Any, dialect: Dialect) -> Any:
    """Which cells say that a number, date or truth value is missing: an Arrow boolean array, null where the cell is."""
    words = MISSING_WORDS if dialect.missing is None else ("", *(word.lower() for word in dialect.missing))
    return pc.is_in(pc.utf8_lower(trimmed(text)), value_set=text_column(words))


def without_missing_words(text: Any, dialect: Dialect) -> Any:
    """The cells, null where they say that the value is missing, without the blanks around them."""
    return pc.if_else(is_missing_word(text, dialect), NO_TEXT, trimmed(text))


def none_wrong(length: int) -> Mask:
    return np.zeros(length, dtype=bool)


def cast_or_none(array: Any, kind: Any) -> Any:
    try:
        return pc.cast(array, kind)
    except pa.ArrowInvalid:
        return None


def as_numbers(text: Any, dialect: Dialect) -> tuple[Any, Mask]:
    """The cells as a float64 array, null where missing, and which cells are no numbers, (n,); those are null too."""
    if dialect.decimal == "." and not dialect.thousands:
        # Most columns hold numbers and nothing else.
        plain = cast_or_none(text, pa.float64())
        if plain is not None:
            return plain, none_wrong(len(text))
    cells = without_missing_words(text, dialect)
    right = pc.match_substring_regex(cells, number_text(dialect))
    words = pc.match_substring_regex(cells, r"^[+-]?(?i:inf|infinity|nan)$")
    wrong = bits(pc.invert(pc.or_(right, words)).fill_null(False))
    numbers = pc.if_else(pc.or_(right, words), cells, NO_TEXT)
    if dialect.thousands:
        numbers = pc.replace_substring(numbers, dialect.thousands, "")
    if dialect.decimal != ".":
        numbers = pc.replace_substring(numbers, dialect.decimal, ".")
    return pc.cast(numbers, pa.float64()), wrong


def as_booleans(text: Any, dialect: Dialect) -> tuple[Any, Mask]:
    """The cells as a boolean array: true and false in any case, 1 and 0; and which cells are neither, nor missing, (n,)."""
    cells = pc.utf8_lower(without_missing_words(text, dialect))
    # As 1.0 and 0.0 data frames write truth values with gaps.
    cells = pc.if_else(pc.is_in(cells, value_set=text_column(["1.0", "0.0"])), pc.utf8_slice_codeunits(cells, 0, 1), cells)
    true, false = (pc.is_in(cells, value_set=text_column(words)) for words in (TRUE, FALSE))
    known = pc.or_(true, false)
    wrong = bits(pc.and_(pc.invert(known), cells.is_valid()))
    return pc.if_else(known, true, NO_TRUTH), wrong


def as_times(text: Any, dialect: Dialect) -> tuple[Any, Mask]:
    """ISO 8601 cells as timestamps without a zone (UTC where they have one), and which cells are none, (n,)."""
    cells = without_missing_words(text, dialect)
    for kind in TIMES:
        if (times := cast_or_none(cells, kind)) is not None:
            return pc.cast(times, pa.timestamp(kind.unit)), none_wrong(len(text))
    # Cells with a zone and without one may stand side by side: each distinct one is read by itself, so that batches do not matter.
    encoded = cells.dictionary_encode()
    each = [one_time(encoded.dictionary.slice(place, 1)) for place in range(len(encoded.dictionary))]
    unit = "ns" if any(one is not None and one.type.unit == "ns" for one in each) else "us"
    known = [pa.nulls(1, pa.timestamp(unit)) if one is None else pc.cast(one, pa.timestamp(unit)) for one in each]
    times = (pa.concat_arrays(known) if known else pa.nulls(0, pa.timestamp(unit))).take(encoded.indices)
    return times, bits(pc.and_(times.is_null(), cells.is_valid()))


def one_time(cell: Any) -> Any:
    for kind in TIMES:
        if (time := cast_or_none(cell, kind)) is not None:
            return pc.cast(time, pa.timestamp(kind.unit))
    return None
