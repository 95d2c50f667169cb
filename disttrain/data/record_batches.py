"""Record batches made of arrays and of other batches, also those without a column, which have rows all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

__all__ = ["ahead", "gathered", "no_rows", "of_length", "one_batch", "rows_at", "rows_from"]

SMALL_ROWS, SMALL_BYTES = 4096, 1 << 20


def of_length(arrays: Sequence[Any], fields: Sequence[Any], rows: int) -> Any:
    """A record batch of so many rows, which may have no column."""
    if arrays:
        return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields))
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], [""]).select([])


def no_rows(fields: Sequence[Any]) -> Any:
    return of_length([pa.nulls(0, field.type) for field in fields], fields, 0)


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
