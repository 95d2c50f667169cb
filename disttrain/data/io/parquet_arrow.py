"""Parquet and Arrow (Feather) files: formats that carry their schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from disttrain.data.io.files import Sink, opened, reading
from disttrain.data.io.record_batches import plain_parts, regrouped, varies

MAGIC_BYTES = 6
TEXT_ROWS = 4_096
ArrowReader: TypeAlias = "pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader"


@contextmanager
def parquet_file(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file. Raises DataError if it is broken, also for errors of the block."""
    with reading(path, "parquet"), opened(path) as handle:
        # pre_buffer=True would hold all column chunks of the file; without checksums three in ten flipped bytes load as other values.
        # Without a buffer size, every column chunk of a row group is read whole.
        yield pq.ParquetFile(handle, pre_buffer=False, buffer_size=1 << 18, page_checksum_verification=True)


def parquet_schema(path: Path) -> pa.Schema:
    """Return the schema of the file, from its footer."""
    with parquet_file(path) as file:
        return file.schema_arrow


def parquet_rows(path: Path) -> int:
    """Return the number of rows of the file, from its footer."""
    with parquet_file(path) as file:
        return int(file.metadata.num_rows)


def parquet_batches(path: Path, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield record batches of `columns` with at most `rows` rows each, fewer if texts are long. About one batch and one page of each
    column are in memory.
    """
    with parquet_file(path) as file:
        count = 0
        for batch in regrouped(parquet_parts(file, columns, rows), rows):
            count += batch.num_rows
            yield batch
        if count != file.metadata.num_rows:
            raise ValueError(f"its footer promises {file.metadata.num_rows:,} rows, and it holds {count:,}")


def parquet_parts(file: pq.ParquetFile, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows in file order, few at a time if there are texts or lists: the footer does not tell their length, as a repeated
    value may be stored once.
    """
    # Made anew at each call, of all columns.
    schema = file.schema_arrow
    long = any(varies(kind) or pa.types.is_dictionary(kind) for kind in (schema.field(name).type for name in columns))
    for batch in file.iter_batches(batch_size=min(rows, TEXT_ROWS) if long else rows, columns=list(columns)):
        batch.validate(full=True)
        # Asking for `a` also yields a nested or dotted `a.b`.
        yield from plain_parts(batch.select(list(columns)))


def parquet_writer(sink: Sink, schema: pa.Schema) -> pq.ParquetWriter:
    """Return a writer of Parquet with zstd and page checksums. `sink` is a path or an open binary file."""
    return pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True)


@contextmanager
def arrow_reader(path: Path) -> Iterator[ArrowReader]:
    """Open an Arrow file, or an Arrow stream if the file magic is absent. Raises DataError if it is broken, also for errors of the block."""
    with reading(path, "arrow"), opened(path) as handle:
        first = bytes(handle.read(MAGIC_BYTES))
        handle.seek(0)
        yield pa.ipc.open_file(handle) if first == b"ARROW1" else pa.ipc.open_stream(handle)


def reader_batches(reader: ArrowReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        yield from (reader.get_batch(index) for index in range(reader.num_record_batches))
    else:
        yield from reader


def arrow_schema(path: Path) -> pa.Schema:
    """Return the schema of the file, from its header."""
    with arrow_reader(path) as reader:
        return reader.schema


def arrow_rows(path: Path) -> int:
    """Count the rows of the file, batch by batch."""
    with arrow_reader(path) as reader:
        return sum(batch.num_rows for batch in reader_batches(reader))


def arrow_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield record batches of `columns`, in the lengths of the file."""
    with arrow_reader(path) as reader:
        for batch in reader_batches(reader):
            chosen = batch.select(list(columns))
            # Offsets are taken from the file as they are: believed unseen, a broken one is read outside the buffer.
            chosen.validate(full=True)
            yield chosen


def arrow_writer(sink: Sink, schema: pa.Schema) -> pa.ipc.RecordBatchFileWriter:
    """Return a writer of an Arrow file (Feather, version 2), uncompressed. `sink` is a path or an open binary file."""
    return pa.ipc.new_file(sink, schema)
