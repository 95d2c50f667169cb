"""Checks of the values of one column: invalid numbers and timestamps, with their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.column_types import NUMBER, conformed
from disttrain.data.io.arrow_arrays import LARGEST_WHOLE, Column, beyond_float, bits, instants, is_text, is_time, joined, numbers, texts
from disttrain.data.io.csv_dialect import TYPED
from disttrain.data.messages import BatchFinding, row_finding
from disttrain.data.text_values import as_times
from disttrain.data.wrong_cells import cells_findings

# Beyond this the square of a value, and with it a variance, would leave float64.
LARGEST = 1e100
# From 1970 to the year 10000; as long before 1970 is no date of any data either.
LATEST = 253_402_300_800

Numbers = tuple[NDArray[np.float64], NDArray[np.bool_], list[BatchFinding]]
Times = tuple[NDArray[np.int64], NDArray[np.bool_], list[BatchFinding]]


def checked_numbers(name: str, column: Column) -> Numbers:
    """Return the values as float64, (n,), a mask (n,) of the missing ones (null or NaN; they read as NaN), and the findings about them.

    Invalid are text that is not a number, integers beyond 2^53, infinite values and values beyond 1e100.
    """
    array = joined(column)
    result = conformed(array, NUMBER, TYPED)
    if wrong := cells_findings(name, NUMBER, array, result):
        return np.full(len(array), np.nan), np.zeros(len(array), dtype=bool), wrong
    array = joined(result.array)
    values, missing = numbers(array)
    largest = np.fmax.reduce(np.abs(values), initial=0.0)
    findings = []
    if largest >= LARGEST_WHOLE and (rows := beyond_float(array)).any():
        findings.append(not_exact(name, array, rows))
    if largest > LARGEST:
        kinds = (
            ("infinite-value", "infinite", np.isinf(values)),
            ("value-too-large", f"beyond {LARGEST:g}", np.isfinite(values) & (np.abs(values) > LARGEST)),
        )
        findings += value_findings(name, values, kinds, ("leave them empty if they mean missing, or cap the column",))
    return values, missing, findings


def not_exact(name: str, array: pa.Array, rows: NDArray[np.bool_]) -> BatchFinding:
    return row_finding(
        "number-too-long",
        f"{counted(rows)} beyond 2^53 (9,007,199,254,740,992), where float64 no longer tells neighbours apart",
        column=name,
        rows=rows,
        values=lambda row: array[row].as_py(),
        hints=("if it is an identifier, make it `data.id` or `type: categorical`",),
    )


def value_findings(
    name: str, values: NDArray[np.float64], kinds: Iterable[tuple[str, str, NDArray[np.bool_]]], hints: Sequence[str] = ()
) -> list[BatchFinding]:
    """Return the findings about the values of a column, (n,), for each of `kinds` (code, words, mask of the rows) that some rows have."""
    return [
        row_finding(code, f"{counted(rows)} {what}", column=name, rows=rows, values=lambda row: f"{values[row]:g}", hints=hints)
        for code, what, rows in kinds
        if rows.any()
    ]


def counted(rows: NDArray[np.bool_]) -> str:
    number = int(rows.sum())
    return f"{number:,} values are" if number > 1 else "1 value is"


def checked_times(name: str, column: Column) -> Times:
    """Return whole seconds since 1970 (UTC if the column has a zone), (n,), a mask (n,) of the missing ones, and the findings about them.

    Invalid are text that is not ISO 8601, other types, and years beyond 9999.
    """
    array = joined(column)
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=np.int64), np.ones(len(array), dtype=bool), []
    missing = ~bits(array.is_valid())
    if is_text(array.type):
        times, wrong = as_times(array, TYPED)
        seconds, missing = instants(times), missing | bits(times.is_null())
    else:
        seconds = instants(array) if is_time(array.type) else np.zeros(len(array), dtype=np.int64)
        wrong = np.abs(seconds) >= LATEST if is_time(array.type) else ~missing
    if not wrong.any():
        return seconds, missing, []
    hints = ("write 2026-01-31 or 2026-01-31T12:00:00, with or without a zone",)
    what = f"{counted(wrong)} no date or time"
    finding = row_finding("bad-time", what, column=name, rows=wrong, values=lambda row: raw(array, row), hints=hints)
    return np.where(wrong, 0, seconds), missing, [finding]


def raw(array: pa.Array, row: int) -> str:
    # Python's datetime ends with the year 9999; Arrow's text does not.
    return str(texts(array.slice(row, 1))[0])
