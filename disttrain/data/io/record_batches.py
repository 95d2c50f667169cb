"""Record batches from arrays and from other batches. A batch without columns still has rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from disttrain.data.io.arrow_arrays import Batch, is_text, joined, plain

SMALL_ROWS, SMALL_BYTES = 4096, 1 << 20
# The texts and lists of a batch: 2^31 bytes are all that an Arrow array of text holds, and several batches are in memory at a time.
MOST_BYTES = 128 << 20


def of_length(arrays: Sequence[pa.Array], fields: Sequence[pa.Field], rows: int) -> pa.RecordBatch:
    """Return a record batch of `rows` rows, possibly without columns."""
    if arrays:
        return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields))
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], [""]).select([])


def no_rows(fields: Sequence[pa.Field]) -> pa.RecordBatch:
    return of_length([pa.nulls(0, field.type) for field in fields], fields, 0)


def plain_parts(batch: Batch) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch in plain types, in parts with at most MOST_BYTES of texts and lists. A single row is never divided."""
    if batch.num_rows > 1 and (size := long_bytes(batch)) > MOST_BYTES:
        part = max(1, batch.num_rows // (size // MOST_BYTES + 1))
        for start in range(0, batch.num_rows, part):
            yield from plain_parts(batch.slice(start, part))
    else:
        arrays = [joined(column) for column in batch.columns]
        fields = [pa.field(name, array.type) for name, array in zip(batch.schema.names, arrays, strict=True)]
        yield of_length(arrays, fields, batch.num_rows)


def regrouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches that end at each multiple of `rows` rows, and earlier if texts and lists exceed MOST_BYTES."""
    pending: list[pa.RecordBatch] = []
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


def long_bytes(batch: Batch) -> int:
    """Return the size in bytes of the texts and lists of a batch. A dictionary value counts once for each row that has it."""
    return sum(length_of(part) for column in batch.columns for part in (column.chunks if isinstance(column, pa.ChunkedArray) else [column]))


def length_of(array: pa.Array) -> int:
    if not pa.types.is_dictionary(array.type):
        return int(array.nbytes) if varies(array.type) else 0
    values = joined(array.dictionary)
    # A value is at most as long as all of them together.
    if values.nbytes * len(array) <= MOST_BYTES or not (pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        return int(values.nbytes)
    return int(pc.sum(pc.binary_length(values).cast(pa.int64()).take(array.indices)).as_py() or 0)


def varies(kind: pa.DataType) -> bool:
    """True if the values of a type have different lengths: text, bytes, lists."""
    return bool(pa.types.is_nested(kind) or is_text(plain(kind)) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def one_batch(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) == 1:
        return filled[0]
    schema = filled[0].schema
    arrays = [pa.concat_arrays([batch.column(index) for batch in filled]) for index in range(len(schema))]
    return of_length(arrays, list(schema), sum(batch.num_rows for batch in filled))


def gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[Batch]:
    """Yield the same rows, with consecutive small batches combined into one table: a step costs as much for one row as for thousands."""
    pending: list[pa.RecordBatch] = []
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


def rows_from(rows: Batch, start: int, count: int) -> Batch:
    """Return `count` rows of a table or batch, or as many as exist. Arrow's own slice of a table without columns is wrong (pyarrow 26)."""
    return rows.slice(start, count) if rows.num_columns else of_length([], [], max(0, min(count, rows.num_rows - start)))


def rows_at(rows: Batch, index: pa.Array) -> Batch:
    """Return the rows of a table or batch at these positions, an Arrow array. Arrow's own take of a table without columns has no rows."""
    return rows.take(index) if rows.num_columns else of_length([], [], len(index))


def ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same batches; a thread reads the next one while the current one is in use."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(next, batches, None)
        while (batch := future.result()) is not None:
            future = thread.submit(next, batches, None)
            yield batch
