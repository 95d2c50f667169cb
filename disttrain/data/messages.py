"""Findings about data: printable names, the file and rows of a fault, and all faults of one pass in one error.

Code that checks a batch does not know its file. It finds a BatchFinding, and `located` adds the file where the rows come from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disttrain.errors import DataError, Finding
from disttrain.messages import display

__all__ = [
    "MOST_FINDINGS",
    "MOST_ROWS",
    "BatchError",
    "BatchFinding",
    "Origin",
    "column_location",
    "display_path",
    "located",
    "missing_column",
    "raise_any",
    "raise_in_batch",
    "row_finding",
    "rows_have",
    "display",
]

MOST_FINDINGS = 20
MOST_ROWS = 3
ROWS_FROM_0 = "   (the first row is 0)"


def display_path(path: Path | str) -> str:
    """Return the name of a file in messages: relative to the working folder if it lies inside, `stdin` for `-`."""
    if str(path) == "-":
        return "stdin"
    full = os.path.abspath(path)
    inside = full.startswith(os.getcwd() + os.sep)
    return display(os.path.relpath(full) if inside else os.path.normpath(path), longest=200)


def column_location(where: str, column: str) -> str:
    """Return the location of a finding about one column: ``data/claims.parquet, column `x` ``."""
    return f"{where}, column `{display(column)}`"


@dataclass(frozen=True)
class Origin:
    """The files and positions from which the rows of a batch come.

    `names` are the files in order, and `counts` returns their numbers of rows (called only for a finding). `first` is the 0-based position
    of the batch's first row in the input, or `positions` the position of each row if rows are left out. `lines(file, rows)` returns the
    line, from 1, of each of some rows of a text file, and None for other files. Messages number rows by these lines, or else from 0, like
    the column `row` of the predictions. Both count within the named file.
    """

    names: tuple[str, ...] = ("data",)
    counts: Callable[[], Sequence[int]] | None = None
    first: int = 0
    positions: NDArray[np.int64] | None = None
    lines: Callable[[int, NDArray[np.int64]], NDArray[np.int64] | None] | None = None

    def at(self, first: int) -> Origin:
        """Return the same files, for a batch that starts `first` rows into the input."""
        return replace(self, first=first, positions=None)

    def rows(self, positions: NDArray[np.int64]) -> Origin:
        """Return the same files, for a batch of the rows at these 0-based positions of the input."""
        return replace(self, positions=positions)

    def positions_of(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the 0-based positions in the input of these rows of the batch."""
        return indices + self.first if self.positions is None else self.positions[indices]

    def _locate(self, positions: NDArray[np.int64]) -> tuple[int, NDArray[np.int64], int]:
        if self.counts is None or len(self.names) == 1:
            return 0, positions, 0
        ends = np.cumsum(self.counts())
        owners = np.minimum(np.searchsorted(ends, positions, side="right"), len(self.names) - 1)
        first = int(owners[0])
        start = int(ends[first - 1]) if first else 0
        return first, positions[owners == first] - start, len(np.unique(owners)) - 1

    def numbered(self, indices: NDArray[np.int64]) -> tuple[str, list[str], int]:
        """Return the first file with some of these rows of the batch, the labels of its first rows, and the number of other files with
        such rows.
        """
        file, rows, others = self._locate(self.positions_of(indices))
        first = rows[:MOST_ROWS]
        lines = None if self.lines is None else self.lines(file, first)
        numbers = first if lines is None else lines
        width = max(len(f"{number:,}") for number in numbers)
        labels = [f"{'row' if lines is None else 'line'} {number:>{width},}" for number in numbers.tolist()]
        if self.lines is not None and lines is None:
            labels[0] += ROWS_FROM_0
        return self.names[file], labels, others


def rows_have(rows: NDArray[np.bool_]) -> str:
    """Return the subject and verb of a sentence about the marked rows: `1 row has`, `1,204 rows have`."""
    number = int(rows.sum())
    return f"{number:,} rows have" if number > 1 else "1 row has"


@dataclass(frozen=True)
class BatchFinding:
    """A finding about a batch, a `column` of it or some rows of it, without the file where these come from.

    `rows` are the indices in the batch of the offending rows, or of the first of `count` such rows, and `values` the values of the first.
    `detail` follows the number of further rows, and `needs` the location.
    """

    code: str
    what: str
    column: str | None = None
    rows: NDArray[np.int64] | None = None
    count: int = 0
    values: Sequence[object] = ()
    detail: str = ""
    needs: str = ""
    hints: Sequence[str] = ()

    def at(self, origin: Origin) -> Finding:
        """Return the finding with its location: the file, the first rows with their values, and the number of further rows."""
        where, lines = origin.names[0], tuple[str, ...]()
        if self.rows is not None:
            where, numbers, others = origin.numbered(self.rows)
            lines = self._lines(numbers, others)
        where = where if self.column is None else column_location(where, self.column)
        return Finding(self.code, self.what, f"{where}: {self.needs}" if self.needs else where, lines, hints=tuple(self.hints))

    def _lines(self, numbers: Sequence[str], others: int) -> tuple[str, ...]:
        """Return a line for each of the first rows, and in the last the number of further rows and of the `others`, the other files."""
        # Those of the first file alone are listed, and its rows come first.
        texts = [display(value, 40) for value in self.values[: len(numbers)]] or [""] * len(numbers)
        width = max(map(len, texts))
        counting = ROWS_FROM_0 if numbers[0].endswith(ROWS_FROM_0) else ""
        lines = [f"{number.removesuffix(ROWS_FROM_0)}  {text:>{width}}".rstrip() for number, text in zip(numbers, texts, strict=True)]
        lines[0] += counting
        if more := self.count - len(lines):
            files = f" ({others} other file{'s' * (others > 1)} too)" if others else ""
            lines[-1] += f"   ... {more:,} more{files}" + (f": {self.detail}" if self.detail else "")
        return tuple(lines)

    def among(self, rows: NDArray[np.int64]) -> BatchFinding:
        """Return the finding for a larger batch, of which the checked batch has the `rows`."""
        return self if self.rows is None else replace(self, rows=rows[self.rows])


class BatchError(DataError):
    """The findings about a batch whose file is not known yet; `located` raises them as a DataError with the file."""

    def __init__(self, *batch_findings: BatchFinding) -> None:
        self.batch_findings = batch_findings
        unlocated = self.at(Origin())
        super().__init__(*unlocated.findings, summary=unlocated.summary)

    def at(self, origin: Origin) -> DataError:
        """Return the error with the locations of its findings."""
        return data_error([finding.at(origin) for finding in self.batch_findings[:MOST_FINDINGS]], len(self.batch_findings))

    def among(self, rows: NDArray[np.int64]) -> BatchError:
        """Return the error for a larger batch, of which the checked batch has the `rows`."""
        return BatchError(*(finding.among(rows) for finding in self.batch_findings))


@contextmanager
def located(origin: Origin) -> Iterator[None]:
    """Raise a BatchError of the block as a DataError whose findings name the files and rows of `origin`."""
    try:
        yield
    except BatchError as error:
        raise error.at(origin) from None


def row_finding(
    code: str,
    what: str,
    *,
    column: str,
    rows: NDArray[np.bool_],
    values: Callable[[int], object] | None = None,
    detail: str = "",
    needs: str = "",
    hints: Sequence[str] = (),
) -> BatchFinding:
    """Return the finding about the rows of a batch in the mask `rows`, (n,). `values(i)` is the optional value of row i of the batch."""
    indices = np.flatnonzero(rows)
    listed = [] if values is None else [values(int(index)) for index in indices[:MOST_ROWS]]
    return BatchFinding(code, what, column, indices, len(indices), listed, detail, needs, hints)


def missing_column(name: str, part: str = "", kind: str = "") -> BatchFinding:
    """Return the finding that a batch lacks a column of some kind; `part` says, after a comma, what it is for."""
    return BatchFinding("missing-column", f"there is no {kind}column `{display(name)}`{part}")


def raise_in_batch(findings: Iterable[BatchFinding]) -> None:
    """Raise one BatchError with all `findings`; return if there are none."""
    if errors := tuple(findings):
        raise BatchError(*errors)


def raise_any(findings: Iterable[Finding]) -> None:
    """Raise one DataError with all `findings`, of which it prints at most 20; return if there are none."""
    if errors := list(findings):
        raise data_error(errors[:MOST_FINDINGS], len(errors))


def data_error(findings: Sequence[Finding], count: int) -> DataError:
    """Return the error with the first findings of `count`."""
    return DataError(*findings, summary=f"{count} errors in the data, the first {MOST_FINDINGS} are shown" if count > MOST_FINDINGS else "")
