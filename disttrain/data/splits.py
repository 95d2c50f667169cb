"""The split of the rows into training, validation and test rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from disttrain.config import ColumnSplit, FoldSplit
from disttrain.data.column_checks import is_simple
from disttrain.data.comparing import Scalar, is_listed, order_of
from disttrain.data.folds import FOLDS
from disttrain.data.hashing import column_hash, mixed, row_hash
from disttrain.data.io.arrow_arrays import Column, is_number, is_text, is_time, joined, missing_values, numbers, texts
from disttrain.data.io.csv_dialect import TYPED
from disttrain.data.messages import BatchError, BatchFinding, column_location, display, row_finding, rows_have
from disttrain.data.text_values import as_times
from disttrain.errors import DataError, Finding

# Their places in names.SPLITS.
TRAIN, VALIDATION, TEST = 0, 1, 2
# Rows in no split: those outside the folds, and those after a fold by time.
UNUSED = 3
# The key that tells the number of folds.
FOLDS_KEY = "data.test.folds"

Parts = NDArray[np.int8]
Hashes = NDArray[np.uint64]
Ranks = NDArray[np.uint64 | np.int64]
Pick = Callable[[Ranks, int], NDArray[np.bool_]]
Selection = float | ColumnSplit | FoldSplit | None


def assign(
    table: pa.Table,
    *,
    validation: float | ColumnSplit | None = None,
    test: float | ColumnSplit | FoldSplit | None = None,
    method: str = "random",
    by: str | None = None,
    seed: int = 0,
    exclude: Collection[str] = (),
    compared: pa.Table | None = None,
) -> Parts:
    """Return the part of each row, (n,): 0 train, 1 validation, 2 test; UNUSED for rows that a fold leaves out.

    `validation` and `test` are each None, a share, or an object with `column` and `values`; `test` may be a fold. Test rows are chosen first,
    and a share for validation refers to the remaining rows; validation rows that a column lists are in no fold. A share is `round(share ×
    rows)`, at least 1. `random` depends on the seed and the content of a row, not on the order of rows; `exclude` names the targets, whose
    values do not count (of rows equal in all other columns, their rank does). `group` puts all rows with one value in `by` into one part.
    `time` holds out the latest values of `by`, equal ones together. `compared` has the columns of listed values and times in their native
    types, if the table has them in another form.

    Raises DataError if a part or the training rows would be empty.
    """
    parts = np.zeros(table.num_rows, dtype=np.int8)

    @functools.cache
    def ranks() -> Ranks:
        rows = native_rows(table, compared, by) if method == "time" else table
        return RANKS[method](rows, by, seed, tuple(exclude))

    def hold_out(name: str, which: int, option: float | ColumnSplit) -> None:
        if isinstance(option, float):
            parts[held_out(np.flatnonzero(parts == TRAIN), ranks(), option, PICKS[method], name)] = which
        else:
            listed, missing = listed_rows(native_rows(table, compared, option.column), option, name)
            if not listed.any():
                values = ", ".join(f"`{display(value, 40)}`" for value in missing[:10])
                raise none_left(name, f"no row has {values} in `{display(option.column)}`")
            parts[listed & (parts == TRAIN)] = which
        require_rows(parts, name, which)

    for name, which, option in in_order(validation, test):
        if isinstance(option, FoldSplit):
            hold_out_fold(parts, ranks(), option, method)
        elif option is not None:
            hold_out(name, which, option)
    return parts


def in_order(validation: Selection, test: Selection) -> list[tuple[str, int, Selection]]:
    """Return the parts in the order in which their rows are chosen: the key of each below `data`, its part, and its rows."""
    if not isinstance(test, FoldSplit):
        return [("test", TEST, test), ("validation", VALIDATION, validation)]
    parts: list[tuple[str, int, Selection]] = [("test", TEST, test), ("validation", VALIDATION, validation)]
    return [("test.without", UNUSED, test.without), *(reversed(parts) if isinstance(validation, ColumnSplit) else parts)]


def hold_out_fold(parts: Parts, ranks: Ranks, fold: FoldSplit, method: str) -> None:
    """Mark the rows of one fold of the training rows as test rows in `parts`. By time, later rows become UNUSED.

    Raises DataError if the rows cannot be divided into so many folds.
    """
    free = np.flatnonzero(parts == TRAIN)
    number = FOLDS[method](ranks[free], fold.folds)
    if len(np.unique(number)) < fold.folds + (method == "time"):
        raise too_few_to_fold(len(free), fold.folds, method)
    parts[free[number == fold.fold]] = TEST
    if method == "time":
        parts[free[number > fold.fold]] = UNUSED


def require_rows(parts: Parts, name: str, which: int) -> None:
    """Raise DataError if the part `which` or the training rows are empty."""
    if not (parts == which).any():
        raise none_left(name, "it would have no row")
    if not (parts == TRAIN).any():
        raise none_left(name, "no row would be left to train on")


def too_few_to_fold(rows: int, folds: int, method: str) -> DataError:
    """The error for rows that cannot be divided into folds."""
    units = {"group": "the groups of ", "time": "the distinct times of "}.get(method, "")
    parts = f"{folds} folds and the rows before them" if method == "time" else f"{folds} folds"
    what = f"{units}{rows:,} rows are too few for {parts}"
    return DataError(Finding("too-few-rows", what, FOLDS_KEY, hints=("fewer folds, or more data",)))


def native_rows(table: pa.Table, compared: pa.Table | None, column: str | None) -> pa.Table:
    """Return the table with `column` in its native type: `compared` if it has the column, else the table."""
    return table if compared is None or column not in compared.schema.names else compared


def none_left(name: str, why: str) -> DataError:
    without = "trains on all rows" if name == "validation" else f"fits without {name} rows"
    hints = ("give a smaller share, other values, or a file of its own", f"`data.{name}: null` {without}")
    return DataError(Finding("empty-split", f"`data.{name}` cannot be held out: {why}", "data", hints=hints))


def held_out(free: NDArray[np.int64], ranks: Ranks, share: float, pick: Pick, name: str) -> NDArray[np.int64]:
    """Return the held-out rows among `free`; rows of low rank first. Raises DataError if a part would be empty."""
    if len(free) < 2:
        raise none_left(name, f"there {'is only 1 row' if len(free) else 'are no rows'}")
    count = min(max(round(share * len(free)), 1), len(free) - 1)
    picked = pick(ranks[free], count)
    if picked.all() or not picked.any():
        raise none_left(name, "all rows have one value in `data.split.by`")
    return free[picked]


def lowest(ranks: Ranks, count: int) -> NDArray[np.bool_]:
    """Return a mask (n,) of the `count` rows of lowest rank."""
    picked = np.zeros(len(ranks), dtype=bool)
    picked[np.argsort(ranks, kind="stable")[:count]] = True
    return picked


def lowest_whole(ranks: Ranks, count: int) -> NDArray[np.bool_]:
    """Return a mask (n,) of the lowest ranks, equal ranks together, with a number of rows nearest to `count`. At least one rank is
    chosen and one remains.
    """
    distinct, sizes = np.unique(ranks, return_counts=True)
    ends = np.cumsum(sizes)[:-1]
    if not len(ends):
        return np.zeros(len(ranks), dtype=bool)
    return np.asarray(ranks <= distinct[np.abs(ends - count).argmin()])


def fitting_groups(ranks: Ranks, count: int) -> NDArray[np.bool_]:
    """Return a mask (n,) of groups of equal rank, lowest first, without those that would exceed `count` rows; the smallest group if all
    would.
    """
    distinct, positions, sizes = np.unique(ranks, return_inverse=True, return_counts=True)
    picked = np.zeros(len(distinct), dtype=bool)
    left = count
    for group, size in enumerate(sizes.tolist()):
        if size <= left:
            picked[group], left = True, left - size
    if not picked.any():
        picked[sizes.argmin()] = len(distinct) > 1
    return np.asarray(picked[positions])


def random_ranks(table: pa.Table, by: str | None, seed: int, exclude: tuple[str, ...]) -> Hashes:  # noqa: ARG001
    """Return a hash of the content of each row, (n,). Rows equal in all columns but `exclude` are ordered by those columns."""
    codes = row_hash(table, exclude)
    order = np.lexsort([*(order_key(table.column(name)) for name in exclude if table.schema.get_field_index(name) >= 0), codes])
    ordered = codes[order]
    first = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, dtype=bool)
    index = np.arange(len(ordered))
    occurrence = np.empty(len(ordered), dtype=np.uint64)
    occurrence[order] = (index - np.maximum.accumulate(np.where(first, index, 0))).astype(np.uint64)
    return mixed(mixed(codes ^ seed_code(seed)) + occurrence)


def order_key(column: Column) -> NDArray[np.float64 | np.uint64]:
    """Return numbers that sort like a numeric column, (n,); any fixed order for other columns."""
    if is_number(column.type):
        return numbers(column)[0]
    codes = column_hash(column)
    return np.zeros(len(column)) if codes is None else codes


def seed_code(seed: int) -> Hashes:
    return mixed(np.array([seed], dtype=np.int64).view(np.uint64))


def group_ranks(table: pa.Table, by: str | None, seed: int, exclude: tuple[str, ...]) -> Hashes:  # noqa: ARG001
    column = split_column(table, by)
    if not is_simple(column.type) and not pa.types.is_null(column.type):
        raise BatchError(unfit(by, column.type, "its type {} cannot name groups"))
    # Groups have names: 1.10 is not 1.1.
    return mixed(np.asarray(column_hash(texts(column))) ^ seed_code(seed))


def time_ranks(table: pa.Table, by: str | None, seed: int, exclude: tuple[str, ...]) -> Ranks:  # noqa: ARG001
    column = split_column(table, by)
    rows = missing_values(column)
    if rows.any():
        what = f"{rows_have(rows)} no time to be split by"
        raise BatchError(row_finding("missing-value", what, column=str(by), rows=rows))
    if is_number(column.type):
        return -order_of(column)
    if not (is_time(column.type) or is_text(column.type)):
        raise BatchError(unfit(by, column.type, "its type {} has no order in time"))
    times, wrong = (column, np.zeros(len(column), dtype=bool)) if is_time(column.type) else as_times_or_none(column)
    if wrong.any():
        hints = ("write 2026-01-31 or 2026-01-31T12:00:00, with or without a zone",)
        what = f"{rows_have(wrong)} no date, time or number to be split by"
        raise BatchError(row_finding("bad-time", what, column=str(by), rows=wrong, values=lambda row: texts(column)[row], hints=hints))
    return -order_of(times)


def unfit(by: str | None, kind: pa.DataType, what: str) -> BatchFinding:
    return BatchFinding("unusable-type", what.format(display(kind)), str(by), hints=("name another column",))


def as_times_or_none(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    return as_times(column, TYPED) if is_text(column.type) else (column, np.ones(len(column), dtype=bool))


def split_column(table: pa.Table, by: str | None) -> pa.Array:
    if by is None or by not in table.schema.names:
        what = f"there is no column `{display(by)}`, by which the rows are split" if by else "the split needs the name of a column"
        raise DataError(Finding("missing-column", what, "data.split.by"))
    return joined(table.column(by))


def listed_rows(table: pa.Table, selection: ColumnSplit, name: str) -> tuple[NDArray[np.bool_], list[Scalar]]:
    """Return a mask (n,) of the rows with one of the values in the column of `selection`, compared in its native type, and the values that
    no row has.

    Raises DataError if the column is absent or of an unusable type.
    """
    if selection.column not in table.schema.names:
        what = f"there is no column `{display(selection.column)}`, which tells the rows"
        raise DataError(Finding("missing-column", what, f"data.{name}"))
    column = joined(table.column(selection.column))
    if not is_simple(column.type) and not pa.types.is_null(column.type):
        raise DataError(
            Finding(
                "unusable-type", f"its type {display(column.type)} cannot tell the rows", column_location(f"data.{name}", selection.column)
            )
        )
    return is_listed(column, selection.values)


# The order in which rows are held out, and how many of equal rank go together.
RANKS: dict[str, Callable[[pa.Table, str | None, int, tuple[str, ...]], Ranks]] = {
    "random": random_ranks,
    "group": group_ranks,
    "time": time_ranks,
}
PICKS: dict[str, Pick] = {"random": lowest, "group": fitting_groups, "time": lowest_whole}
