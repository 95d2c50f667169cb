"""Warnings about rows that belong together and are on both sides of a split: repeated subjects, and identical rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.config import Config
from disttrain.data import (
    AS_WRITTEN,
    RepeatedSubjects,
    Schema,
    Source,
    display,
    naming_column,
    repeated_subjects,
    row_hash,
    shared_rows,
    shared_values,
    texts,
)
from disttrain.errors import DataError

# The share of held-out rows that are also training rows from which there is a warning.
_MANY_SHARED = 0.01
# What is read of columns without a role: cells, the rows that tell which of them hold names, and the bytes of the longest mean name.
_MOST_CELLS, _FIRST_ROWS, _LONGEST_NAME = 5_000_000, 1_000, 64


@dataclass(frozen=True)
class SplitRows:
    """The rows of all `sources`, training source first: a `table` of the columns in use, and the part of each row, (n,).

    `filters` and `limit` are those with which the sources were read, so that more columns of the same rows can be read.
    """

    config: Config
    schema: Schema
    sources: Sequence[Source]
    table: pa.Table
    split: NDArray[np.int8]
    rows: Sequence[NDArray[np.int64]]
    filters: Sequence[str]
    limit: int | None

    @property
    def holds_out_own(self) -> bool:
        """True if each of several members holds out validation rows of its own."""
        section = self.config.data
        return section.split.method == "per_member" and self.config.network.members > 1 and isinstance(section.validation, float)

    @property
    def has_share(self) -> bool:
        """True if validation or test rows are a share, so that `data.split` chooses them."""
        return isinstance(self.config.data.validation, float) or isinstance(self.config.data.test, float)

    @property
    def features(self) -> pa.Table:
        """The features of the training source."""
        names = [name for name in self.schema.feature_columns if name in self.table.column_names]
        return self.table.select(names).slice(0, len(self.rows[0]))

    def others(self) -> pa.Table:
        """The columns of the training source that are neither features nor known of the target, and may hold names; of its first rows."""
        used = {*self.schema.forecast_columns, *self.schema.scored_columns}
        read = [name for name in self.table.column_names if name not in used and name in self.sources[0].schema.names]
        table = self.table.select(read).slice(0, len(self.rows[0]))
        unused = self._unused({*used, *read})
        if unused is None:
            return table
        table = table.slice(0, unused.num_rows)
        return pa.Table.from_arrays([*table.columns, *unused.columns], [*table.column_names, *unused.column_names])

    def _unused(self, used: set[str]) -> pa.Table | None:
        """The columns of the training source without a role that may hold names; None if there are none, or they cannot be read."""
        source = self.sources[0]
        names = [name for name in source.schema.names if name not in used and source.conflict(name) is None and name.strip()]
        names = [name for name in names if source.schema.names.count(name) == 1 and _may_name(source.schema.field(name).type)]
        # What no model needs must not stop a fit, whatever its cells are.
        try:
            first = self._read(source, names, _FIRST_ROWS) if names else None
            names = [] if first is None else [name for name in names if _is_short(first.column(name))]
            most = max(_FIRST_ROWS, _MOST_CELLS // max(1, len(names)))
            return self._read(source, names, most) if names else None
        except DataError:
            return None

    def _read(self, source: Source, names: Sequence[str], most: int | None = None) -> pa.Table:
        limits = [limit for limit in (self.limit, most) if limit is not None]
        return source.read(dict.fromkeys(names, AS_WRITTEN), (), self.filters, min(limits, default=None)).table

    def is_shared(self, column: str) -> bool:
        """True if held-out rows share values of a column with training rows, of the same member if each holds out its own."""
        values = self.table.column(column) if column in self.table.column_names else self._read_everywhere(column)
        return self._is_divided_by_members(values) or any(both for _, both, _ in shared_values(values, self.split))

    def _read_everywhere(self, column: str) -> pa.ChunkedArray:
        """A column without a role, as text, of the rows of all sources; null in a source that does not have it."""
        parts = [
            texts(self._read(source, [column]).column(column)) if column in source.schema.names else pa.nulls(len(rows), pa.string())
            for source, rows in zip(self.sources, self.rows, strict=True)
        ]
        return pa.chunked_array(parts, pa.string())

    def _is_divided_by_members(self, values: pa.ChunkedArray) -> bool:
        """True if members train on rows that have a value in common with rows that they hold out."""
        by = self.config.data.split.by
        if not self.holds_out_own or self.config.data.split.rule == "random":
            return self.holds_out_own
        both = pa.table({"value": values, "group": self.table.column(by)}).filter(pc.is_valid(values))
        pairs: int = both.group_by(["value", "group"]).aggregate([]).num_rows
        return pairs > len(pc.unique(both.column("value")))

    def way_out(self, column: str) -> str:
        """The key that keeps the rows of one value of a column together."""
        method = "per_member" if self.holds_out_own else "group"
        split = f"`data.split: {{method: {method}, by: {display(column)}}}`"
        return split if self.has_share else f"`data.validation: 0.15` with {split}"


def warnings_of(rows: SplitRows) -> Iterator[str]:
    """Yield warnings about subjects with rows on both sides of the split, and about held-out rows that are identical to training rows.

    There is none about subjects where the split is by time: later rows are forecast from what was known of the same subjects.
    """
    subjects, others = None, None
    if ((rows.split > 0).any() or rows.holds_out_own) and rows.config.data.split.rule != "time":
        others = rows.others()
        subjects = repeated_subjects(rows.features.slice(0, others.num_rows) if others.num_columns else rows.features, others)
        if subjects is not None and (subjects.column == rows.config.data.split.by or not rows.is_shared(subjects.column)):
            subjects = None
    if subjects is not None:
        yield _repeated(subjects, rows)
    columns = [name for name in (*rows.schema.forecast_columns, *rows.schema.scored_columns) if name in rows.table.column_names]
    remarks = [remark for remark, share in shared_rows(rows.table, rows.split, columns) if share >= _MANY_SHARED]
    column = _column_of_identical(rows, columns, subjects, others) if remarks and others is not None else None
    for remark in remarks:
        yield remark if column is None else f"{remark}; {rows.way_out(column)} keeps those of one `{display(column)}` together"


def _repeated(subjects: RepeatedSubjects, rows: SplitRows) -> str:
    column = display(subjects.column)
    other = "other " if subjects.column in rows.schema.feature_columns else ""
    return (
        f"`{column}` has {subjects.values:,} values, and {subjects.same:,} of {subjects.features:,} {other}features are the same in"
        f" {'all' if subjects.exact else 'nearly all'} rows of a value: rows of one `{column}` on both sides of the split make forecasts of"
        f" a new one too sure, and the scores too good; {rows.way_out(subjects.column)} keeps them together"
    )


def _column_of_identical(rows: SplitRows, columns: Sequence[str], subjects: RepeatedSubjects | None, others: pa.Table) -> str | None:
    """The column by which a split would keep identical rows together; None if there is none."""
    by = rows.config.data.split.by
    if subjects is not None and subjects.column in rows.schema.feature_columns:
        return subjects.column
    if not others.num_columns:
        return None
    codes = row_hash(rows.table.select(list(columns)).slice(0, others.num_rows), ())
    return naming_column(codes, others.drop_columns([by] if by in others.column_names else []))


def _may_name(kind: pa.DataType) -> bool:
    """True if a column of this type may hold names or numbers of subjects."""
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(number or pa.types.is_string(value) or pa.types.is_large_string(value))


def _is_short(column: pa.ChunkedArray) -> bool:
    """True if the values of a column are no long texts."""
    return bool(column.nbytes <= _LONGEST_NAME * max(1, len(column)))
