"""Durations as text: hours, minutes and seconds, as text formats have no type for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.io.arrow_arrays import joined, text_column

__all__ = ["duration_text", "spelled"]

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def duration_text(column: Any) -> Any:
    """A column of durations as an Arrow array of text, such as `0:00:01` or `-26:30:00.500`."""
    array = joined(column)
    digits = _DIGITS[array.type.unit]
    text = text_column([_clock(count or 0, digits) for count in array.cast(pa.int64()).to_pylist()])
    return pc.if_else(array.is_valid(), text, pa.nulls(1, pa.string())[0]) if array.null_count else text


def spelled(duration: timedelta) -> str:
    """One duration of Python, spelled as those of a column are."""
    return _clock(duration // timedelta(microseconds=1), 6)


def _clock(count: int, digits: int) -> str:
    """So many units of 10^-digits seconds, without a fraction where it is 0."""
    seconds, fraction = divmod(abs(count), 10**digits)
    minutes, seconds = divmod(seconds, 60)
    behind = f".{fraction:0{digits}}" if fraction else ""
    return f"{'-' * (count < 0)}{minutes // 60}:{minutes % 60:02}:{seconds:02}{behind}"
