"""Record batches made of arrays and of other batches, also those without a column, which have rows all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.io.arrow_arrays import is_text, joined, plain

__all__ = ["ahead", "gathered", "no_rows", "of_length", "one_batch", "plain_parts", "regrouped", "rows_at", "rows_from", "varies"]

SMALL_ROWS, SMALL_BYTES = 4096, 1 << 20
# The texts and lists of a batch: 2^31 bytes are all that an Arrow array of text holds, and several batches are in memory at a time.
MOST_BYTES = 128 << 20


def of_length(arrays: Sequence[Any], fields: Sequence[Any], rows: int) -> Any:
    """A record batch of so many rows, which may have no column."""
    if arrays:
        return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields))
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], [""]).select([])


def no_rows(fields: Sequence[Any]) -> Any:
    return of_length([pa.nulls(0, field.type) for field in fields], fields, 0)


def plain_parts(batch: Any) -> Iterator[Any]:
    """The rows of a batch in plain types, in parts whose texts and lists are no longer than MOST_BYTES, as far as there are several rows."""
    if batch.num_rows > 1 and (size := long_bytes(batch)) > MOST_BYTES:
        part = max(1, batch.num_rows // (size // MOST_BYTES + 1))
        for start in range(0, batch.num_rows, part):
            yield from plain_parts(batch.slice(start, part))
    else:
        arrays = [joined(column) for column in batch.columns]
        fields = [pa.field(name, array.type) for name, array in zip(batch.schema.names, arrays, strict=True)]
        yield of_length(arrays, fields, batch.num_rows)


def regrouped(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    """The same rows in batches that end at each multiple of `rows` rows, and before it where texts and lists pass MOST_BYTES."""
    pending: list[Any] = []
    left, size = rows, 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = rows_from(batch, start, left)
            pending.append(part)
            start, left, size = start + part.num_rows, left - part.num_rows, size + long_bytes(part)
            if not left or size > MOST_BYTES:
                yield one_batch(pending)
                pending, left, size = [], left or rows, 0
    if pending:
        yield one_batch(pending)


def long_bytes(batch: Any) -> int:
    """The bytes of the texts and lists of a batch, those of dictionaries as often as they stand in it."""
    return sum(length_of(part) for column in batch.columns for part in (column.chunks if isinstance(column, pa.ChunkedArray) else [column]))


def length_of(array: Any) -> int:
    if not pa.types.is_dictionary(array.type):
        return int(array.nbytes) if varies(array.type) else 0
    values = joined(array.dictionary)
    # A value is at most as long as all of them together.
    if values.nbytes * len(array) <= MOST_BYTES or not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return int(values.nbytes)
    return int(pc.sum(pc.binary_length(values).cast(pa.int64()).take(array.indices)).as_py() or 0)


def varies(kind: Any) -> bool:
    """Whether the values of a type have lengths of their own: text, bytes, lists."""
    return bool(pa.types.is_nested(kind) or is_text(plain(kind)) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def one_batch(batches: Sequence[Any]) -> Any:
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) == 1:
        return filled[0]
    schema = filled[0].schema
    arrays = [pa.concat_arrays([batch.column(index) for batch in filled]) for index in range(len(schema))]
    return of_length(arrays, list(schema), sum(batch.num_rows for batch in filled))


def gathered(batches: Iterator[Any]) -> Iterator[Any]:
    """The same rows, small batches that follow each other as one table: what is done with a batch costs as much for a row as for thousands."""
    pending: list[Any] = []
    count = size = 0
    for batch in batches:
        if not pending and batch.num_rows >= SMALL_ROWS:
            yield batch
            continue
        pending.append(batch)
        count, size = count + batch.num_rows, size + batch.nbytes
        if count >= SMALL_ROWS or size >= SMALL_BYTES:
            yield pa.Table.from_batches(pending)
            pending, count, size = [], 0, 0
    if pending:
        yield pa.Table.from_batches(pending)


def rows_from(rows: Any, start: int, count: int) -> Any:
    """So many rows of a table or batch, or as many as there are. Of a table without columns Arrow's own slice has other rows (pyarrow 26)."""
    return rows.slice(start, count) if rows.num_columns else of_length([], [], max(0, min(count, rows.num_rows - start)))


def rows_at(rows: Any, index: Any) -> Any:
    """The rows of a table or batch with these positions, an Arrow array. Of a table without columns Arrow's own take has none."""
    return rows.take(index) if rows.num_columns else of_length([], [], len(index))


def ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches, each read in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch
