"""Invalid cells of a column: counted over all rows, and reported with the first of them and hints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.column_types import AS_WRITTEN, BOOLEAN, EVENT, NUMBER, Conformed, conformed
from disttrain.data.io.arrow_arrays import integer_column, is_text, joined, texts
from disttrain.data.io.csv_dialect import TYPED
from disttrain.data.messages import MOST_ROWS, BatchFinding, display, raise_in_batch

DATE = re.compile(r"\s*(\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})([ T].*)?")
COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
GROUPED = re.compile(r"\s*[+-]?\d{1,3}(,\d{3})+(\.\d+)?\s*")
TRUTH = re.compile(r"\s*(true|false)\s*", re.IGNORECASE)
# At least sixteen digits, with any mark between groups of three.
LONG_INTEGER = re.compile("\\s*[+-]?(\\d[,.' \u00a0\u202f]?){15,}\\d\\s*")
SAMPLE = 1_000

Mask = NDArray[np.bool_]


@dataclass
class Cells:
    """Some cells of one column: their number, and the positions and texts of the first."""

    form: str
    count: int = 0
    positions: list[int] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    def add(self, raw: pa.Array, which: Mask, first: int) -> None:
        """Add the cells in the mask `which`, (n,), of a batch whose first row has the position `first`."""
        indices = np.flatnonzero(which)
        self.count += len(indices)
        more = indices[: max(0, SAMPLE - len(self.cells))].tolist()
        self.positions += [first + index for index in more]
        # Python's datetime ends with the year 9999; Arrow's text does not.
        self.cells += texts(joined(raw).take(integer_column(np.array(more, dtype=np.int64)))).to_pylist()

    def merged(self, other: Cells) -> Cells:
        """Return these and the `other` cells of the same column, in the order of the rows."""
        both = sorted(zip((*self.positions, *other.positions), (*self.cells, *other.cells), strict=True))
        return Cells(self.form, self.count + other.count, [position for position, _ in both], [cell for _, cell in both])


class WrongCells:
    """A collector of invalid cells over batches. True and false are invalid too if the column has other numbers, in whatever batch."""

    def __init__(self) -> None:
        self.wrong: dict[str, Cells] = {}
        self.truth: dict[str, Cells] = {}
        # Columns of text that hold a number other than 1 and 0.
        self.numbers: set[str] = set()

    @property
    def any(self) -> bool:
        """True if there is an invalid cell."""
        return bool(self.wrong) or not self.numbers.isdisjoint(self.truth)

    def update(self, name: str, form: str, raw: pa.Array, read: Conformed, first: int) -> None:
        """Add the invalid cells of a column, from a batch whose first row has the position `first`."""
        if read.wrong is not None:
            self.wrong.setdefault(name, Cells(form)).add(raw, read.wrong, first)
        if read.truth is not None:
            self.truth.setdefault(name, Cells(form)).add(raw, read.truth, first)
        if form == NUMBER and name not in self.numbers and is_text(raw.type) and (read.wrong is not None or has_other(read.array)):
            self.numbers.add(name)

    def findings(self, format: str = "", words: Sequence[str] = ()) -> Iterator[BatchFinding]:
        """Yield the finding about each column, for rows in files of a format.

        `words` are the recognised missing-value words, which a config must repeat when it declares another one.
        """
        names = dict.fromkeys((*self.wrong, *(name for name in self.truth if name in self.numbers)))
        for name in names:
            some = [cells for cells in (self.wrong.get(name), self.truth.get(name)) if cells is not None]
            yield column_finding(name, some[0] if len(some) == 1 else some[0].merged(some[1]), format, words)

    def require_none(self, format: str = "", words: Sequence[str] = ()) -> None:
        """Raise DataError with the finding about each column."""
        raise_in_batch(self.findings(format, words))


def has_other(values: pa.Array) -> bool:
    """True if a float64 array has a number other than 1 and 0."""
    first = values[0].as_py() if len(values) else None
    if first is not None and first not in (0.0, 1.0) and first == first:
        return True
    numbers = values.drop_null()
    return bool(pc.any(pc.and_(pc.is_finite(numbers), pc.not_equal(pc.multiply(numbers, numbers), numbers))).as_py())


def imposed(table: pa.Table, forms: Mapping[str, str]) -> pa.Table:
    """Return a table with its columns in their forms. Columns without a form are unchanged. Raises DataError with the invalid cells."""
    columns, cells = [], WrongCells()
    for name in table.column_names:
        raw = joined(table.column(name))
        result = conformed(raw, forms.get(name, AS_WRITTEN), TYPED)
        cells.update(name, forms.get(name, AS_WRITTEN), raw, result, 0)
        columns.append(result.array)
    cells.require_none()
    return pa.Table.from_arrays(columns, table.column_names)


def cells_findings(name: str, form: str, raw: pa.Array, read: Conformed) -> list[BatchFinding]:
    """Return the finding about the invalid cells of a complete column: one or none."""
    cells = WrongCells()
    cells.update(name, form, raw, read, 0)
    return list(cells.findings())


def column_finding(name: str, column: Cells, format: str, words: Sequence[str] = ()) -> BatchFinding:
    code, what, hints = (WORDS.get(column.form) or time_words)(name, column.count, column.cells, format, words)
    rows = np.array(column.positions[:MOST_ROWS], dtype=np.int64)
    return BatchFinding(code, what, name, rows, column.count, column.cells[:MOST_ROWS], hints=hints)


Words = tuple[str, str, Sequence[str]]


def are(count: int) -> str:
    return f"{count:,} cells are" if count > 1 else "1 cell is"


def number_words(name: str, count: int, cells: Sequence[str], format: str, missing_words: Sequence[str]) -> Words:
    if all(LONG_INTEGER.fullmatch(cell) for cell in cells):
        hints = ("if it is an identifier, make it `data.id` or `{name: " + display(name) + ", type: categorical}`",)
        return "number-too-long", f"{are(count)} beyond 2^53 (9,007,199,254,740,992), where float64 no longer tells neighbours apart", hints
    if all(DATE.fullmatch(cell) for cell in cells):
        hints = ("make a number of it in the data: days (hours, seconds) since a fixed date, or between two dates",)
        return "text-for-numbers", f"{are(count)} dates where numbers are meant", hints
    if all(TRUTH.fullmatch(cell) for cell in cells):
        hints = ("write 1 for true and 0 for false, if they are numbers",)
        return "text-for-numbers", f"{are(count)} true or false, and others are numbers beyond 1 and 0", hints
    return "text-for-numbers", f"{are(count)} no number{'s' if count > 1 else ''}", ways_out_of_numbers(cells, format, missing_words)


def ways_out_of_numbers(cells: Sequence[str], format: str, missing_words: Sequence[str] = ()) -> list[str]:
    """Return the hints for cells that are not numbers: marks to declare, missing-value words, or a change of the file."""
    hints = []
    if format == "csv" and all(COMMA.fullmatch(cell) for cell in cells):
        hints.append('if the comma is a decimal mark: `data.csv: {decimal: ","}`')
    if format == "csv" and all(GROUPED.fullmatch(cell) for cell in cells):
        hints.append('if the comma parts thousands: `data.csv: {thousands: ","}`')
    words = sorted({cell.strip() for cell in cells if not TRUTH.fullmatch(cell)})
    if words and not hints and format == "csv" and len(words) <= 3 and not any(character.isdigit() for word in words for character in word):
        listed = ", ".join(f'"{display(word, 20)}"' for word in (*words, *missing_words))
        hints.append(f'if it means missing: leave the field empty, or `data.csv: {{missing: ["", {listed}]}}`')
    return [*hints, "write numbers like 1234.5, without a unit; an empty field is a missing value"]


def boolean_words(name: str, count: int, cells: Sequence[str], format: str, missing_words: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("write true and false, or 1 and 0", "or make it a category: `{name: " + display(name) + ", type: categorical}`")
    return "bad-boolean", f"{are(count)} neither true nor false", hints


def time_words(name: str, count: int, cells: Sequence[str], format: str, missing_words: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("write 2026-01-31 or 2026-01-31T12:00:00, with or without a zone", "an empty field is a missing value")
    return "bad-time", f"{are(count)} no date or time", hints


def event_words(name: str, count: int, cells: Sequence[str], format: str, missing_words: Sequence[str]) -> Words:  # noqa: ARG001
    hints = ("an event is 1 (seen exactly) or 0 (right-censored), or true and false",)
    return "bad-event", f"{are(count)} neither 1 nor 0", hints


WORDS = {NUMBER: number_words, BOOLEAN: boolean_words, EVENT: event_words}
