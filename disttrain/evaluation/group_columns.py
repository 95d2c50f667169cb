"""Groups of rows to score: the values of a column, or ranges of its values if there are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.config import suggestion
from disttrain.config.messages import listing
from disttrain.data import display, integer_column
from disttrain.data.column_checks import is_simple
from disttrain.data.io.arrow_arrays import integers, is_number, is_text, is_time, joined
from disttrain.errors import DataError, Finding

MOST_GROUPS = 100
FEW_ROWS = 30
# A column of numbers or times with more values than this is divided into _RANGES ranges of about equally many rows.
_MOST_VALUES = 20
_RANGES = 4
_MISSING = "(missing)"


@dataclass(frozen=True)
class RowGroups:
    """The groups of n rows by one column: the `names` in order, and for each row (n,) the index of its name; -1 for no group."""

    column: str
    names: tuple[str, ...]
    index: NDArray[np.int64]
    left_out: int = 0

    def rows(self, rows: NDArray[np.int64]) -> RowGroups:
        """The groups of some of the rows, without groups that have none of these."""
        index = self.index[rows]
        there = [number for number in range(len(self.names)) if bool((index == number).any())]
        renumbered = np.full(len(self.names) + 1, -1)
        renumbered[there] = np.arange(len(there))
        return RowGroups(self.column, tuple(self.names[number] for number in there), renumbered[index], self.left_out)

    def notes(self) -> tuple[str, ...]:
        """Notes for a reader of the scores: groups of few rows, and groups that are left out."""
        counts = np.bincount(self.index[self.index >= 0], minlength=len(self.names))
        few = int((counts < FEW_ROWS).sum())
        notes = []
        if few:
            notes.append(f"`{self.column}`: {few} of {len(self.names)} groups {'has' if few == 1 else 'have'} fewer than {FEW_ROWS} rows")
        if self.left_out:
            notes.append(f"`{self.column}`: the {MOST_GROUPS} largest groups are shown, {self.left_out:,} more are not")
        return tuple(notes)


def group_column(table: pa.Table, name: str) -> RowGroups:
    """The groups of a column: one per value, in the order of the values. Numbers and times with many values form quarters.

    If text has more than MOST_GROUPS values, only the largest groups remain. Raises DataError if the column does not exist.
    """
    if name not in table.column_names:
        closest = suggestion(name, table.column_names)
        hints = (f"did you mean `{closest}`?" if closest else f"there are {listing(table.column_names)}",)
        raise DataError(Finding("missing-column", f"there is no column `{name}` to group by", "--by", hints=hints))
    column = table.column(name)
    if not is_simple(column.type) and not pa.types.is_null(column.type) and not pa.types.is_dictionary(column.type):
        raise DataError(Finding("unusable-type", f"its type {display(column.type)} cannot name groups", f"--by {display(name)}"))
    column = pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column
    codes = joined(column).dictionary_encode()
    order, has_order = _order(codes.dictionary)
    rank = np.full(len(order) + 1, -1)
    rank[order] = np.arange(len(order))
    index = rank[integers(codes.indices.fill_null(-1))]
    texts = codes.dictionary.take(integer_column(order)).cast(pa.string()).to_pylist()
    if has_order and len(texts) > _MOST_VALUES:
        texts, index = _ranges(texts, index)
    if bool((index < 0).any()):
        texts, index = [*texts, _MISSING], np.where(index < 0, len(texts), index)
    return _largest(name, texts, index)


def _order(values: pa.Array) -> tuple[NDArray[np.int64], bool]:
    """The order of distinct values, and True if they are numbers (also as text) or times, so that the order has a meaning."""
    if is_text(values.type):
        try:
            return integers(pc.sort_indices(pc.cast(values, pa.float64()))), True
        except pa.ArrowInvalid:
            return integers(pc.sort_indices(values)), False
    return integers(pc.sort_indices(values)), is_number(values.type) or is_time(values.type)


def _ranges(texts: list[str], index: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """The names of ranges of about equally many rows, and the range of each row; -1 for rows without a value."""
    position = np.searchsorted(
        np.cumsum(np.bincount(index[index >= 0], minlength=len(texts))) / int((index >= 0).sum()), _quarters(), "left"
    )
    ends = np.unique(np.minimum(position, len(texts) - 1))
    starts = [0, *(end + 1 for end in ends[:-1])]
    names = [texts[a] if a == b else f"{texts[a]} .. {texts[b]}" for a, b in zip(starts, ends, strict=True)]
    return names, np.where(index < 0, -1, np.searchsorted(ends, index))


def _quarters() -> NDArray[np.float64]:
    return np.arange(1, _RANGES + 1) / _RANGES - 1e-12


def _largest(name: str, texts: list[str], index: NDArray[np.int64]) -> RowGroups:
    if len(texts) <= MOST_GROUPS:
        return RowGroups(name, tuple(texts), index)
    largest = np.sort(np.argsort(-np.bincount(index, minlength=len(texts)), kind="stable")[:MOST_GROUPS])
    new_index = np.full(len(texts), -1)
    new_index[largest] = np.arange(MOST_GROUPS)
    return RowGroups(name, tuple(texts[number] for number in largest), new_index[index], len(texts) - MOST_GROUPS)
