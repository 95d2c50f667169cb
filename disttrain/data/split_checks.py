"""Remarks on a split: listed values without a row, groups and rows in several parts, held-out rows that are older than training rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.choices import SPLITS
from disttrain.config import ColumnSplit
from disttrain.data.comparing import order_of
from disttrain.data.hashing import row_hash
from disttrain.data.io.arrow_arrays import Column, bits, boolean_column, is_number, is_text, is_time, joined, texts
from disttrain.data.io.csv_dialect import TYPED
from disttrain.data.messages import display
from disttrain.data.splits import listed_rows
from disttrain.data.text_values import as_times

Parts = NDArray[np.int8]
MOST_VALUES = 10


def unlisted_values(compared: pa.Table, selection: ColumnSplit, name: str) -> Iterator[str]:
    """Yield a remark on the listed values of `data.validation` or `data.test` that no row has."""
    _, missing = listed_rows(compared, selection, name)
    if missing:
        more = f" and {len(missing) - MOST_VALUES:,} more" if len(missing) > MOST_VALUES else ""
        values = ", ".join(f"`{display(value, 40)}`" for value in missing[:MOST_VALUES])
        yield f"no row has {values}{more} in `{display(selection.column)}`, which `data.{name}` lists"


def shared_values(groups: Column, split: Parts) -> Iterator[tuple[int, int, int]]:
    """Yield for each held-out part its code, and the numbers of its values that training rows have too and of all its values."""
    names = texts(groups)
    trained = pc.unique(names.filter(boolean_column(split == 0)).drop_null())
    for code in (1, 2):
        held_out = pc.unique(names.filter(boolean_column(split == code)).drop_null())
        both = bits(pc.is_in(held_out, value_set=trained)) if len(held_out) and len(trained) else np.zeros(0, dtype=bool)
        yield code, int(both.sum()), len(held_out)


def shared_groups(groups: Column, split: Parts, by: str) -> Iterator[str]:
    """Yield remarks on groups with both training rows and held-out rows."""
    for code, both, all_of_part in shared_values(groups, split):
        if both:
            yield (
                f"{both:,} of {all_of_part:,} groups of `{display(by)}` in the {SPLITS[code]} rows are in the training rows too:"
                " their scores say little about new groups"
            )


def older_rows(times: Column, split: Parts, by: str) -> Iterator[str]:
    """Yield remarks on held-out rows that are older than the newest training row."""
    column = joined(times)
    if is_text(column.type):
        column = as_times(column, TYPED)[0]
    if not (is_time(column.type) or is_number(column.type)):
        return
    present = bits(column.is_valid())
    order = np.where(present, order_of(column), -1)
    newest = order[(split == 0) & present].max(initial=-1)
    for code in (1, 2):
        rows = (split == code) & present
        older = int((order[rows] < newest).sum())
        if older:
            yield f"{older:,} of {int(rows.sum()):,} {SPLITS[code]} rows are older than the newest training row (`{display(by)}`)"


def shared_rows(table: pa.Table, split: Parts, columns: Collection[str]) -> Iterator[tuple[str, float]]:
    """Yield, for each held-out part, a remark on rows equal to a training row in all `columns`, and their share of the part."""
    if not columns or not (split > 0).any():
        return
    codes = row_hash(table.select(list(columns)), ())
    trained = np.unique(codes[split == 0])
    for code in (1, 2):
        rows = codes[split == code]
        same = int(np.isin(rows, trained).sum())
        if same:
            yield f"{same:,} of {len(rows):,} {SPLITS[code]} rows are identical to a training row", same / len(rows)
