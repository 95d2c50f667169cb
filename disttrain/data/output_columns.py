"""Columns in the types of an output format: text formats have neither bytes nor UUIDs, and CSV has no lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from disttrain.choices import TEXT_FORMATS
from disttrain.data.io.arrow_arrays import Column, is_bytes, joined
from disttrain.data.io.formats import FORMATS
from disttrain.data.messages import column_location, display
from disttrain.errors import DataError, Finding

UUID = "arrow.uuid"
# What makes a spreadsheet take a cell for a formula.
FORMULA = "^[=+\\-@\t\r]"


def in_format(table: pa.Table, form: str, first: int = 0) -> pa.Table:
    """Return the table in types of the format: UUIDs and bytes become text in text formats. `first` is the number of the table's first row.

    Raises DataError if bytes are not UTF-8 text.
    """
    if form not in TEXT_FORMATS:
        return table
    columns = [as_text(column, name, first) for name, column in zip(table.column_names, table.columns, strict=True)]
    return pa.Table.from_arrays(columns, table.column_names).replace_schema_metadata(table.schema.metadata)


def text_needed(schema: pa.Schema, names: Sequence[str], form: str) -> tuple[str, ...]:
    """Return those of the columns `names` whose bytes must be UTF-8 text in this format."""
    return tuple(name for name in names if form in TEXT_FORMATS and is_bytes(schema.field(name).type))


def require_format(schema: pa.Schema, names: Sequence[str], form: str) -> None:
    """Raise DataError if a format cannot hold the type of one of the columns `names`."""
    fields = [schema.field(name) for name in names]
    supported = {kind: holds(form, kind) for kind in {field.type for field in fields}}
    unfit = [field for field in fields if not supported[field.type]]
    if unfit:
        hint = "`--format parquet`" if form != "parquet" else "`--format arrow`"
        raise DataError(
            *(
                Finding(
                    "unfit-column", f"{form} cannot hold its type, {display(field.type)}", f"column `{display(field.name)}`", hints=(hint,)
                )
                for field in unfit
            )
        )


def for_spreadsheets(table: pa.Table) -> pa.Table:
    """Return the table with an apostrophe before each text and each name that a spreadsheet would run as a formula."""
    names = [f"'{name}" if name[:1] in tuple("=+-@\t\r") else name for name in table.column_names]
    columns = [escaped_formulas(column) if pa.types.is_string(column.type) else column for column in table.columns]
    return pa.Table.from_arrays(columns, names).replace_schema_metadata(table.schema.metadata)


def escaped_formulas(column: Column) -> Column:
    return pc.if_else(pc.match_substring_regex(column, FORMULA), pc.binary_join_element_wise("'", column, ""), column)


def holds(form: str, kind: pa.DataType) -> bool:
    """True if a format can hold a column of this type. The test writes a null."""
    if form == "csv" and (pa.types.is_nested(kind) and not pa.types.is_fixed_size_list(kind)):
        return False
    if form == "ndjson" and any(map(is_bytes, inside(kind))):
        return False
    try:
        table = in_format(pa.Table.from_arrays([pa.nulls(1, kind)], ["column"]), form)
        with FORMATS[form].writer(pa.BufferOutputStream(), table.schema) as writer:
            writer.write_table(table)
    except (pa.ArrowException, DataError, TypeError):
        return False
    return True


def inside(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Yield the value types of a nested type."""
    for number in range(kind.num_fields):
        part = kind.field(number).type
        yield part
        yield from inside(part)


def as_text(column: Column, name: str, first: int) -> Column:
    if isinstance(column.type, pa.BaseExtensionType):
        array = joined(column)
        return uuids(array) if column.type.extension_name == UUID else as_text(array.storage, name, first)
    if not is_bytes(column.type):
        return column
    array = joined(column).cast(pa.binary())
    if (row := first_without_text(array)) is not None:
        what = f"its bytes are not UTF-8 text: {display(array[row].as_py()[:40])}"
        raise DataError(Finding("not-text", what, column_location(f"row {first + row:,}", name), hints=("`--format parquet`",)))
    return array.cast(pa.string())


def first_without_text(array: pa.Array) -> int | None:
    """Return the first row of a column of bytes that is not UTF-8 text, by bisection; None if all rows are."""
    if is_utf8(array):
        return None
    start, length = 0, len(array)
    while length > 1:
        half = length // 2
        start, length = (start, half) if not is_utf8(array.slice(start, half)) else (start + half, length - half)
    return start


def is_utf8(array: pa.Array) -> bool:
    try:
        array.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def uuids(array: pa.ExtensionArray) -> pa.Array:
    """Return UUIDs as text of 36 characters."""
    storage = array.storage
    rows = len(storage)
    if not rows:
        return pa.nulls(0, pa.string())
    raw = np.frombuffer(storage.buffers()[1], dtype=np.uint8)[16 * storage.offset :][: 16 * rows].reshape(rows, 16)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[np.stack([raw >> 4, raw & 15], 2).reshape(rows, 32)]
    characters = np.insert(digits, (8, 12, 16, 20), ord("-"), axis=1)
    ends = pa.py_buffer(np.arange(0, 36 * rows + 1, 36, dtype=np.int64))
    text = pa.Array.from_buffers(pa.large_string(), rows, [None, ends, pa.py_buffer(np.ascontiguousarray(characters))]).cast(pa.string())
    return pc.if_else(storage.is_valid(), text, None) if storage.null_count else text
