"""Findings about data: printable names, the file and rows of a fault, and all faults of one pass in one error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disttrain.errors import DataError, Finding
from disttrain.messages import display

__all__ = [
    "MOST_FINDINGS",
    "MOST_ROWS",
    "Origin",
    "column_location",
    "display_path",
    "positions_finding",
    "raise_any",
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

    def locate(self, indices: NDArray[np.int64]) -> tuple[str, NDArray[np.int64], int]:
        """Return the first file with one of these rows of the batch, their row numbers in it, and the number of other files with such
        rows.
        """
        file, rows, others = self._locate(self.positions_of(indices))
        return self.names[file], rows, others

    def _locate(self, positions: NDArray[np.int64]) -> tuple[int, NDArray[np.int64], int]:
        if self.counts is None or len(self.names) == 1:
            return 0, positions, 0
        ends = np.cumsum(self.counts())
        owners = np.minimum(np.searchsorted(ends, positions, side="right"), len(self.names) - 1)
        first = int(owners[0])
        start = int(ends[first - 1]) if first else 0
        return first, positions[owners == first] - start, len(np.unique(owners)) - 1

    def numbered(self, positions: NDArray[np.int64]) -> tuple[str, list[str], int]:
        """Return the first file with some of these positions, the labels of its first rows, and the number of other files with such
        rows.
        """
        file, rows, others = self._locate(positions)
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


def row_finding(
    code: str,
    what: str,
    *,
    column: str,
    rows: NDArray[np.bool_],
    values: Callable[[int], object] | None = None,
    origin: Origin,
    detail: str = "",
    why: str = "",
    hints: Sequence[str] = (),
) -> Finding:
    """Return a finding about some rows of a batch: the file, the first rows with their values, and the number of further rows.

    `rows` marks the offending rows, (n,). `values(i)` is the optional value of row i of the batch. `detail` follows the number of further
    rows.
    """
    indices = np.flatnonzero(rows)
    # Those of the first file alone are listed, and its rows come first.
    listed = [] if values is None else [values(int(index)) for index in indices[:MOST_ROWS]]
    return positions_finding(
        code, what, column=column, positions=origin.positions_of(indices), count=len(indices), values=listed, origin=origin, detail=detail,
        why=why, hints=hints,
    )  # fmt: skip


def positions_finding(
    code: str,
    what: str,
    *,
    column: str,
    positions: NDArray[np.int64],
    count: int,
    values: Sequence[object] = (),
    origin: Origin,
    detail: str = "",
    why: str = "",
    hints: Sequence[str] = (),
) -> Finding:
    """Return a finding like `row_finding` about `count` rows, of which the first have these `positions` in the input and these `values`."""
    where, numbers, others = origin.numbered(positions)
    texts = [display(value, 40) for value in values[: len(numbers)]] or [""] * len(numbers)
    width = max(map(len, texts))
    counting = ROWS_FROM_0 if numbers[0].endswith(ROWS_FROM_0) else ""
    lines = [f"{number.removesuffix(ROWS_FROM_0)}  {text:>{width}}".rstrip() for number, text in zip(numbers, texts, strict=True)]
    lines[0] += counting
    if more := count - len(lines):
        files = f" ({others} other file{'s' * (others > 1)} too)" if others else ""
        lines[-1] += f"   ... {more:,} more{files}" + (f": {detail}" if detail else "")
    return Finding(code, what, column_location(where, column), tuple(lines), why, tuple(hints))


def raise_any(findings: Iterable[Finding]) -> None:
    """Raise one DataError with all `findings`, of which it prints at most 20; return if there are none."""
    errors = list(findings)
    if not errors:
        return
    summary = f"{len(errors)} errors in the data, the first {MOST_FINDINGS} are shown" if len(errors) > MOST_FINDINGS else ""
    raise DataError(*errors[:MOST_FINDINGS], summary=summary)
