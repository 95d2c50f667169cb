"""The observed target as numbers, label codes or vectors, and the weight of each row."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from disttrain.data.column_checks import LABEL, fits, unusable
from disttrain.data.features.categorical import positions_in
from disttrain.data.io.arrow_arrays import Batch, bits, is_text, joined, text_column, texts
from disttrain.data.messages import BatchError, BatchFinding, display, missing_column, raise_in_batch, row_finding, rows_have
from disttrain.data.value_checks import checked_numbers, counted, value_findings

Label = str | int | bool
MOST_LABELS = 10_000


@dataclass(frozen=True)
class Target:
    """The target of n rows.

    `values` are numbers (n,), vectors (n, d), or label codes (n,) as float64, NaN if not observed. `labels` are the labels of the codes.
    `missing` is a mask (n,) of the rows without a value (null or NaN in any column). `columns` are the target columns.
    """

    values: NDArray[np.float64]
    labels: tuple[Label, ...] | None
    missing: NDArray[np.bool_]
    columns: tuple[str, ...] = ()


def read_target(batch: Batch, columns: Sequence[str], *, kind: str, labels: Sequence[Label] | None = None) -> Target:
    """Read the target from the columns of a table or record batch. Missing values are marked and cause no error.

    `kind` is `number`: one column of numbers, in their unit; `vector`: several; or `label`: one column of labels, or one column for each
    label with exactly one 1 in a row. The labels are `labels`, else the sorted labels of the data (columns keep their order).
    Raises DataError with all faults: absent columns, text for numbers, infinite values, unknown labels, rows not one-hot.
    """
    names = batch.schema.names
    raise_in_batch(missing_column(name, kind="target ") for name in columns if name not in names)
    if kind == "label" and len(columns) == 1:
        return labelled(columns[0], joined(batch.column(columns[0])), labels)
    parts = [checked_numbers(name, batch.column(name)) for name in columns]
    raise_in_batch(finding for part in parts for finding in part[2])
    values = np.stack([part[0] for part in parts], axis=1) if len(columns) > 1 or kind == "vector" else parts[0][0]
    absent = np.logical_or.reduce([part[1] for part in parts])
    return one_hot(columns, values, absent) if kind == "label" else Target(values, None, absent, tuple(columns))


def one_hot(columns: Sequence[str], values: NDArray[np.float64], missing: NDArray[np.bool_]) -> Target:
    """Return the target of one-hot columns, (n, labels). Raises DataError for rows that are not one-hot."""
    proper = np.all((values == 0) | (values == 1), axis=1) & (values.sum(axis=1) == 1)
    wrong = ~proper & ~missing
    if wrong.any():
        what = f"{int(wrong.sum()):,} rows do not have exactly one 1, and else 0, in the {len(columns)} target columns"
        names = ", ".join(columns)
        raise BatchError(
            row_finding("not-one-hot", what, column=names, rows=wrong, values=lambda row: " ".join(f"{v:g}" for v in values[row]))
        )
    codes = np.where(missing, np.nan, values.argmax(axis=1))
    return Target(codes, tuple(columns), missing, tuple(columns))


def labelled(name: str, array: pa.Array, configured: Sequence[Label] | None) -> Target:
    """Return the target of a column of labels. Raises DataError for an unusable type and for labels not in `configured`."""
    if not fits(LABEL, array.type):
        raise BatchError(unusable(name, array.type, LABEL))
    written = texts(array)
    labels = tuple(configured) if configured is not None else observed_labels(name, array)
    codes = positions_in(written, text_column([text_of(label) for label in labels]))
    missing = ~bits(written.is_valid())
    unknown = (codes < 0) & ~missing
    if unknown.any():
        what = f"{rows_have(unknown)} a label that is none of the {len(labels)} known"
        hints = (f"known are {', '.join(display(text_of(label), 30) for label in labels[:10])}",)
        raise BatchError(row_finding("unknown-label", what, column=name, rows=unknown, values=lambda row: array[row].as_py(), hints=hints))
    return Target(np.where(missing, np.nan, codes), labels, missing, (name,))


MOST_FRACTIONS = 20
INTEGER = re.compile(r"(0|-?[1-9]\d{0,17})(\.0+)?")


def observed_labels(name: str, array: pa.Array) -> tuple[Label, ...]:
    """Return the sorted labels of a column: integers or truth values if all labels are such, else texts.

    Raises DataError for too many labels, and for fractions.
    """
    written = texts(array)
    distinct = pc.unique(written.drop_null()).to_pylist()
    if len(distinct) > MOST_LABELS:
        what = f"it has {len(distinct):,} different labels; at most {MOST_LABELS:,} can be learned"
        raise BatchError(BatchFinding("too-many-labels", what, name))
    # Versions 1.1 and 1.10 are labels; a column of many fractions, or of floats, is none.
    if len(distinct) > MOST_FRACTIONS or not is_text(joined(array).type):
        require_no_quantity(name, written, distinct)
    integers = sorted({int(text.partition(".")[0]) for text in distinct if INTEGER.fullmatch(text)})
    if len(integers) == len(distinct):
        return tuple(integers)
    if set(distinct) <= {"true", "false"}:
        return tuple(text == "true" for text in sorted(distinct))
    return tuple(sorted(distinct))


def require_no_quantity(name: str, written: pa.Array, distinct: list[str]) -> None:
    """Raise DataError if the labels are numbers and some of them fractions."""
    values = [number_of(text) for text in distinct]
    fractions = [text for text, value in zip(distinct, values, strict=True) if value is not None and value % 1]
    if None in values or not fractions:
        return
    rows = bits(pc.is_in(written, value_set=text_column(fractions)))
    what = f"{counted(rows)} no whole number, so this is a quantity and not a label"
    raise BatchError(row_finding("unusable-type", what, column=name, rows=rows, values=lambda row: written[row].as_py()))


def number_of(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def text_of(label: Label) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def require_complete(target: Target) -> None:
    """Raise DataError with the rows without a target, which is never imputed."""
    if target.missing.any():
        raise BatchError(no_target(target.columns, target.missing))


def no_target(columns: Sequence[str], missing: NDArray[np.bool_], nor: str = "") -> BatchFinding:
    """Return the finding about rows without an observation in any of the `columns`."""
    what = f"{rows_have(missing)} no target (null or NaN){nor}"
    hints = ("drop the rows from the file; the target is never imputed",)
    return row_finding("missing-target", what, column=", ".join(columns), rows=missing, hints=hints)


def read_weight(batch: Batch, column: str) -> NDArray[np.float64]:
    """Return the weight of each row, (n,), finite and not negative. Raises DataError with the invalid rows."""
    if column not in batch.schema.names:
        raise BatchError(missing_column(column, kind="weight "))
    weight, missing, findings = checked_numbers(column, batch.column(column))
    raise_in_batch(findings)
    kinds = (
        ("missing-weight", "missing: a weight is never imputed", missing),
        ("negative-weight", "negative: a weight multiplies a row's log-likelihood", weight < 0),
    )
    raise_in_batch(value_findings(column, weight, kinds))
    return weight


def require_weight(weight: NDArray[np.float64], column: str, split: str = "") -> None:
    """Raise DataError if no row (of `split`, if it is named) has a weight above 0."""
    if not np.any(weight > 0):
        raise BatchError(BatchFinding("no-weight", f"all weights{split and f' of the {split} rows'} are 0, so no row counts", column))
