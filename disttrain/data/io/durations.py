"""Durations as text: hours, minutes and seconds. Text formats have no type for them."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.io.arrow_arrays import Column, joined, text_column

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def duration_text(column: Column) -> pa.Array:
    """Return a column of durations as an Arrow array of text, such as `0:00:01` or `-26:30:00.500`."""
    array = joined(column)
    digits = _DIGITS[array.type.unit]
    text = text_column([_clock(count or 0, digits) for count in array.cast(pa.int64()).to_pylist()])
    return pc.if_else(array.is_valid(), text, pa.nulls(1, pa.string())[0]) if array.null_count else text


def spelled(duration: timedelta) -> str:
    """Return the text of one Python duration, in the form of `duration_text`."""
    return _clock(duration // timedelta(microseconds=1), 6)


def _clock(count: int, digits: int) -> str:
    """Return the text of `count` units of 10^-digits seconds, without a fraction of 0."""
    seconds, fraction = divmod(abs(count), 10**digits)
    minutes, seconds = divmod(seconds, 60)
    decimals = f".{fraction:0{digits}}" if fraction else ""
    return f"{'-' * (count < 0)}{minutes // 60}:{minutes % 60:02}:{seconds:02}{decimals}"
