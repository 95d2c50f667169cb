"""Frames of other libraries as Arrow tables, and tables as frames of the same kind. No library is imported unless the caller imported
it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa

from disttrain.data import column_location, display
from disttrain.data.io.arrow_arrays import plain
from disttrain.errors import DataError, Finding, UsageError

# How messages name the place of a row that came in a frame.
FRAME = "frame"
_ACCEPTED = "a pandas or polars DataFrame, or an Arrow table, record batch or reader"
_WAYS_OUT = {
    "ndarray": "give its columns names: `pandas.DataFrame(array, columns=[...])`",
    "dict": "`pandas.DataFrame(columns)` or `pyarrow.table(columns)`",
    "list": "`pandas.DataFrame(rows)` or `pyarrow.Table.from_pylist(rows)`",
    "Series": "one column is no frame: `series.to_frame()`",
    "LazyFrame": "`frame.collect()`",
    "str": "read the file first, or name it to `disttrain predict --data`",
    "Path": "read the file first, or name it to `disttrain predict --data`",
    "ChunkedArray": "one column is no frame: `pyarrow.table({name: column})`",
    "Array": "one column is no frame: `pyarrow.table({name: column})`",
    "Tensor": "give its columns names: `pandas.DataFrame(tensor.numpy(), columns=[...])`",
}


def table_of(frame: Any, columns: Collection[str]) -> pa.Table:
    """Return those of the `columns` that a frame has, as an Arrow table.

    Raises UsageError if the argument is no frame, DataError for a column without a common Arrow type.
    """
    if _is("pandas", frame, "DataFrame"):
        return _of_pandas(frame, columns)
    if not (hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__")):
        raise _refusal(frame)
    table = _of_arrow(frame)
    table = table.select([index for index, name in enumerate(table.column_names) if name in columns])
    return pa.Table.from_arrays([_readable(column) for column in table.columns], table.column_names) if table.num_columns else table


def like(frame: Any, table: pa.Table) -> Any:
    """Return a table as a frame of the kind of `frame`, which has as many rows: pandas with its index, polars, else Arrow."""
    if _is("pandas", frame, "DataFrame"):
        return table.to_pandas().set_index(frame.index) if table.num_columns else frame.iloc[:, :0]
    if _is("polars", frame, "DataFrame"):
        return sys.modules["polars"].from_arrow(table)
    if isinstance(frame, pa.RecordBatch):
        return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=table.schema)
    return table


def batches_of(batches: Any) -> Iterator[Any]:
    """Return the frames of an iterable, or the record batches of an Arrow stream. Raises UsageError if the argument is neither."""
    if _is("pandas", batches, "DataFrame") or _is("polars", batches, "DataFrame"):
        raise _refused(batches, "is one frame, not several", "`run.predict(frame)`, or a list of frames")
    if hasattr(batches, "__arrow_c_stream__"):
        return iter(pa.RecordBatchReader.from_stream(batches))
    try:
        return iter(batches)
    except TypeError:
        raise _refused(batches, "is not an iterable of Arrow batches", "a list, a generator, or a `pyarrow.RecordBatchReader`") from None


def _is(library: str, frame: Any, name: str) -> bool:
    """True if a frame is of the class `name` of a library. The library is not imported: a frame of it implies its import."""
    kind = getattr(sys.modules.get(library), name, None)
    return kind is not None and isinstance(frame, kind)


def _of_pandas(frame: Any, columns: Collection[str]) -> pa.Table:
    for name in frame.index.names:
        if name in columns and name not in frame.columns:
            what = f"`{display(name)}` is the index of the frame, and no column"
            raise DataError(Finding("missing-column", what, FRAME, hints=("`frame.reset_index()`",)))
    names = [name for name in frame.columns if isinstance(name, str) and name in columns]
    indices = [index for index, name in enumerate(frame.columns) if isinstance(name, str) and name in columns]
    arrays = []
    for name, index in zip(names, indices, strict=True):
        column = frame.iloc[:, index]
        if _is("pandas", column.dtype, "SparseDtype"):
            column = column.sparse.to_dense()
        if column.dtype.kind == "c":
            hints = (f"`frame[{name!r}].abs()`, or the parts as two columns: `numpy.real(frame[{name!r}])` and `numpy.imag(...)`",)
            raise DataError(
                Finding("unusable-type", "its values are complex numbers, which have no order", column_location(FRAME, name), hints=hints)
            )
        try:
            array = pa.Array.from_pandas(column)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as fault:
            what = f"its values have no one type: {display(str(fault).splitlines()[0], 200)}"
            hints = (f"`frame[{name!r}].astype(str)` for text, `pandas.to_numeric` for numbers",)
            raise DataError(Finding("mixed-types", what, column_location(FRAME, name), hints=hints)) from None
        # A column of an extension of pandas may be an Arrow column in several pieces.
        arrays.append(array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array]))
    if not arrays:
        # A table without columns has no rows either, and the number of rows is what is left to know.
        return pa.table({"": pa.nulls(len(frame))})
    return pa.Table.from_arrays(arrays, names)


def _of_arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    try:
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as fault:
        raise _refusal(frame) from fault


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column with plain Arrow text. Arrow has few functions for views of text, and none for dictionaries of them."""
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column if kind == plain(kind) else column.cast(plain(kind))
    if kind.value_type == plain(kind):
        return column
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(plain(kind))) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=pa.dictionary(kind.index_type, plain(kind)))


def _refusal(frame: Any) -> UsageError:
    kinds = [kind.__name__ for kind in type(frame).__mro__]
    hint = next((_WAYS_OUT[kind] for kind in kinds if kind in _WAYS_OUT), "")
    return _refused(frame, "is no frame", hint or f"give {_ACCEPTED}")


def _refused(frame: Any, what: str, hint: str) -> UsageError:
    kind = type(frame)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    return UsageError(Finding("no-frame", f"a `{name}` {what}", hints=(hint,), why=f"disttrain takes {_ACCEPTED}"))
