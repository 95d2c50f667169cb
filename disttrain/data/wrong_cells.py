"""Cells that cannot be read as what their column must hold: counted over all rows, told with the first of them and the ways out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.data.arrays import integer_column, joined, texts
from disttrain.data.column_types import AS_WRITTEN, BOOLEAN, EVENT, NUMBER, conformed
from disttrain.data.findings import MOST_ROWS, Origin, positions_finding, raise_any, shown
from disttrain.data.io.csv_dialect import TYPED
from disttrain.errors import Finding

__all__ = ["COMMA", "WrongCells", "cells_finding", "imposed", "ways_out_of_numbers"]

DATE = re.compile(r"\s*(\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})([ T].*)?")
COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
GROUPED = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+(\.\d+)?\s*")
WHOLE = re.compile(r"\s*[+-]?\d{16,}\s*")
SAMPLE = 1_000


@dataclass
class Column:
    """What is wrong in one column: `count` cells, the positions of the first, and what stands there."""

    form: str
    count: int = 0
    positions: list[int] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)


class WrongCells:
    """Gathers wrong cells batch by batch."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.columns)

    def see(self, name: str, form: str, raw: Any, wrong: NDArray[np.bool_] | None, first: int) -> None:
        """Note the `wrong` cells (n,) of the column as it was read, of a batch whose first row has the position `first`."""
        if wrong is None:
            return
        column = self.columns.setdefault(name, Column(form))
        indices = np.flatnonzero(wrong)
        column.count += len(indices)
        more = indices[: max(0, SAMPLE - len(column.cells))].tolist()
        column.positions += [first + index for index in more]
        # Python's datetime ends with the year 9999; Arrow's text does not.
        column.cells += texts(joined(raw).take(integer_column(np.array(more, dtype=np.int64)))).to_pylist()

    def require_none(self, origin: Origin, format: str = "", words: Sequence[str] = ()) -> None:
        """Raise DataError with the columns that have wrong cells, of rows from `origin` in files of a format.

        `words` are those for missing values that were recognised, and must stay such where another one is named.
        """
        raise_any(column_finding(name, column, origin, format, words) for name, column in self.columns.items())


def imposed(table: Any, forms: Mapping[str, str], origin: Origin) -> Any:
    """A frame with its columns in their forms; those that have none are as they were. Raises DataError with the cells that cannot be read so."""
    columns, cells = [], WrongCells()
    for name in table.column_names:
        raw = joined(table.column(name))
        made = conformed(raw, forms.get(name, AS_WRITTEN), TYPED)
        cells.see(name, forms.get(name, AS_WRITTEN), raw, made.wrong, 0)
        columns.append(made.array)
    cells.require_none(origin)
    return pa.Table.from_arrays(columns, table.column_names)


def cells_finding(name: str, form: str, raw: Any, wrong: NDArray[np.bool_], origin: Origin) -> Finding:
    """The finding about the `wrong` cells (n,) of one batch of a column."""
    cells = WrongCells()
    cells.see(name, form, raw, wrong, 0)
    column = cells.columns[name]
    column.positions = origin.positions_of(np.array(column.positions)).tolist()
    return column_finding(name, column, origin, "")


def column_finding(name: str, column: Column, origin: Origin, format: str, words: Sequence[str] = ()) -> Finding:
    code, what, hints = (WORDS.get(column.form) or time_words)(name, column.count, column.cells, format, words)
    return positions_finding(
        code, what, column=name, positions=np.array(column.positions[:MOST_ROWS], dtype=np.int64), count=column.count,
        values=column.cells[:MOST_ROWS], origin=origin, hints=hints,
    )  # fmt: skip


Words = tuple[str, str, Sequence[str]]


def are(count: int) -> str:
    return f"{count:,} cells are" if count > 1 else "1 cell is"


def number_words(name: str, count: int, cells: Sequence[str], format: str, known: Sequence[str]) -> Words:
    if all(WHOLE.fullmatch(cell) for cell in cells):
        hints = ("if it is an identifier, make it `data.id` or `{name: " + shown(name) + ", type: categorical}`",)
        return "number-too-long", f"{are(count)} beyond 2^53 (9,007,199,254,740,992), where float64 no longer tells neighbours apart", hints
    if all(DATE.fullmatch(cell) for cell in cells):
        hints = ("make a number of it in the data: days (hours, seconds) since a fixed date, or between two dates",)
        return "text-for-numbers", f"{are(count)} dates where numbers are meant", hints
    return "text-for-numbers", f"{are(count)} no number{'s' if count > 1 else ''}", ways_out_of_numbers(cells, format, known)


def ways_out_of_numbers(cells: Sequence[str], format: str, known: Sequence[str] = ()) -> list[str]:
    """What to do about cells that are no numbers: marks to declare, words for missing values, or the file itself."""
    hints = []
    if format == "csv" and all(COMMA.fullmatch(cell) for cell in cells):
        hints.append('if the comma is a decimal mark: `data.csv: {decimal: ","}`')
    if format == "csv" and all(GROUPED.fullmatch(cell) for cell in cells):
        hints.append('if the comma parts thousands: `data.csv: {thousands: ","}`')
    words = sorted({cell.strip() for cell in cells})
    if not hints and format == "csv" and len(words) <= 3 and not any(character.isdigit() for word in words for character in word):
        listed = ", ".join(f'"{shown(word, 20)}"' for word in (*words, *known))
        hints.append(f'if it means missing: leave the field empty, or `data.csv: {{missing: ["", {listed}]}}`')
    return [*hints, "write numbers like 1234.5, without a unit; an empty field is a missing value"]


def boolean_words(name: str, count: int, cells: Sequence[str], format: str, known: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("write true and false, or 1 and 0", "or make it a category: `{name: " + shown(name) + ", type: categorical}`")
    return "bad-boolean", f"{are(count)} neither true nor false", hints


def time_words(name: str, count: int, cells: Sequence[str], format: str, known: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("write 2026-01-31 or 2026-01-31T12:00:00, with or without a zone", "an empty field is a missing value")
    return "bad-time", f"{are(count)} no date or time", hints


def event_words(name: str, count: int, cells: Sequence[str], format: str, known: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("an event is 1 (seen exactly) or 0 (right-censored), or true and false",)
    return "bad-event", f"{are(count)} neither 1 nor 0", hints


WORDS = {NUMBER: number_words, BOOLEAN: boolean_words, EVENT: event_words}
